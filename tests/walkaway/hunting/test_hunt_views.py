"""What a hunt says, line by line."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.walkaway.hunting.attempts import HUNT, RUN, attempt, attempts, look, names
from tests.walkaway.views.golden import check, check_lines
from walkaway.model import hunt_summary
from walkaway.model.hunt import HuntStatus, HuntView
from walkaway.model.hunt_summary import Findings
from walkaway.model.vocabulary import Outcome
from walkaway.text import Style
from walkaway.views import hunt as view
from walkaway.views import hunt_json

CRASHED = replace(
    attempt(3, ".?C?", Outcome.CRASHED), lost=2, named=("tests/test_a.py::test_2",), counts={}
)
LOOKS = {
    "steady": look(attempts(*["...."] * 10)),
    "one-test": look(attempts(*["."] * 59)),
    "flaky": look(attempts("....", "F...", "....", ".F..", "....", "F..."), 1),
    "flaky-and-more": look(
        (attempt(1, "..Fs"), attempt(2, "F.F. "), CRASHED, attempt(4, "..F..")), 1
    ),
    "many-flaky": look(attempts("." * 40, "F" * 20 + "." * 20, "." * 20 + "F" * 20), 1),
    "failing": look(attempts("F...", "F...", "F..."), 1),
    "unsteady": look(attempts("s...", "....", "....")),
    "timed-out": look(
        (attempt(1, "...."), replace(attempt(2, "..?-", Outcome.TIMED_OUT), lost=0)), 124
    ),
    "hopeless": look(
        (replace(attempt(1, "", Outcome.USAGE_ERROR), counts={}),), 4, ended_by="hopeless",
        hunt=HUNT,
    ),
    "hopeless-twice": look(
        tuple(
            replace(attempt(n, "-", Outcome.COLLECTION_ERROR), uncollected=("tests/test_b.py",))
            for n in (1, 2)
        ),
        2, ended_by="hopeless", hunt=HUNT,
    ),
    "stopped": look(attempts("F...", "...."), 2, ended_by="stop", why="inv flaky", hunt=HUNT),
    "interrupted-at-once": look((), 130, ended_by="interrupt", why="Ctrl-C", hunt=HUNT),
    "broken-off": look(
        attempts("...."), 73, ended_by="error", why="Cannot make a record.", hunt=HUNT
    ),
    "vanished": look(
        attempts("....", "...."), 70, standing=HuntStatus.GONE, ended_by="", hunt=HUNT
    ),
    "hunting": look(
        attempts("....", "F..."), 75, standing=HuntStatus.LIVE, ended_by="", hunt=HUNT
    ),
    "hunting-first": look((), 75, standing=HuntStatus.LIVE, ended_by="", hunt=HUNT),
}  # fmt: skip


def found(of: HuntView) -> Findings:
    return hunt_summary.compare(of.attempts, of.tests)


@pytest.mark.parametrize("name", LOOKS)
def test_a_hunt_is_told(name: str) -> None:
    check_lines(f"hunt-{name}", lambda style: view.lines(LOOKS[name], found(LOOKS[name]), style))


def test_a_hunt_that_began_is_told() -> None:
    check_lines("hunt-begun", lambda style: view.begun(HUNT, style))


def test_attempts_are_told_as_they_end() -> None:
    rows = (attempt(1, "...."), attempt(2, "F..."), CRASHED)
    check_lines(
        "hunt-attempts", lambda style: [view.attempt_line(HUNT, row, style) for row in rows]
    )


def test_a_hunt_as_json() -> None:
    one = LOOKS["flaky-and-more"]
    data = hunt_json.as_json(one, found(one), Style())
    check("hunt.json", json.dumps(data, indent=1) + "\n")


def test_the_fewest_orders_that_show_every_flaky_test_are_named() -> None:
    rows = attempts(".....", "FF...", "F....", "..FF.", "..F..")
    lines = view.lines(look(rows, 1), found(look(rows, 1)), Style())
    again = [line for line in lines if "--order-seed" in line]
    assert again == [
        "same order: inv test --order-seed 1002 -- tests  (attempt 2, 2 of 4)",
        "        or: inv test --order-seed 1004 -- tests  (attempt 4, 2 of 4)",
    ]


def test_arguments_are_quoted_in_the_commands() -> None:
    asked = replace(HUNT, run=RUN._replace(args=("-k", "a or b")))
    text = view.command(asked, attempt(2, "F"), Style())
    assert text == "inv test --order-seed 1002 -- -k 'a or b'"


def test_an_id_with_control_characters_stays_on_its_line() -> None:
    one = replace(look(attempts("F", "."), 1), tests=("tests/a.py::test_x[\x1b[2J\nline]",))
    lines = view.lines(one, found(one), Style())
    assert not any("\x1b" in line or "\n" in line for line in lines)
    assert names(1)
