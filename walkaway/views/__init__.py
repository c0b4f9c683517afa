"""Turn models into text, JSON or Markdown. Pure: no files, no clock, no terminal."""
