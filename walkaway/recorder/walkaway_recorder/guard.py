"""What is not ours: pytest's and xdist's objects, and errors that must not reach them.

Knows what to let through; must not know what anybody records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import pytest

from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    from types import TracebackType

keep_builtins(globals())

#: An object whose type differs from version to version of pytest or xdist, or is private there.
Foreign = Any

Exit = pytest.exit.Exception


class Guard:
    """`with guard:` swallows and notes an error of the recorder, so that no test feels it.

    Ctrl-C, a timeout's or another plugin's pytest.exit() that arrives meanwhile is not ours:
    it goes on its way.
    """

    __slots__ = ("_note",)

    def __init__(self, note: Callable[[Exception], None]) -> None:
        self._note = note

    def __enter__(self) -> None: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is None or not isinstance(error, Exception) or isinstance(error, Exit):
            return False
        self._note(error)
        return True
