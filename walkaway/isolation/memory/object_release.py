"""Release the large objects of a test as soon as it is over.

Three things keep them alive. After a failed test, `sys.last_traceback` holds its frames with all
their variables until the next test's call. The instance of a test class stays with its item for the
whole session. Cycles stay until the garbage collector runs, which counts objects, not bytes.
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
"""Exceptions of the test's phases so far, kept on its item until the test ends."""


def let_go(item: pytest.Item) -> None:
    """Drop what pytest and the interpreter still hold of a finished test, and collect garbage."""
    last = getattr(sys, "last_value", None)
    for name in _LAST:
        with suppress(AttributeError):
            delattr(sys, name)
    _empty_frames([*item.stash.get(ERRORS, []), last])
    # Drops what a test stored on `self`. A test that runs again gets a new instance.
    if isinstance(item, pytest.Function) and type(item.parent) is pytest.Class:
        for name in ("_instance", "_obj"):
            vars(item).pop(name, None)
    del last
    gc.collect()


def _empty_frames(errors: Sequence[BaseException | None]) -> None:
    """Clear the frames in the tracebacks of errors, their causes and the members of groups."""
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
            with suppress(RuntimeError):  # the frame is still running, such as pytest's own
                link.tb_frame.clear()
                # Before Python 3.13 a frame also keeps a copy of its variables once somebody has
                # read f_locals, as pytest does. Reading it again brings the copy up to date.
                _ = link.tb_frame.f_locals
            link = link.tb_next


def give_back() -> None:
    """Make the C library return free memory to the system. Only glibc can."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
