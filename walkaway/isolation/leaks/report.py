"""Text of the teardown error that says what a test left. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

_MOST: Final = 10
"""Most things listed of each kind."""
_SINGULAR: Final = {
    "processes": "process",
}
_OF_TABLES: Final = "rows"
"""This kind has one entry per table; the entry says how many rows."""


def error_text(nodeid: str, left: Mapping[str, Sequence[str]]) -> str:
    """Return the error text: kinds and counts, then each thing, then what to do."""
    counts = _joined([_counted(kind, len(things)) for kind, things in left.items()])
    lines = [f"{nodeid} left {counts} behind"]
    for kind, things in left.items():
        lines += [f"  {kind}: {thing}" for thing in things[:_MOST]]
        if len(things) > _MOST:
            lines.append(f"  {kind}: {len(things) - _MOST} more")
    words = ", ".join(f'"{kind}"' for kind in left)
    lines.append(
        "Clean up in the test or in its fixtures' teardown; if it must stay: "
        f'@pytest.mark.allow_leaks({words}, reason="...").'
    )
    return "\n".join(lines)


def _counted(kind: str, count: int) -> str:
    if kind == "environment":
        return f"{count} change{'s' if count > 1 else ''} of the environment"
    if kind == _OF_TABLES:
        return f"{count} changed table{'s' if count > 1 else ''}"
    one = _SINGULAR.get(kind, kind.removesuffix("s"))
    return f"{count} {one if count == 1 else kind}"


def _joined(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
