"""What the collection's tests share: scratch checkouts, bounded waits, real processes."""
