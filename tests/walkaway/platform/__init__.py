"""The platform's own suite, seen from outside: its embedded default, and all of it in Compose."""
