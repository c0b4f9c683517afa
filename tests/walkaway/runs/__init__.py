"""Tests of a run's life: ids, settings, source trees, origins."""
