"""Fixtures of the isolation library's tests."""

from tests.walkaway.support.nested import nested

__all__ = ["nested"]
