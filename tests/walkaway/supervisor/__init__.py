"""Run endings, tested with real processes."""
