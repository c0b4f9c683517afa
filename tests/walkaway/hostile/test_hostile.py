"""Hostile suites end in the verdicts written down beforehand, and never greener than bare.

All of them, over workers and against bare pytest, too: `pytest tests/walkaway/hostile -m ""`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.walkaway.hostile.case import Case, Ended
from tests.walkaway.hostile.forked import expected
from tests.walkaway.hostile.greener import Shown, greener
from tests.walkaway.hostile.matrix import ALL, CASES, TOGETHER, daily
from tests.walkaway.hostile.running import Recorded, bare, recorded, together, told
from tests.walkaway.support.scratch import Scratch, project_in

_LEAST = 60


def _soak(case: Case, mode: str) -> list[pytest.MarkDecorator]:
    return [] if daily(case, mode) else [pytest.mark.soak]


WRITTEN_DOWN = [
    pytest.param(c, mode, id=f"{c.name}-{mode}", marks=_soak(c, mode)) for c, mode in ALL
]
BARE = [
    pytest.param(c, mode, id=f"{c.name}-{mode}") for c, mode in ALL if c.ends_bare(mode) is not None
]
"""Without the suites that bare pytest never ends."""


@pytest.mark.parametrize(("case", "mode"), WRITTEN_DOWN)
def test_a_hostile_suite_ends_as_written_down(scratch: Scratch, case: Case, mode: str) -> None:
    _assert_ended(recorded(case, mode, scratch), expected(case, mode))


@pytest.fixture(scope="module")
def among_others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Recorded]]:
    """One run of all suites that leave nothing behind, by name."""
    with project_in(tmp_path_factory.mktemp("together")) as scratch:
        yield together(TOGETHER, scratch)


@pytest.mark.xdist_group("hostile together")
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in TOGETHER])
def test_a_suite_that_leaves_nothing_behind_ends_as_written_down_among_others(
    among_others: dict[str, Recorded], case: Case
) -> None:
    _assert_ended(among_others[case.name], case.ended)


def _assert_ended(run: Recorded, ends: Ended) -> None:
    assert run.verdict in ends.verdict.split("|"), told(run)
    wrong = {
        test: run.shown.results.get(test, "absent")
        for test, result in ends.results().items()
        if run.shown.results.get(test, "absent") not in result.split("|")
    }
    assert wrong == {}, told(run)
    assert greener(run.shown, run.junit) == []


@pytest.mark.soak
@pytest.mark.parametrize(("case", "mode"), BARE)
def test_no_run_is_greener_than_bare_pytest(
    scratch: Scratch, tmp_path: Path, case: Case, mode: str
) -> None:
    # Forked workers are held against a serial run: nobody else forks like that.
    alone = bare(case, "serial" if mode == "forks" else mode, tmp_path / "bare")
    assert alone.code == case.ends_bare(mode)
    run = recorded(case, mode, scratch)
    assert greener(alone, run.shown) == [], told(run)
    assert greener(alone, run.junit) == [], told(run)


def test_no_verdict_written_down_is_greener_than_bare_pytest() -> None:
    verdicts = [(c, mode, v) for c, mode in ALL for v in expected(c, mode).verdict.split("|")]
    for case, mode, verdict in verdicts:
        alone = Shown(case.ends_bare(mode))
        assert greener(alone, Shown(int(verdict.split()[1]))) == [], (case.name, mode)


def test_the_matrix_is_large_and_its_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= _LEAST
