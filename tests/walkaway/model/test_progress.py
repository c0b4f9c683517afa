"""Progress: the fold of all of a run's events, and of only their last part."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from walkaway.model import progress
from walkaway.model.progress import Progress

Event = dict[str, Any]


def recorded(tests: int, workers: int, seed: int, every: int = 40) -> Iterator[Event]:
    """Return the events of a run, with a checkpoint now and then, as the recorder writes them."""
    chance = random.Random(seed)  # noqa: S311 - a seeded shuffle
    names = [f"gw{n}" for n in range(workers)]
    counts: dict[str, int] = {}
    flights: dict[tuple[str, int], float] = {}
    failures = 0
    yield {"e": "loaded", "t": 0.1, "pid": 5, "start": 7, "pass": 1}
    yield {"e": "configured", "t": 0.2, "list": False, "maxfail": 0}
    yield {"e": "collected", "t": 0.3, "n": tests, "unique": tests, "workers": names}
    waiting = list(range(tests))
    t = 0.4
    written = 0

    def total() -> Event:
        fl = [[i, w or None, since] for (w, i), since in flights.items()]
        return {"n": tests, "c": dict(counts), "fl": fl, "x": failures, "ce": 0, "wn": 0,
                "dropped": 0, "pass": 1}  # fmt: skip

    yield {"e": "k", "t": t, **total()}
    yield {"e": "loop", "t": t}
    while waiting or flights:
        t = round(t + 0.01, 3)
        free = [w for w in (names or [""]) if w not in {key[0] for key in flights}]
        if waiting and free and (not flights or chance.random() < 0.5):
            worker, index = chance.choice(free), waiting.pop(0)
            flights[worker, index] = t
            event: Event = {"e": "s", "t": t, "i": index}
        else:
            worker, index = chance.choice(list(flights))
            del flights[worker, index]
            result = chance.choice(["passed", "failed", "skipped"])
            counts[result] = counts.get(result, 0) + 1
            event = {"e": "f", "t": t, "i": index, "r": result, "d": [1, 2, 3]}
            if result == "failed":
                event["x"] = failures
                failures += 1
        if worker:
            event["w"] = worker
        yield event
        written += 1
        if written % every == 0:
            yield {"e": "k", "t": t, **total()}


def comparable(state: Progress) -> tuple[object, ...]:
    return (
        state.expected, state.counts, state.done, state.bad, state.failures, state.passes,
        sorted((row.worker, row.index, row.since) for row in state.running), state.last_t,
    )  # fmt: skip


@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.parametrize("seed", range(5))
def test_the_fold_from_any_checkpoint_on_is_the_fold_of_all(workers: int, seed: int) -> None:
    events = list(recorded(200, workers, seed))
    checkpoints = [i for i, event in enumerate(events) if event["e"] == "k"]
    assert len(checkpoints) > 5
    for upto in (*checkpoints, len(events)):
        whole = comparable(progress.fold(events[:upto]))
        for start in (c for c in checkpoints if c < upto):
            assert comparable(progress.fold(events[start:upto])) == whole


def test_an_end_of_a_run_empties_what_is_in_flight() -> None:
    events = [*recorded(10, 2, 1)][:-3]
    state = progress.fold(events)
    assert state.running
    counts = {**state.counts, "xpassed": 10 - state.done}
    progress.fold([{"e": "end", "t": 9.0, "exit": 0, "n": 10, "c": counts}], state)
    assert state.running == []
    assert state.ended is not None
    assert state.done == state.expected == 10


def test_a_second_pass_adds_to_the_first_and_owes_nothing_new() -> None:
    first: list[Event] = [
        {"e": "loaded", "t": 0.1, "pass": 1},
        {"e": "collected", "t": 0.2, "n": 3, "unique": 3, "workers": ["gw0"]},
        {"e": "s", "t": 0.3, "i": 0, "w": "gw0"},
        {"e": "wdown", "t": 0.4, "w": "gw0", "m": "Not properly terminated"},
        {"e": "f", "t": 0.4, "i": 0, "r": "crashed", "d": [0, 0, 0], "w": "gw0"},
        {"e": "end", "t": 0.5, "exit": 1, "n": 3, "c": {"crashed": 1}, "pass": 1},
    ]
    second: list[Event] = [
        {"e": "loaded", "t": 1.1, "pass": 2},
        {"e": "collected", "t": 1.2, "n": 2, "unique": 2, "workers": ["gw0"]},
        {"e": "k", "t": 1.2, "n": 3, "c": {"crashed": 1}, "fl": [], "pass": 2},
        {"e": "f", "t": 1.3, "i": 1, "r": "passed", "d": [0, 0, 0], "w": "gw0"},
        {"e": "f", "t": 1.4, "i": 2, "r": "passed", "d": [0, 0, 0], "w": "gw0"},
    ]
    end: Event = {"e": "end", "t": 1.5, "exit": 0, "n": 3, "c": {"crashed": 1, "passed": 2}}
    state = progress.fold(first)
    assert (state.done, state.expected, state.passes) == (1, 3, 1)
    assert state.in_flight_lost == {0}
    assert state.worker_crashes == 1
    progress.fold(second, state)
    assert (state.done, state.expected, state.passes) == (3, 3, 2)
    assert state.ended is None
    assert progress.fold(second[2:]).counts == state.counts
    progress.fold([end], state)
    assert state.counts == {"crashed": 1, "passed": 2}


def test_a_pass_that_knows_nothing_of_the_one_before_takes_no_failure_back() -> None:
    events: list[Event] = [
        {"e": "loaded", "t": 0.1, "pass": 1},
        {"e": "collected", "t": 0.2, "n": 3, "unique": 3, "workers": ["gw0"]},
        {"e": "f", "t": 0.3, "i": 0, "r": "failed", "d": [0, 0, 0], "x": 0},
        {"e": "f", "t": 0.4, "i": 1, "r": "passed", "d": [0, 0, 0]},
        # The checkpoint and the end of the first pass were lost.
        {"e": "loaded", "t": 1.1, "pass": 2},
        {"e": "f", "t": 1.3, "i": 2, "r": "passed", "d": [0, 0, 0]},
        {"e": "end", "t": 1.5, "exit": 0, "n": 0, "c": {"passed": 1}, "x": 0, "pass": 2},
    ]
    state = progress.fold(events)
    assert state.counts == {"failed": 1, "passed": 2}
    assert (state.expected, state.failures) == (3, 1)


def test_the_recorders_own_errors_are_counted_once_whatever_tells_of_them() -> None:
    noted: list[Event] = [
        {"e": "re", "t": 1, "m": "ValueError: one"},
        {"e": "re", "t": 1, "m": "two"},
    ]
    end: Event = {"e": "end", "t": 2, "exit": 0, "re": 7, "rem": "ValueError: one"}
    assert progress.fold(noted).recorder_errors == 2
    state = progress.fold([*noted, end])
    assert (state.recorder_errors, state.recorder_error) == (7, "ValueError: one")
    state = progress.fold([end])
    assert (state.recorder_errors, state.recorder_error) == (7, "ValueError: one")


def test_a_test_of_unknown_result_is_over_and_has_not_reported() -> None:
    state = progress.fold([
        {"e": "s", "t": 1, "i": 4, "w": "gw0"},
        {"e": "unknown", "t": 2, "i": 4, "w": "gw0"},
    ])  # fmt: skip
    assert (state.running, state.done) == ([], 0)


def test_a_worker_that_ended_in_good_order_is_no_crash() -> None:
    state = progress.fold([{"e": "wdown", "t": 1.0, "w": "gw0", "m": None}])
    assert state.worker_crashes == 0


@pytest.mark.parametrize(
    "event",
    [
        {"e": "s"},
        {"e": "s", "t": "x", "i": "y", "w": 3},
        {"e": "f", "t": None, "i": None, "r": None, "d": 5, "x": "z"},
        {"e": "k", "c": 5, "fl": [[1], "x", None, [1, 2, 3, 4]], "n": "many"},
        {"e": "k", "c": {"passed": "many", "failed": 2}, "fl": [["a", 5, "b"]], "x": None},
        {"e": "end", "exit": "green", "c": None},
        {"e": "collected", "n": [], "workers": {"a": 1}},
        {"e": "ki"},
        {"e": "stopping"},
        {"e": "wdown"},
        {"e": "of another version", "anything": 1},
    ],
)
def test_torn_and_foreign_events_are_survived(event: Event) -> None:
    state = progress.fold([{"e": "loaded", "t": 0.1, "pass": 1}, event])
    assert state.loaded
    assert state.done >= 0
    assert state.running is not None


def test_listing_and_loop_are_told_apart() -> None:
    listing = progress.fold([{"e": "configured", "t": 0.1, "list": True}])
    running = progress.fold([{"e": "configured", "t": 0.1, "list": False}, {"e": "loop", "t": 1}])
    assert (listing.listing, listing.looped) == (True, False)
    assert (running.listing, running.looped) == (False, True)


def test_failed_subtests_of_a_rerun_attempt_are_taken_back() -> None:
    sub = {"e": "sub", "t": 2.0, "i": 0, "r": "failed", "x": 0}
    p = progress.fold([sub, sub, {"e": "rr", "t": 2.1, "i": 0, "r": "failed", "sub": 2}])
    assert p.counts == {}


def test_a_crash_that_is_rerun_makes_no_culprit() -> None:
    start = {"e": "s", "t": 2.0, "i": 3, "w": "gw0"}
    down = {"e": "wdown", "t": 2.1, "w": "gw0", "m": "Not properly terminated"}
    again = {"e": "rr", "t": 2.2, "i": 3, "r": "crashed", "w": "gw0"}
    assert progress.fold([start, down]).in_flight_lost == {3}
    assert progress.fold([start, down, again]).in_flight_lost == set()
