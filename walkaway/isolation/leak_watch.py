"""What a test can leave behind: the seam between the leak check and those who know a resource.

A session fixture that opens a resource adds its watch; from then on the check asks it about every
test. Must not know any resource.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pytest


class Watch(Protocol):
    """One kind of thing that can be left: rows, keys, threads, ..."""

    @property
    def kind(self) -> str:
        """The plural noun by which options and markers name it, such as `rows`."""

    def before(self) -> object:
        """Return what is there before a test, once its wider fixtures are set up."""

    def left(self, before: object) -> Sequence[str]:
        """Return what the test left, each in a few words; asked after its own clean-up.

        ``before`` is None when the resource was first opened during the test.
        """

    def mend(self, before: object) -> None:
        """Put back what can be put back, so that the next test does not suffer."""


_WATCHES = pytest.StashKey[list[Watch]]()


def of(config: pytest.Config) -> list[Watch]:
    """Return the watches of this process, in the order in which they were added."""
    return config.stash.setdefault(_WATCHES, [])


def add(config: pytest.Config, watch: Watch) -> None:
    """Have a resource watched until `remove`."""
    of(config).append(watch)


def remove(config: pytest.Config, watch: Watch) -> None:
    """Stop watching a resource that is being closed."""
    of(config).remove(watch)
