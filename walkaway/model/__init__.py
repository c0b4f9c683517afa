"""Pure data and rules. No files, clock or environment: `now` and file contents are arguments."""
