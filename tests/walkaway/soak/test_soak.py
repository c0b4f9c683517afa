"""Recorded against bare: the record of a large foreign suite says what pytest said, to the test.

`pytest tests/walkaway/soak -m soak`; SOAK_FIGURES=FILE appends the rows of docs/soak.md.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.walkaway.soak import comparing
from tests.walkaway.soak.comparing import Results
from tests.walkaway.soak.running import Recorded, Runner, Seen
from tests.walkaway.soak.suites import MORE_ITERTOOLS, SUITES, Shelf, Suite

pytestmark = pytest.mark.soak

_BARE_RUNS = 3
"""At most so many, to tell a test that is unstable by itself from one that recording changed."""
_CASES = [
    *((suite, mode) for suite in SUITES for mode in ("serial", "load")),
    (MORE_ITERTOOLS, "loadscope"),
]


@pytest.fixture(scope="session")
def shelf(pytestconfig: pytest.Config) -> Shelf:
    """The downloads and the environment, kept in pytest's cache."""
    assert pytestconfig.cache is not None
    found = Shelf(pytestconfig.cache.mkdir("soak"))
    found.prepare()
    return found


@pytest.mark.parametrize(("suite", "mode"), _CASES, ids=[f"{s.name}-{m}" for s, m in _CASES])
def test_the_record_says_what_pytest_said(
    shelf: Shelf, tmp_path: Path, suite: Suite, mode: str
) -> None:
    runner = Runner(suite, shelf.python, shelf.unpack(suite, tmp_path), tmp_path / "runs")
    distribution = () if mode == "serial" else ("-n", "2", "--dist", mode)
    bare = runner.bare(*distribution)
    flags = () if mode == "serial" else ("--workers", "2", "--dist", mode)
    seen, recorded = runner.recorded(*flags)

    differences = [*_within(seen, recorded), *_junit(seen, recorded)]
    unstable = _unstable(runner, bare, seen, distribution)
    differences += _between(bare, seen, unstable)
    _note(suite, mode, bare, seen, recorded, unstable, len(differences))
    assert differences == []


def _within(seen: Seen, recorded: Recorded) -> list[str]:
    """Hold the record against the witness of the same run: no instability excuses anything."""
    witnessed, told = comparing.of_seen(seen), comparing.of_record(recorded)
    outcome = recorded.outcome
    times = Counter(seen.ids)
    dup = {recorded.ids[int(i)]: n for i, n in recorded.collected["dup"].items()}
    green = seen.code == 0
    whole = sorted({nodeid for nodeid, outcome in seen.collectors if outcome == "skipped"})
    counts = comparing.nonzero(
        Counter(comparing.counts(witnessed)) + Counter({"skipped": len(whole)})
    )
    pairs = {
        "results": (dict(_those(witnessed, told)), dict(_those(told, witnessed))),
        "counts": (counts, comparing.nonzero(outcome["counts"])),
        "ids": (list(times), recorded.ids),
        "repeated ids": ({i: n for i, n in times.items() if n > 1}, dup),
        "skipped whole": (whole, sorted(recorded.book.skipped_whole)),
        "expected": (len(seen.ids) + len(whole), outcome["expected"]),
        "reported": (len(seen.ids) + len(whole), outcome["reported"]),
        "deselected": (seen.deselected, recorded.collected["deselected"]),
        "lost, not run": ((0, 0), (outcome["lost"]["n"], outcome["not_run"]["n"])),
        "dropped": (0, outcome["dropped"]),
        "errors of the recorder": ([], recorded.errors),
        "outcome": ("passed" if green else "failed", outcome["outcome"]),
        "exit code of wait": (seen.code, recorded.code),
        "pytest's last line": (
            comparing.spoken(seen),
            _without_warnings(seen.summary),
        ),
    }
    return [f"{name}: {a!r} is {b!r}"[:2000] for name, (a, b) in pairs.items() if a != b]


def _junit(seen: Seen, recorded: Recorded) -> list[str]:
    """Hold our JUnit report against pytest's of the same run."""
    theirs, ours = comparing.totals_by_case(seen), comparing.totals(recorded.junit)
    found = [] if theirs == ours else [f"junit: {theirs} is {ours}"]
    missing = comparing.cases(seen.junit) - comparing.cases(recorded.junit)
    added = comparing.cases(recorded.junit) - comparing.cases(seen.junit)
    if missing or added:
        found.append(f"junit cases: {list(missing)[:5]} is {list(added)[:5]} ({len(missing)})")
    return found


def _unstable(runner: Runner, bare: Seen, seen: Seen, distribution: tuple[str, ...]) -> set[str]:
    """Return the ids whose results differ between bare runs, as far as it matters here."""
    first = comparing.of_seen(bare)
    wanted = comparing.differing(first, comparing.of_seen(seen))
    unstable: set[str] = set()
    for _ in range(_BARE_RUNS - 1):
        if wanted <= unstable:
            break
        unstable |= comparing.differing(first, comparing.of_seen(runner.bare(*distribution)))
    return unstable & wanted


def _between(bare: Seen, seen: Seen, unstable: set[str]) -> list[str]:
    """Hold the recorded run against the bare one."""
    one, other = comparing.of_seen(bare), comparing.of_seen(seen)
    differ = comparing.differing(one, other) - unstable
    found = [f"{i}: {one.get(i)} is {other.get(i)}" for i in sorted(differ)]
    if unstable:
        return found
    if bare.code != seen.code:
        found.append(f"exit: {bare.code} is {seen.code}")
    if bare.ids != seen.ids:
        found.append("ids or their order differ")
    if _without_warnings(bare.summary) != _without_warnings(seen.summary):
        found.append(f"last line: {bare.summary} is {seen.summary}")
    if comparing.totals(bare.junit) != comparing.totals(seen.junit):
        found.append("pytest's own junit report differs")
    return found


def _those(one: Results, other: Results) -> list[tuple[str, list[str]]]:
    return [(i, one.get(i, [])) for i in sorted(comparing.differing(one, other))[:10]]


def _without_warnings(summary: str) -> dict[str, int]:
    found = comparing.said(summary)
    left_out = ("warning", "subtests passed")
    return {word: n for word, n in found.items() if not word.startswith(left_out)}


def _note(  # noqa: PLR0913, PLR0917 - a row's columns
    suite: Suite,
    mode: str,
    bare: Seen,
    seen: Seen,
    recorded: Recorded,
    unstable: set[str],
    differences: int,
) -> None:
    """Append a row of docs/soak.md, and the names of what was unstable by itself."""
    target = os.environ.get("SOAK_FIGURES")
    if not target:
        return
    own = recorded.supervisor_cpu_s
    row = (
        f"{suite.name} {suite.version}",
        mode,
        bare.summary,
        f"{bare.wall_s:.0f} / {bare.cpu_s:.0f}",
        f"{seen.wall_s:.0f} / {seen.cpu_s:.0f} + {own:.1f}",
        str(differences),
        str(len(unstable)),
    )
    names = "".join(f"- unstable: {nodeid}\n" for nodeid in sorted(unstable))
    with Path(target).open("a", encoding="utf-8") as file:
        file.write(f"| {' | '.join(row)} |\n{names}")
