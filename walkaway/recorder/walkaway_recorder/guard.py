"""Keep the recorder's errors away from pytest, and name the types that are not ours.

Knows which exceptions to let through; must not know what is recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import pytest

from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    from types import TracebackType

keep_builtins(globals())

#: An object whose type is private to pytest or xdist, or differs between their versions.
Foreign = Any

Exit = pytest.exit.Exception


class Guard:
    """`with guard:` swallows and notes an error in the recorder, so that no test is affected.

    Ctrl-C and pytest.exit(), from a timeout or another plugin, are not ours and pass through.
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
