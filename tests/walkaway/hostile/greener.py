"""Greener: when a run looks better than bare pytest's run of the same suite.

Pure: what two runs showed in, sentences out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_RANK = {
    "crashed": 0,
    "error": 0,
    "failed": 0,
    "skipped": 1,
    "xfailed": 1,
    "xpassed": 1,
    "passed": 2,
}
"""How good a result looks. `lost` and `not-run` are no results: whoever reads them knows less."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a run showed: its exit code (None: it never ended), and its tests' results."""

    code: int | None
    results: Mapping[str, str] = field(default_factory=dict)


def greener(bare: Shown, run: Shown) -> list[str]:
    """Say where a run looks better than the bare one; nothing when it nowhere does.

    It does when it exits with 0 and the bare one did not, and for a test that has a better result.
    A test without a result in the bare run may have any: a second pass runs what was lost.
    """
    found = []
    if run.code == 0 and bare.code != 0:
        found.append(f"exit 0, bare {bare.code}")
    for test, result in bare.results.items():
        other = run.results.get(test, "lost")
        if result in _RANK and _RANK.get(other, -1) > _RANK[result]:
            found.append(f"{test} {other}, bare {result}")
    return found
