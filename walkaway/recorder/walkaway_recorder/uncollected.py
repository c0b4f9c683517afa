"""Explain why xdist's workers could not collect, or collected different tests.

Pure: takes what xdist reports about its workers, returns a stand-in for a report's `longrepr`.
"""

from __future__ import annotations

import difflib
import re
from typing import NamedTuple, Sequence

from walkaway_recorder.originals import keep_builtins

keep_builtins(globals())

_CHAIN = re.compile(
    r"\n(?:The above exception was the direct cause of the following exception"
    r"|During handling of the above exception, another exception occurred):\n+"
)
#: The exception in which pytest wraps that of a conftest.
_AROUND = "_pytest.config.ConftestImportFailure"
_FROM = re.compile(r"\(from (.+)\)\s*\Z")
_NAMED = 3
_MOST_LINES = 60
_MOST_COMPARED = 20_000


class CollectionFailure(NamedTuple):
    """Stands in for a report's `longrepr`."""

    #: The message, with the exception's type if there is one.
    errorstring: str
    whole: str
    #: The file that caused it, "" when not known.
    file: str = ""

    def __str__(self) -> str:
        return self.whole


def ended_early(error: str) -> CollectionFailure:
    """Return why a worker ended before it had collected, from the error text that xdist gives."""
    blocks = _CHAIN.split(error.strip())
    last = _exception_text(blocks[-1])
    if len(blocks) > 1 and last.startswith(_AROUND):
        found = _FROM.search(last)
        return CollectionFailure(
            _exception_text(blocks[-2]), blocks[-2], found.group(1) if found else ""
        )
    if not error.startswith("Traceback"):
        last = f"a worker ended before it had collected ({last})"
    return CollectionFailure(last, blocks[-1])


def _exception_text(traceback: str) -> str:
    """Return what follows the last frame in a traceback: the exception."""
    lines = traceback.rstrip().split("\n")
    frames = [i for i, line in enumerate(lines) if line.startswith("  ")]
    rest = lines[frames[-1] + 1 :] if frames else lines
    return "\n".join(rest or lines[-1:])


def differ(one: str, first: Sequence[str], other: str, second: Sequence[str]) -> CollectionFailure:
    """Return how the collections of two workers differ."""
    only = [
        _named(name, [nodeid for nodeid in mine if nodeid not in others])
        for name, mine, others in ((one, first, set(second)), (other, second, set(first)))
    ]
    if any(only):
        differences = "; ".join(part for part in only if part)
        message = f"{one} and {other} collected different tests: {differences}"
    else:
        turn = _turn(first, second)
        message = f"{one} and {other} collected the same tests in different orders: {turn}"
    return CollectionFailure(message, f"{message}\n{_diff(one, first, other, second)}".rstrip())


def _named(worker: str, nodeids: Sequence[str]) -> str:
    if not nodeids:
        return ""
    more = f" and {len(nodeids) - _NAMED} more" if len(nodeids) > _NAMED else ""
    return f"only in {worker} {', '.join(nodeids[:_NAMED])}{more}"


def _turn(first: Sequence[str], second: Sequence[str]) -> str:
    """Return the first difference between two orders, or between two lengths."""
    for number, (mine, others) in enumerate(zip(first, second), 1):
        if mine != others:
            return f"number {number} is {mine} or {others}"
    return f"{len(first)} or {len(second)} of them"


def _diff(one: str, first: Sequence[str], other: str, second: Sequence[str]) -> str:
    if max(len(first), len(second)) > _MOST_COMPARED:  # it may take minutes
        return ""
    lines = list(difflib.unified_diff(first, second, one, other, lineterm="", n=1))
    more = [f"... {len(lines) - _MOST_LINES} lines more"] if len(lines) > _MOST_LINES else []
    return "\n".join([*lines[:_MOST_LINES], *more])
