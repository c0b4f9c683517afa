"""Worker slots shared by all runs on this machine: the queue, and how many workers a run needs."""
