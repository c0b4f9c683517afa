"""When silence is a stall, by a clock and a process tree that the test sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from walkaway.supervisor.stall import Silence


@dataclass(slots=True)
class World:
    """The journal's clock and the process tree in one: both move only when a test says so."""

    at: float = 0.0
    used: float = 0.0
    runnable: bool = False
    wrote: list[dict[str, object]] = field(default_factory=list)

    def now(self) -> float:
        return self.at

    def work(self) -> tuple[float, bool]:
        return self.used, self.runnable

    def write(self, kind: str, /, **values: object) -> None:
        self.wrote.append({"e": kind, **values})


def stalled_at(cores: float, *, runnable: bool = False, until: float = 100.0) -> float | None:
    """When a silent run with this use of CPU is stalled, for a stall time of 10 s."""
    world = World(runnable=runnable)
    whole = cast("Any", world)
    silence = Silence(whole, whole, 10.0)
    silence.begin()
    while world.at < until:
        if silence.check(events_size=7) and world.at > 0:
            return world.at
        world.at += 0.5
        world.used += 0.5 * cores
    return None


@pytest.mark.parametrize(
    ("cores", "runnable", "stalls"),
    [
        (0.0, False, True),
        (0.01, False, True),
        (0.5, False, False),  # it works, and sleeps whenever somebody looks
        (0.0, True, False),  # it waits for a CPU: the machine is busy
        (1.0, True, False),
    ],
)
def test_a_silent_run_is_stalled_only_when_nobody_works(
    cores: float, *, runnable: bool, stalls: bool
) -> None:
    found = stalled_at(cores, runnable=runnable)
    assert (found is not None) == stalls
    if found is not None:
        assert 10.0 <= found <= 15.0
