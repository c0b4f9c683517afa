"""The rules for endings: facts in, verdict out; the first match wins."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from walkaway.model import endings
from walkaway.model.facts import Facts
from walkaway.model.vocabulary import Outcome

KNOWN = {"loaded": True, "collected": True, "looped": True}


def facts(**values: Any) -> Facts:  # noqa: ANN401 - any fact
    return Facts(**{**KNOWN, **values})


def unseen(end: int, **values: Any) -> Facts:  # noqa: ANN401 - any fact
    """Return the facts of a whole run whose exit nobody saw: the recorder's end tells."""
    return facts(end=end, expected=10, reported=10, supervised=False, **values)


def whole(exit_code: int, n: int = 10, **values: Any) -> Facts:  # noqa: ANN401 - any fact
    """Return the facts of a run whose tests have all reported, its end written."""
    given = {"exit_code": exit_code, "end": exit_code, "expected": n, "reported": n, **values}
    return facts(**given)


ROWS: list[tuple[str, Facts, str, int]] = [
    ("command missing", Facts(loaded=False, spawn_error="pytest: No such file"), "not-started", 69),
    ("pytest absent", Facts(loaded=False, exit_code=1), "not-started", 69),
    ("recorder cannot load", Facts(loaded=False, exit_code=4), "not-started", 69),
    ("died before it loaded", Facts(loaded=False, signal=9), "not-started", 69),
    ("--version", Facts(loaded=False, exit_code=0, listing=True), "nothing-run", 0),
    ("stopped before it loaded", Facts(loaded=False, signal=9, ended_by="stop"), "stopped", 2),
    ("unknown option", Facts(loaded=True, exit_code=4), "usage-error", 4),
    ("missing path", Facts(loaded=True, exit_code=4, collected=True), "usage-error", 4),
    ("usage error with its end", whole(4, 0, looped=False), "usage-error", 4),
    ("deadline", facts(signal=9, ended_by="deadline", why="1 min", missing=3), "timed-out", 124),
    ("stall", facts(exit_code=2, end=2, ended_by="stall", missing=3), "stalled", 124),
    ("output", facts(signal=9, ended_by="output", missing=3), "output-limit", 124),
    ("disk", facts(signal=9, ended_by="disk", missing=3), "disk-full", 124),
    ("stop", facts(exit_code=2, end=2, ended_by="stop", interrupted="Ctrl-C"), "stopped", 2),
    ("Ctrl-C at test", facts(exit_code=2, end=2, ended_by="interrupt"), "interrupted", 130),
    ("INT from outside", whole(2, interrupted="KeyboardInterrupt"), "interrupted", 2),
    ("INT before Python listens", facts(signal=2), "interrupted", 2),
    ("out of memory", facts(signal=9, out_of_memory=True), "out-of-memory", 137),
    ("KILL", facts(signal=9, in_flight=1), "killed", 137),
    ("TERM", facts(signal=15, in_flight=1), "killed", 143),
    ("SEGV", facts(signal=11, in_flight=1), "crashed", 139),
    ("ABRT", facts(signal=6, in_flight=1), "crashed", 134),
    ("XFSZ, the size of files", facts(signal=25, in_flight=1), "crashed", 153),
    ("a signal without a name", facts(signal=77), "crashed", 205),
    ("KILL below a wrapper", facts(exit_code=137, in_flight=1), "killed", 137),
    ("os._exit(0) in a test", facts(exit_code=0, missing=2, in_flight=1), "crashed", 65),
    ("os._exit(3) in a test", facts(exit_code=3, missing=2, in_flight=1), "crashed", 65),
    ("os._exit(4) in a test", facts(exit_code=4, missing=2, in_flight=1), "crashed", 65),
    ("os._exit between tests", facts(exit_code=0, expected=3, missing=1), "incomplete", 65),
    ("os._exit at load", Facts(loaded=True, exit_code=0), "incomplete", 65),
    ("os._exit in sessionfinish", facts(exit_code=0, expected=3, reported=3), "passed", 0),
    ("os._exit(0) past a failure", facts(exit_code=0, expected=3, reported=3, bad=1), "failed", 1),
    (
        "os._exit(0) past -x",
        facts(exit_code=0, missing=2, bad=1, stopping="1 failures"),
        "failed",
        1,
    ),
    ("os._exit(0), told to stop", facts(exit_code=0, missing=2, stopping="x"), "incomplete", 65),
    ("os._exit(0) past errors", facts(exit_code=0, reported=3, collection_errors=1), "failed", 1),
    ("red, then its process says 0", whole(0, end=1, bad=1), "failed", 1),
    ("uncovered, then 0", whole(0, end=1, too_little_coverage=(67, 99)), "failed", 1),
    ("too many warnings, then 0", whole(0, end=6, too_many_warnings=(1, 0)), "failed", 6),
    ("green, then its process says 17", whole(17, end=0), "failed", 17),
    ("forgiven by a plugin", whole(0, bad=1), "passed", 0),
    ("errors forgiven by a plugin", whole(0, collection_errors=1), "passed", 0),
    ("too many warnings", whole(6, too_many_warnings=(1, 0)), "failed", 6),
    ("flaky", whole(7, too_flaky=1), "failed", 7),
    ("uncovered", whole(1, too_little_coverage=(67, 99)), "failed", 1),
    ("lost, green", whole(0, missing=2), "incomplete", 65),
    ("lost, a failure", whole(1, missing=2, bad=1), "failed", 1),
    ("a result not told, green", whole(0, missing=1, recorder_errors=1), "incomplete", 65),
    ("a result not told, red", whole(1, missing=1, recorder_errors=1), "failed", 1),
    ("the recorder erred, all told", whole(0, recorder_errors=1), "passed", 0),
    ("lost, -x", whole(1, missing=2, bad=1, stopping="1 failures"), "failed", 1),
    ("-x under xdist", whole(2, missing=2, bad=1, stopping="1 failures"), "failed", 2),
    ("pytest.exit(0)", whole(0, missing=2, interrupted="enough"), "incomplete", 65),
    ("pytest.exit(0) before all", Facts(loaded=True, exit_code=0, end=0), "incomplete", 65),
    ("a plugin stops early", whole(2, missing=2, stopping="enough"), "interrupted", 2),
    ("collection errors", whole(2, 0, collection_errors=3), "collection-error", 2),
    ("collection errors, xdist", whole(1, 0, collection_errors=3), "collection-error", 2),
    ("went on past them", whole(1, collection_errors=1), "failed", 1),
    ("Ctrl-C past them", whole(2, collection_errors=1, interrupted="Ctrl-C"), "interrupted", 2),
    ("internal error", whole(3, internal_error="boom"), "internal-error", 3),
    ("no tests", whole(5, 0), "no-tests", 5),
    ("no tests made green", whole(0, 0), "no-tests", 0),
    ("--collect-only", whole(0, missing=10, listing=True, looped=False), "nothing-run", 0),
    ("--collect-only of nothing", whole(5, 0, listing=True), "nothing-run", 5),
    ("a worker crashed", whole(1, bad=1, crashed=1, worker_crashes=1), "failed", 1),
    ("a second pass, green", whole(0, bad=1, crashed=1, passes=2, before=(1,)), "failed", 1),
    ("a second pass found none", whole(5, bad=1, crashed=1, passes=2, before=(1,)), "failed", 1),
    ("a worker between tests", whole(0, passes=2, worker_crashes=1), "passed", 0),
    ("first end lost, red", whole(0, bad=1, passes=2, before=(None,)), "failed", 1),
    (
        "first end lost, errors",
        whole(0, collection_errors=1, passes=2, before=(None,)),
        "failed",
        1,
    ),
    ("first end lost, green", whole(0, passes=2, before=(None,)), "passed", 0),
    ("both passes forgiven", whole(0, bad=1, passes=2, before=(0,)), "passed", 0),
    ("no worker left", whole(2, bad=2, crashed=2, worker_crashes=2), "failed", 1),
    ("failed", whole(1, bad=1), "failed", 1),
    ("passed", whole(0), "passed", 0),
    ("a plugin's own status", whole(17), "failed", 17),
    ("supervisor killed", unseen(0), "passed", 0),
    ("supervisor killed, red", unseen(1, bad=1), "failed", 1),
    ("both killed", facts(in_flight=1, missing=3, supervised=False), "vanished", 70),
    ("nothing at all", Facts(loaded=False, supervised=False), "vanished", 70),
    ("lines lost on a full disk", whole(0, lost_lines=True, dropped=5), "passed", 0),
    ("a worker was OOM-killed", whole(0, out_of_memory=True), "passed", 0),
    ("through, but it hangs", facts(end=0, signal=9, ended_by="stall"), "stalled", 124),
    ("through, then SEGV", facts(end=0, signal=11), "crashed", 139),
    ("over before the deadline came", whole(0, ended_by="deadline"), "passed", 0),
    ("red before the stop came", whole(1, bad=1, ended_by="stop"), "failed", 1),
    ("stopped with tests missing", whole(0, missing=1, ended_by="stop"), "stopped", 2),
]


