"""Letting go of what a test has made large, as soon as it is over.

After a test that failed, `sys.last_traceback` keeps its frames with all of their variables until
the next one's call; a class's instance stays with its item for the whole session; and cycles stay
until the collector comes by, which counts objects and not bytes.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import pytest

_LAST: Final = ("last_type", "last_value", "last_traceback", "last_exc")


ERRORS: Final = pytest.StashKey[list[BaseException]]()
"""Those of the test's phases so far, kept on its item until its end."""


def let_go(item: pytest.Item) -> None:
    """Drop what pytest and the interpreter still hold of a test that is over, and collect."""
    last = getattr(sys, "last_value", None)
    for name in _LAST:
        with suppress(AttributeError):
            delattr(sys, name)
    _empty_frames([*item.stash.get(ERRORS, []), last])
    # What a test puts on `self`; a test that runs again gets a new instance.
    if isinstance(item, pytest.Function) and type(item.parent) is pytest.Class:
        for name in ("_instance", "_obj"):
            vars(item).pop(name, None)
    del last
    gc.collect()


def _empty_frames(errors: Sequence[BaseException | None]) -> None:
    """Clear the variables of the frames that errors, their causes and parts went through."""
    queue, seen = deque(errors), set[int]()
    while queue:
        error = queue.popleft()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        queue += [error.__cause__, error.__context__]
        if isinstance(error, BaseExceptionGroup):
            queue += error.exceptions
        link = error.__traceback__
        while link is not None:
            with suppress(RuntimeError):  # it is still at work, such as pytest's own
                link.tb_frame.clear()
                # Until Python 3.12 a frame also has a copy of its variables, if anyone has asked
                # for it, as pytest has; asking again brings the copy up to date.
                _ = link.tb_frame.f_locals
            link = link.tb_next


def give_back() -> None:
    """Have the C library return free memory to the system; glibc alone can."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
