"""Tests of a run's life: ids, settings, trees, origins."""
