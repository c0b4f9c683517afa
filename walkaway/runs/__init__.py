"""A run's life on this machine: id, record, lock, start, status, stop. Knows nothing of Invoke."""
