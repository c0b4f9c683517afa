"""What `doctor` prints, for a checkout that is fit and for several that are not."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.walkaway.views import golden
from tests.walkaway.views.golden import READERS
from tests.walkaway.views.test_every_line import HOSTILE, OURS, UNSEEN
from walkaway.doctor import Checked, Finding, judged, skipped, unknown
from walkaway.doctor.compose_file import judge_memory, judge_ports
from walkaway.doctor.run_checks import Diagnosis, code_of
from walkaway.doctor.versions import judge, silent
from walkaway.environment.inventory import Kind, Thing
from walkaway.environment.reaper import Fate, Plan, Reaped
from walkaway.text import Style
from walkaway.views import doctor

GB = 1000**3
VERSIONS = {"engine": "26.1.5+dfsg1", "Compose": "2.26.1-4", "buildx": "docker/buildx v0.13.1 x"}
GOOD = (
    judged("pytest", "Python 3.11.7, pytest 9.2.0 by /shop/.venv/bin/python"),
    judged("disk", "80 GB free, 16,182,671 inodes"),
    judge_memory(4, 2 * GB, 24 * GB, 20 * GB),
    judge(VERSIONS),
    judge_ports([], {5432: "process 77: postgres"}, "walkaway-0123abcd-"),
    skipped("network", "no environment is up: inv up, then try again"),
)
BAD = (
    *GOOD[:2],
    judge_memory(8, GB, 24 * GB, 20 * GB),
    judge({"engine": "19.3.8", "Compose": "", "buildx": "v0.9.0"}),
    judge_ports([8000, 5432], {8000: "container web-1", 5432: "process 77: postgres"}, "x-"),
    unknown("engine's disk", "`docker info` did not answer within 10 s.", "docker system df"),
)


def diagnosis(*checks: Checked, no_engine: bool = False) -> Diagnosis:
    return Diagnosis(checks, code_of(checks, silent=no_engine), 0.42)


def thing(kind: Kind, name: str) -> Thing:
    return Thing(kind, "c0ffee", name, "0123abcd")


GONE = "its checkout is gone: /home/me/old"
PLAN = Plan(
    tuple(
        Fate(thing(kind, f"walkaway-0123abcd-1_{n}"), GONE)
        for kind in (Kind.CONTAINER, Kind.VOLUME)
        for n in range(6)
    ),
    (Fate(thing(Kind.CONTAINER, "walkaway-0123abce-1-db-1"), "a run is still running"),),
)
NAMES = [fate.thing.title for fate in PLAN.go]
VIEWS: dict[str, Callable[[Style], list[str]]] = {
    "fit": lambda style: doctor.lines(diagnosis(*GOOD), style),
    "not-fit": lambda style: doctor.lines(diagnosis(*BAD), style),
    "no-engine": lambda style: doctor.lines(
        diagnosis(
            silent("/var/run/docker.sock: No such file or directory", needed=True),
            *GOOD[:2],
            no_engine=True,
        ),
        style,
    ),
    "no-engine-and-none-needed": lambda style: doctor.lines(
        diagnosis(silent("no docker command on PATH", needed=False), *GOOD[:2]), style
    ),
    "reaped": lambda style: doctor.reaped_lines(PLAN, Reaped(NAMES), style),
    "reaped-but-one": lambda style: doctor.reaped_lines(
        PLAN, Reaped(NAMES[:1], {NAMES[7]: "volume is in use"}), style
    ),
    "nothing-to-reap": lambda style: doctor.reaped_lines(Plan(), Reaped(), style),
}


@pytest.mark.parametrize("name", VIEWS)
def test_lines(name: str) -> None:
    golden.check_lines(f"doctor/{name}", VIEWS[name])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("not-fit", doctor.as_json(diagnosis(*BAD))),
        ("reaped-but-one", doctor.reaped_json(PLAN, Reaped(NAMES[:1], {"volume x": "in use"}), 1)),
    ],
)
def test_json(name: str, found: dict[str, object]) -> None:
    golden.check(f"doctor/{name}.json", json.dumps(found, indent=1) + "\n")


@pytest.mark.parametrize("reader", READERS)
def test_no_control_character_of_a_name_or_message_reaches_the_reader(reader: str) -> None:
    style = READERS[reader]
    hostile = judged("ports", HOSTILE, [Finding(HOSTILE, HOSTILE)])
    plan = Plan((Fate(thing(Kind.VOLUME, HOSTILE), HOSTILE),) * 2, PLAN.stay)
    shown = [
        *doctor.lines(diagnosis(hostile), style),
        *doctor.reaped_lines(plan, Reaped([HOSTILE], {HOSTILE: HOSTILE}), style),
    ]
    for line in shown:
        assert not UNSEEN.search(OURS.sub("", line) if style.terminal else line), ascii(line)


def test_fit_is_only_what_was_looked_at_and_found_well() -> None:
    assert diagnosis(*GOOD).code == 0
    assert diagnosis(*GOOD, BAD[-1]).code == 1  # unknown is not ok
    assert diagnosis(*GOOD, BAD[2]).code == 1
    assert diagnosis(*GOOD, no_engine=True).code == 69
    assert not diagnosis(*BAD).fit
