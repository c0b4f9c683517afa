"""The files of a run: their paths, run ids, and bounded reads of large files."""
