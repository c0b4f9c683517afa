"""Hostile suites in a container end in the verdicts that were written down for them here.

Serial, and with `-m soak` alone: `pytest tests/walkaway/backends/test_hostile_in_compose.py -m ""`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.walkaway.hostile.case import MODES, Case
from tests.walkaway.hostile.greener import Shown, greener
from tests.walkaway.hostile.matrix import CASES
from tests.walkaway.hostile.running import results

if TYPE_CHECKING:
    from tests.walkaway.support.project import Project

pytestmark = [pytest.mark.engine, pytest.mark.soak]
SERIAL = [case for case in CASES if "serial" in case.modes]


@pytest.mark.parametrize("case", SERIAL, ids=[case.name for case in SERIAL])
def test_a_hostile_suite_ends_in_a_container_as_here(boxed: Project, case: Case) -> None:
    for name, source in case.sources().items():
        boxed.write(f"tests/{name}", source)
    deadline = () if case.deadline_s >= 60 else ("--timeout", f"{case.deadline_s:g}")
    live = boxed.start(*deadline, "--", *MODES["serial"], *case.args)
    if case.reported:
        live.hold_until_in_flight(case.reported)
    outcome = live.outcome(90)
    expected = case.ends("serial")
    shown = results(live, outcome)
    assert f"{outcome['outcome']} {outcome['code']}" in expected.verdict.split("|"), (
        live.described()
    )
    wrong = {
        test: shown.get(test, "absent")
        for test, result in expected.results().items()
        if shown.get(test, "absent") not in result.split("|")
    }
    assert wrong == {}, live.described()
    alone = Shown(case.ends_bare("serial"))
    assert greener(alone, Shown(outcome["code"], shown)) == []
