"""Find the threads that keep a process open after pytest's end, and where each was started.

Knows Python's threads; must not know pytest.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from walkaway_recorder.guard import Foreign
from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    from types import FrameType

keep_builtins(globals())

_MARK = "_walkaway_started"
_MOST = 8
_MOST_FRAMES = 40
_LIBRARY = tuple(
    os.path.join(path, "")
    for path in {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib")}
    if path
)


def note_starts() -> None:
    """Make every thread that starts from now on remember where it was started.

    Costs about 2 µs per thread.
    """
    original = threading.Thread.start
    if getattr(original, _MARK, None):
        return

    def start(self: threading.Thread, *args: Foreign, **kwargs: Foreign) -> None:
        __tracebackhide__ = True
        with suppress(Exception):  # an unusual Thread subclass must start all the same
            setattr(self, _MARK, _place(sys._getframe(1)))  # noqa: SLF001 - there is no other way
        original(self, *args, **kwargs)

    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(start, name, getattr(original, name))
    setattr(start, _MARK, True)
    threading.Thread.start = start  # type: ignore[method-assign]


def open_now(root: str) -> list[dict[str, object]]:
    """Return the threads Python waits for at exit: name, id, and place of start; eight at most."""
    root = os.path.join(root, "")
    mine = {threading.main_thread(), threading.current_thread()}
    found = [one for one in threading.enumerate() if not one.daemon and one not in mine]
    return [
        {"name": str(one.name)[:80], "id": one.ident, "at": _text(getattr(one, _MARK, None), root)}
        for one in found[:_MOST]
    ]


def _place(frame: FrameType | None) -> tuple[str, int]:
    """Return file and line of the innermost frame outside libraries, else of the caller."""
    caller = frame
    for _ in range(_MOST_FRAMES):
        if frame is None:
            break
        path = frame.f_code.co_filename
        if not path.startswith(_LIBRARY) and path[:1] != "<" and "-packages" not in path:
            return path, frame.f_lineno
        frame = frame.f_back
    return (caller.f_code.co_filename, caller.f_lineno) if caller is not None else ("", 0)


def _text(place: tuple[str, int] | None, root: str) -> str:
    if not place:
        return ""
    path, line = place
    return f"{path[len(root) :] if path.startswith(root) else path}:{line}"
