"""Pure rules: no process, no file."""
