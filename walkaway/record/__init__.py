"""The files of a run: where they lie, run ids, and how a bounded part of a file is read."""
