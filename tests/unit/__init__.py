"""Tests that need nothing that runs: pure functions, and services that are asked in memory."""
