"""Pure rules: no processes, no files."""