@pytest.mark.parametrize(
    ("given", "outcome", "code"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_each_row_of_the_table(given: Facts, outcome: str, code: int) -> None:
    verdict = endings.decide(given)
    assert (verdict.outcome.value, verdict.code) == (outcome, code)
    assert verdict.rests_on


def test_every_combination_of_facts_has_a_verdict_and_0_means_that_nothing_is_missing() -> None:
    kinds: dict[str, tuple[Any, ...]] = {
        "loaded": (False, True),
        "collected": (False, True),
        "exit_code": (None, 0, 1, 2, 3, 4, 5, 137),
        "signal": (None, 2, 9, 11),
        "end": (None, 0, 1),
        "ended_by": ("", "deadline", "stop"),
        "missing": (0, 2),
        "in_flight": (0, 1),
        "crashed": (0, 1),
        "bad": (0, 1),
        "interrupted": ("", "Ctrl-C"),
    }
    for values in itertools.product(*kinds.values()):
        chosen: dict[str, Any] = dict(zip(kinds, values, strict=True))
        given = Facts(**chosen, expected=5, looped=True)
        if given.end is not None and (not given.loaded or given.in_flight):
            continue  # who wrote its end had loaded, and nothing flies after it
        verdict = endings.decide(given)
        assert 0 <= verdict.code < 256
        assert verdict.rests_on
        if verdict.outcome is Outcome.PASSED:
            assert given.loaded
            assert given.collected
            assert given.missing == given.in_flight == given.crashed == 0
            assert given.signal is None
            assert given.end in {0, None}
            assert not given.bad or given.end == 0
        if verdict.code == 0:
            assert verdict.outcome is Outcome.PASSED


def test_what_a_verdict_rests_on_is_said_in_words() -> None:
    assert endings.decide(whole(0)).rests_on == "pytest ended with 0, 10 of 10 tests reported"
    assert endings.decide(whole(0, 1)).rests_on == "pytest ended with 0, 1 of 1 test reported"
    lost = endings.decide(whole(0, 12_000, missing=2_000))
    assert lost.rests_on == "pytest ended with 0, 2,000 of 12,000 tests not reported"
    gone = endings.decide(unseen(0))
    assert gone.rests_on.startswith("the recorder's last event says that pytest ended with 0")


def test_notes_tell_what_the_outcome_alone_does_not() -> None:
    assert "memory ran out" in endings.decide(whole(0, out_of_memory=True)).notes[0]
    assert "a plugin decided so" in endings.decide(whole(0, bad=2)).notes[0]
    assert "between two tests" in endings.decide(whole(0, worker_crashes=1)).notes[0]
    assert "no test failed" in endings.decide(whole(1)).notes[0]
    unsaid = endings.decide(facts(exit_code=0, expected=3, reported=3, bad=1)).notes[0]
    assert unsaid == "pytest's end was not recorded: exit status 0 is no pass when 1 test failed"
    assert endings.decide(whole(0)).notes == ()


@pytest.mark.parametrize(
    ("given", "because"),
    [
        (whole(6, too_many_warnings=(1, 0)), "1 warning of 0 allowed"),
        (whole(6, too_many_warnings=(1_204, 10)), "1,204 warnings of 10 allowed"),
        (whole(7, too_flaky=1), "1 test passed only on a rerun"),
        (whole(7, too_flaky=3), "3 tests passed only on a rerun"),
        (whole(1, too_little_coverage=(67.0, 99.0)), "coverage 67 % of 99 % required"),
        (whole(1, bad=1, too_little_coverage=(67.25, 99.5)), "coverage 67.25 % of 99.5 % required"),
        (whole(1, worker_crashes=1), "a worker ended between two tests"),
        (whole(1, bad=1), ""),
        (whole(0), ""),
        (whole(0, bad=1), "pytest ended with 0 although 1 test failed: a plugin decided so"),
    ],
)
def test_a_verdict_says_because_of_what_where_the_results_do_not(
    given: Facts, because: str
) -> None:
    verdict = endings.decide(given)
    assert verdict.because == because
    assert verdict.explained


@pytest.mark.parametrize(
    ("given", "because"),
    [
        (whole(1), "pytest ended with 1"),
        (whole(17), "pytest ended with 17"),
        (whole(6), "pytest ended with 6"),  # of a plugin: no limit of warnings was set
        (whole(7), "pytest ended with 7"),
        (whole(17, end=0), "pytest ended with 0, its process with 17"),
    ],
)
def test_a_status_that_nothing_explains_is_said_as_such(given: Facts, because: str) -> None:
    verdict = endings.decide(given)
    assert (verdict.because, verdict.explained) == (because, False)


def test_after_another_pass_it_rests_on_each_end_and_names_the_test_that_crashed() -> None:
    crash = {"bad": 1, "crashed": 1, "worker_crashes": 1, "crashed_ids": ("a.py::test_x",)}
    once = endings.decide(whole(0, 4, **crash, passes=2, before=(1,)))
    assert once.rests_on == (
        "pytest ended with 1 in pass 1, with 0 in pass 2, a.py::test_x crashed, "
        "4 of 4 tests reported"
    )
    lost = endings.decide(
        whole(0, 4, **{**crash, "bad": 3, "crashed": 3}, passes=2, before=(None,))
    )
    assert lost.rests_on == (
        "pytest ended without a recorded end in pass 1, with 0 in pass 2, "
        "a.py::test_x and 2 more crashed, 4 of 4 tests reported"
    )
