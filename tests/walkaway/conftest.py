"""Fixtures of the collection's tests."""

from tests.walkaway.support.scratch import scratch

__all__ = ["scratch"]
