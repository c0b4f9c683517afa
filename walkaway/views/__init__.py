"""Pure: model in, text, JSON or JUnit out. No files, no clock, no terminal."""
