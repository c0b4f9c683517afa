"""Fixtures of the platform's tests. tests/walkaway has its own and uses none of these."""
