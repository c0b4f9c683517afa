"""The rule: a finished run goes when it is old and not among the newest."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from walkaway.upkeep.retention import (
    DAY_S,
    Found,
    Kind,
    Leftover,
    Plan,
    Policy,
    State,
    Stored,
    plan,
)

NOW_S = 1_800_000_000.0


def run(days_old: float, state: State = State.DONE, tick: int = 0) -> Stored:
    ended_s = NOW_S - days_old * DAY_S
    stamp = datetime.fromtimestamp(ended_s, UTC).strftime("%Y%m%d-%H%M%S")
    return Stored(f"{stamp}-{tick:04x}", state, ended_s)


def gone(made: Plan) -> set[str]:
    return {fate.run.id for fate in made.go}


def test_a_run_goes_only_when_it_is_old_and_not_among_the_newest() -> None:
    runs = [run(days) for days in (1, 2, 8, 9, 10)]
    made = plan(Found(tuple(runs)), Policy(days=7, keep=3), NOW_S)
    assert gone(made) == {runs[3].id, runs[4].id}
    assert [fate.why for fate in made.fates] == ["newest", "newest", "newest", "old", "old"]


def test_many_runs_of_one_day_stay_with_the_defaults() -> None:
    runs = tuple(run(0.01 * n) for n in range(50))
    assert gone(plan(Found(runs), Policy(days=7, keep=10), NOW_S)) == set()
    by_number = plan(Found(runs), Policy(days=0, keep=10), NOW_S)
    assert gone(by_number) == {one.id for one in runs[10:]}


def test_a_week_without_runs_takes_nothing_of_the_newest() -> None:
    runs = tuple(run(30 + n) for n in range(12))
    assert gone(plan(Found(runs), Policy(days=7, keep=10), NOW_S)) == {r.id for r in runs[10:]}
    assert len(gone(plan(Found(runs), Policy(days=7, keep=0), NOW_S))) == 12


def test_both_at_zero_keep_no_finished_run_and_every_other() -> None:
    runs = tuple(run(n, state, n) for n, state in enumerate(State))
    made = plan(Found(runs), Policy(days=0, keep=0), NOW_S)
    assert gone(made) == {one.id for one in runs if one.state is State.DONE}


def test_live_runs_take_no_place_of_the_finished_ones() -> None:
    live = [run(0.1, State.LIVE, n) for n in range(10)]
    done = [run(20, tick=1), run(30, tick=2)]
    made = plan(Found((*live, *done)), Policy(days=7, keep=1), NOW_S)
    assert gone(made) == {done[1].id}


def test_a_run_that_ended_lately_is_young_whenever_it_began() -> None:
    long_one = replace(run(30), ended_s=NOW_S - 3600)
    assert not gone(plan(Found((long_one,)), Policy(days=7, keep=0), NOW_S))


def test_a_run_from_the_future_is_young() -> None:
    assert not gone(plan(Found((run(-3),)), Policy(days=7, keep=0), NOW_S))


@pytest.mark.parametrize("seed", range(200))
def test_whatever_lies_there_the_rule_holds(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - no secret, and it must repeat
    runs = [
        run(
            dice.choice([dice.uniform(-1, 20), 7.0, 0.0]),
            dice.choice([State.DONE] * 5 + [*State]),
            n,
        )
        for n in range(dice.randrange(40))
    ]
    dice.shuffle(runs)
    policy = Policy(dice.choice([0, 0.5, 7, 100]), dice.choice([0, 1, 10, 1000]))
    made = plan(Found(tuple(runs)), policy, NOW_S)

    assert sorted(fate.run.id for fate in made.fates) == sorted(one.id for one in runs)
    assert all(fate.run.state is State.DONE for fate in made.go)
    finished = sorted((r.id for r in runs if r.state is State.DONE), reverse=True)
    assert gone(made).isdisjoint(finished[: policy.keep])
    for fate in made.fates:
        if fate.goes:
            assert fate.age_s > policy.days * DAY_S or not policy.days
        elif fate.run.state is State.DONE:
            young = fate.age_s <= policy.days * DAY_S
            assert young or fate.run.id in finished[: policy.keep]
    # Asking for more to be kept never deletes more, and carrying out leaves nothing more to do.
    for more in (replace(policy, keep=policy.keep + 1), replace(policy, days=policy.days + 1)):
        assert gone(plan(Found(tuple(runs)), more, NOW_S)) <= gone(made)
    rest = tuple(one for one in runs if one.id not in gone(made))
    assert not gone(plan(Found(rest), policy, NOW_S))


def test_what_dead_starts_and_rotations_left_goes_and_what_lives_stays() -> None:
    fresh = Leftover(".new-a-1", Kind.NEW, NOW_S - 60)
    held = Leftover(".new-b-2", Kind.NEW, NOW_S - 9 * DAY_S, live=True)
    dead = Leftover(".new-c-3", Kind.NEW, NOW_S - 7200)
    left = Leftover(".gone-d", Kind.GONE, NOW_S)
    made = plan(Found((), (fresh, held, dead, left)), Policy(7, 10), NOW_S)
    assert set(made.leftovers) == {dead, left}


@pytest.mark.parametrize(
    ("runs", "live", "goes"),
    [((), False, True), ((), True, False), ((run(1),), False, False), ((run(99),), False, True)],
)
def test_the_pid_file_goes_with_the_last_run(
    runs: tuple[Stored, ...],
    live: bool,  # noqa: FBT001 - a row of the table above
    goes: bool,  # noqa: FBT001
) -> None:
    note = Leftover(".current_test.pid", Kind.PID, NOW_S, live=live)
    made = plan(Found(runs, (note,)), Policy(7, 0), NOW_S)
    assert (note in made.leftovers) is goes
