"""What follows from the attempts: who is accused, who is not, and with which exit code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.walkaway.hunting.attempts import HUNT, attempt, attempts, names
from walkaway.model import hunt, hunt_summary
from walkaway.model.hunt import Attempt
from walkaway.model.hunt_summary import Case, Findings
from walkaway.model.vocabulary import Outcome


def compared(*rows: str) -> Findings:
    return hunt_summary.compare(attempts(*rows), names(max(map(len, rows))))


def ids(cases: tuple[Case, ...]) -> list[str]:
    return [case.id.rpartition("_")[2] for case in cases]


def test_a_test_that_failed_in_some_attempts_is_flaky_and_has_its_rate() -> None:
    found = compared("..", "F.", "..", "..")
    (case,) = found.flaky
    assert (case.id, case.letters) == ("tests/test_a.py::test_0", ".F..")
    assert (case.failures, case.reports, case.rate, case.bad_in) == (1, 4, 0.25, 2)
    assert found.failing == found.unsteady == found.partial == ()
    assert (found.tests, found.whole) == (2, 4)


def test_a_test_that_failed_in_every_attempt_is_failing_not_flaky() -> None:
    found = compared("F.", "E.", "F.")
    assert ids(found.failing) == ["0"]
    assert found.flaky == ()


@pytest.mark.parametrize("letter", ["F", "E", "C", "H", "R"])
def test_failure_error_crash_hang_and_a_rerun_that_was_needed_count_alike(letter: str) -> None:
    assert compared(".", letter).flaky[0].failures == 1


@pytest.mark.parametrize("letters", ["s.", "x.", "X.", "xX", "sx"])
def test_what_varies_and_never_fails_is_unsteady_and_accuses_nobody(letters: str) -> None:
    found = compared(*letters)
    assert ids(found.unsteady) == ["0"]
    assert found.flaky == found.failing == ()
    assert hunt_summary.verdict_code(found, attempts(*letters), "complete") == 0


@pytest.mark.parametrize("silence", ["?", "-"])
def test_an_attempt_without_a_result_says_nothing_of_a_test(silence: str) -> None:
    quiet = compared(f".{silence}", "..", "..")
    assert quiet.flaky == quiet.failing == quiet.unsteady == quiet.partial == ()
    failing = compared(f"F{silence}", f"{silence}.", "F.")
    assert ids(failing.failing) == ["0"]
    assert (failing.failing[0].failures, failing.failing[0].reports) == (2, 2)


def test_an_id_that_comes_and_goes_is_named_and_counted_where_it_was() -> None:
    found = compared(". ", "..", ".F")
    assert ids(found.partial) == ["1"]
    assert (found.flaky[0].failures, found.flaky[0].reports) == (1, 2)


def test_copies_of_an_id_that_disagree_in_one_attempt_are_flaky() -> None:
    made = tuple(replace(one, mixed={0: (1, 2)}) for one in attempts("F", "F"))
    (case,) = hunt_summary.compare(made, names(1)).flaky
    assert (case.failures, case.reports) == (2, 4)


def collecting(number: int, *broken: str) -> Attempt:
    outcome = Outcome.COLLECTION_ERROR if broken else None
    letters = "-" if broken else "."
    return replace(attempt(number, letters, outcome), uncollected=broken)


def test_a_module_that_is_collected_sometimes_is_a_flaky_row_of_its_own() -> None:
    made = (collecting(1), collecting(2, "tests/test_b.py"), collecting(3))
    (case,) = hunt_summary.compare(made, names(1)).flaky
    assert (case.id, case.letters) == ("tests/test_b.py", ".E.")
    always = (collecting(1, "tests/test_b.py"), collecting(2, "tests/test_b.py"))
    assert hunt_summary.compare(always, names(1)).failing[0].id == "tests/test_b.py"


def test_without_attempts_there_are_no_findings() -> None:
    assert hunt_summary.compare((), ()) == Findings()


def test_the_most_telling_test_comes_first() -> None:
    found = compared("..F", ".FF", "F.F", "..F", "F..")
    assert ids(found.flaky) == ["2", "0", "1"]


# Exit codes


@pytest.mark.parametrize(
    ("code", "ended_by", "rows"),
    [
        (0, "complete", ["..", ".."]),
        (1, "complete", [".F", ".."]),
        (1, "complete", [".F", ".F"]),
        (2, "stop", [".F", ".."]),
        (2, "stopped", ["..", ".."]),
        (130, "interrupt", [".F", ".."]),
        (130, "interrupt", []),
        (70, "", []),
        (1, "found", [".F", ".."]),
    ],
)
def test_the_exit_code(code: int, ended_by: str, rows: list[str]) -> None:
    made = attempts(*rows)
    assert hunt_summary.verdict_code(hunt_summary.compare(made, names(2)), made, ended_by) == code


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(Outcome.TIMED_OUT, 124), (Outcome.CRASHED, 139), (Outcome.NO_TESTS, 5)],
)
def test_an_attempt_that_did_not_end_gives_its_code_unless_something_is_flaky(
    outcome: Outcome, code: int
) -> None:
    made = (attempt(1, ".."), attempt(2, ".?", outcome), attempt(3, ".."))
    assert hunt_summary.verdict_code(hunt_summary.compare(made, names(2)), made, "complete") == code
    flaky = (*made, attempt(4, "F."))
    assert hunt_summary.verdict_code(hunt_summary.compare(flaky, names(2)), flaky, "complete") == 1


# When a hunt is over


def over(*made: Attempt, fail_fast: bool = False) -> str:
    asked = replace(HUNT, runs=3, fail_fast=fail_fast)
    return hunt_summary.why_over(asked, made, names(2))


def test_a_hunt_is_complete_when_all_attempts_were_made() -> None:
    assert [over(*attempts(*["."] * n)) for n in range(4)] == ["", "", "", "complete"]


@pytest.mark.parametrize("outcome", [Outcome.USAGE_ERROR, Outcome.NO_TESTS])
def test_what_will_be_the_same_the_next_time_is_not_tried_again(outcome: Outcome) -> None:
    assert over(attempt(1, "", outcome)) == "hopeless"


def test_a_collection_error_must_come_twice_running() -> None:
    error = collecting(1, "b.py")
    assert over(error) == ""
    assert over(error, collecting(2, "b.py")) == "hopeless"
    assert over(error, collecting(2)) == ""


def test_somebody_who_stops_an_attempt_stops_the_hunt() -> None:
    assert over(attempt(1, "-", Outcome.STOPPED)) == "stopped"


def test_fail_fast_ends_a_hunt_at_the_first_test_that_did_both() -> None:
    made = attempts("F.", "..")
    assert over(*made) == ""
    assert over(*made, fail_fast=True) == "found"
    assert over(*attempts("F.", "F."), fail_fast=True) == ""


# Seeds


def test_every_attempt_has_an_order_of_its_own_and_the_same_one_each_time() -> None:
    seeds = [hunt.attempt_seed(42, number) for number in range(1, 60)]
    assert seeds[0] == "42"
    assert len(set(seeds)) == len(seeds)
    assert seeds == [hunt.attempt_seed(42, number) for number in range(1, 60)]
    assert all(0 < int(seed) <= 999_999 for seed in seeds)
    assert hunt.attempt_seed(43, 2) != seeds[1]


def test_what_was_written_is_read_again() -> None:
    from dataclasses import asdict

    made = replace(attempt(3, ".F"), mixed={1: (1, 2)}, uncollected=("a",), named=("b",))
    assert hunt.attempt_from_json(asdict(made)) == made
    assert hunt.hunt_from_json(hunt.hunt_to_json(HUNT)) == HUNT


@pytest.mark.parametrize("data", [{}, {"number": 1}, {"outcome": "new-word", "number": 1}])
def test_a_torn_or_newer_attempt_is_left_out(data: dict[str, object]) -> None:
    assert hunt.attempt_from_json(data) is None
