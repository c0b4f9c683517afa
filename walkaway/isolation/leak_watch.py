"""The interface between the leak check and the modules that own a resource.

A session fixture that opens a resource adds its `Watch`. From then on the check asks it about every
test. Must not know any particular resource.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pytest


class Watch(Protocol):
    """One kind of thing that a test can leave behind: rows, keys, threads, ..."""

    @property
    def kind(self) -> str:
        """The plural noun that options and markers use for it, such as `rows`."""

    def before(self) -> object:
        """Return what exists before a test, after its wider-scoped fixtures are set up."""

    def left(self, before: object) -> Sequence[str]:
        """Return what the test left, a few words each. Called after the test's own clean-up.

        ``before`` is None when the resource was first opened during the test.
        """

    def restore(self, before: object) -> None:
        """Restore what can be restored, so that the next test does not suffer."""


_WATCHES = pytest.StashKey[list[Watch]]()


def of(config: pytest.Config) -> list[Watch]:
    """Return the watches of this process, in the order they were added."""
    return config.stash.setdefault(_WATCHES, [])


def add(config: pytest.Config, watch: Watch) -> None:
    """Watch a resource until `remove`."""
    of(config).append(watch)


def remove(config: pytest.Config, watch: Watch) -> None:
    """Stop watching a resource that is about to close."""
    of(config).remove(watch)
