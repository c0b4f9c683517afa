"""Pure data and rules: no files, no clock, no environment. `now` and contents are arguments."""
