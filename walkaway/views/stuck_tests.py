"""Tests that were in flight when a limit ended the run, and where they hang."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from walkaway.model.run import Run
from walkaway.model.run_view import Stuck
from walkaway.text import Style, duration, middle, printable
from walkaway.views import phrases

_NAMED = 5
_STACKS = 3
_STACK_LINES = 6
_LIBRARY = re.compile(r'(?:site-packages|dist-packages|/lib/python\d[^/]*|/\.?venv)/|"<frozen ')


def lines(run: Run, tests: Sequence[Stuck], style: Style) -> Iterator[str]:
    """Yield the tests, the longest in flight first with their stacks, innermost frame first."""
    before: tuple[str, ...] = ()
    for test in tests[:_STACKS]:
        yield from _stuck(run, test, before, style)
        before = test.stack
    if tests[_STACKS:]:
        shown = phrases.ids([test.id for test in tests[_STACKS:]], style, _NAMED)
        yield f"{style.bad('also stuck:')} {shown[0]}"
        yield from (f"  {row}" for row in shown[1:])


def _stuck(run: Run, test: Stuck, before: tuple[str, ...], style: Style) -> Iterator[str]:
    where = f" on {printable(test.worker, 20)}" if test.worker else ""
    usual = "" if test.usual_s is None else f" (usual {duration(test.usual_s)})"
    name = middle(test.id, max(40, style.width - 40))
    yield f"{style.bad('stuck:')} {name}{where} for {duration(test.for_s)}{usual}"
    if test.stack and test.stack == before:
        yield f"  {style.dim('(the same stack)')}"
        return
    for frame in _frames(test.stack):
        shown = frame.replace(run.root.rstrip("/") + "/", "", 1)
        yield f"  {style.dim(printable(shown, style.width - 2))}"


def _frames(stack: Sequence[str]) -> list[str]:
    """Return where the test hangs (the two innermost frames), then the project's own frames."""
    own = [i for i, frame in enumerate(stack) if i > 1 and not _LIBRARY.search(frame)]
    chosen = [*range(min(2, len(stack))), *own][:_STACK_LINES]
    if not own:
        chosen = list(range(min(_STACK_LINES, len(stack))))
    return [stack[i] for i in chosen]
