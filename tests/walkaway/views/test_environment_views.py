"""What `build`, `up`, `down` and `health` answer, for each kind of reader."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.views import golden
from tests.walkaway.views.test_every_line import HOSTILE, OURS, UNSEEN
from walkaway.environment.health import State
from walkaway.environment.image import Built, Large
from walkaway.environment.teardown import Things
from walkaway.views import environment as view

if TYPE_CHECKING:
    from collections.abc import Callable

    from walkaway.text import Style

MB = 1024 * 1024
BUILT = Built(
    changed=True,
    services=("test", "gateway"),
    image="walkaway-test:1a2b3c4d",
    image_id="sha256:9f8e7d6c5b4a39281706f5e4d3c2b1a0",
    seconds=14.2,
    context_bytes=1_240_000,
    context_files=312,
)
LARGE = Large("/home/kim/shop", 340 * MB, ".dockerignore", (("data/dump.sql", 310 * MB),))
MIXED = Large("/home/api", 90 * MB, "Dockerfile.dockerignore", (("a", 30 * MB), ("b c", 28 * MB)))
DB = State(1, "db", "walkaway-1a2b3c4d-1-db-1", "healthy", well=True, uptime_s=3723.0, restarts=0,
           memory_bytes=54_000_000, memory_limit_bytes=1536 * MB, cpu_percent=1.84, ports=(),
           run="", one_off=False, said="")  # fmt: skip
GATEWAY = replace(
    DB, service="gateway", name="walkaway-1a2b3c4d-1-gateway-1", memory_limit_bytes=None,
    cpu_percent=104.2, ports=("127.0.0.1:49153->8000/tcp",), uptime_s=40.0,
)  # fmt: skip
DONE = replace(DB, service="migrate", status="done", uptime_s=None, memory_bytes=None,
               memory_limit_bytes=None, cpu_percent=None)  # fmt: skip
TESTS = replace(DB, service="test", status="running", run="20261122-101530-7f3a", uptime_s=3.0,
                one_off=True)  # fmt: skip
SICK = replace(DB, slot=2, status="unhealthy", well=False, restarts=4,
               said="one\ntwo\nconnection refused\n\nFATAL: no such database\n")  # fmt: skip
GONE = replace(DONE, slot=2, service="gateway", status="exited 3", well=False)
VIEWS: dict[str, Callable[[Style], list[str]]] = {
    "built": lambda style: view.built_lines(BUILT, style),
    "unchanged": lambda style: view.built_lines(replace(BUILT, changed=False, seconds=0.1), style),
    "large": lambda style: view.built_lines(replace(BUILT, large=(LARGE, MIXED)), style),
    "no-build": lambda style: view.built_lines(
        replace(BUILT, changed=False, services=(), image="python:3.11", image_id=""), style
    ),
    "up": lambda style: view.up_lines(2, ["db", "redis"], 8.31, style, was_up=False),
    "was-up": lambda style: view.up_lines(1, ["db", "redis"], 0.2, style, was_up=True),
    "no-services": lambda style: view.up_lines(1, [], 0.2, style, was_up=True),
    "down": lambda style: view.down_lines(Things(("a", "b"), ("n",), ("v",)), style),
    "down-network": lambda style: view.down_lines(Things((), ("n",)), style),
    "nothing-up": lambda style: view.down_lines(Things(), style),
    "health": lambda style: view.health_lines([DB, GATEWAY, DONE], style),
    "health-runs": lambda style: view.health_lines([DB, TESTS, replace(TESTS, run="")], style),
    "health-bad": lambda style: view.health_lines([DB, SICK, GONE], style),
    "health-none": lambda style: view.health_lines([], style),
    "health-slot-0": lambda style: view.health_lines([replace(TESTS, slot=0)], style),
    "begin": lambda _: [view.building(["test", "api"]), view.starting(2, ["db", "redis"])],
}


@pytest.mark.parametrize("name", VIEWS)
def test_lines(name: str) -> None:
    golden.check_lines(f"environment/{name}", VIEWS[name])


JSON = {
    "build": lambda: view.built_json(replace(BUILT, large=(LARGE,))),
    "up": lambda: view.up_json(2, "walkaway-1a2b3c4d-2", ["db"], 8.3123, was_up=False),
    "down": lambda: view.down_json(Things(("a", "b"), ("n",), ("v",))),
    "health": lambda: view.health_json([GATEWAY, SICK]),
}


@pytest.mark.parametrize("name", JSON)
def test_json(name: str) -> None:
    text = json.dumps(JSON[name](), indent=1)
    golden.check(f"environment/{name}.json", text + "\n")


def test_every_golden_file_belongs_to_an_output() -> None:
    found = {path.name for path in (golden.FOLDER / "environment").iterdir()}
    assert found == {f"{name}.txt" for name in VIEWS} | {f"{name}.json" for name in JSON}


ODD = replace(
    SICK, service=HOSTILE, name=HOSTILE, status=HOSTILE, said=f"{HOSTILE}\n{HOSTILE}",
    ports=(HOSTILE,), run=HOSTILE, one_off=True,
)  # fmt: skip
HOSTILE_VIEWS: dict[str, Callable[[Style], list[str]]] = {
    "built": lambda style: view.built_lines(
        replace(BUILT, image=HOSTILE, image_id=HOSTILE,
                large=(replace(LARGE, ignore_file=HOSTILE, culprits=((HOSTILE, 1),)),)), style
    ),
    "up": lambda style: view.up_lines(1, [HOSTILE], 1.0, style, was_up=False),
    "health": lambda style: view.health_lines([ODD], style),
    "begin": lambda _: [view.building([HOSTILE]), view.starting(1, [HOSTILE])],
}  # fmt: skip


@pytest.mark.parametrize("reader", golden.READERS)
@pytest.mark.parametrize("name", HOSTILE_VIEWS)
def test_no_control_character_reaches_the_reader(name: str, reader: str) -> None:
    style = golden.READERS[reader]
    for line in HOSTILE_VIEWS[name](style):
        ours = OURS.sub("", line) if style.terminal else line
        assert not UNSEEN.search(ours), ascii(line)
