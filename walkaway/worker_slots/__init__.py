"""Worker slots that all runs on this machine share: the queue, and how many workers a run needs."""
