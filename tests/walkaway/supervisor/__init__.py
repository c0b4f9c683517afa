"""The table of endings, with real processes."""
