"""Waiting for conditions, never for times."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
PATIENCE_S = 60.0
"""A bound for things that take a second: a busy machine is no failure."""


def wait_for(condition: Callable[[], T], what: str = "", timeout_s: float = PATIENCE_S) -> T:
    """Return the first true answer of a condition; fails when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            name = what or getattr(condition, "__name__", "condition")
            message = f"not within {timeout_s:.0f} s: {name}"
            raise AssertionError(message)
        time.sleep(0.01)
