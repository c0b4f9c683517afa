"""Processes, locks and signals, without a run."""
