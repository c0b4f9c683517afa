"""Environments are leased whole, made fresh between two leases, and stay warm."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.backends.conftest import left_in_engine, remove_from_engine
from tests.walkaway.backends.leased import leased_project, redis, service, sql
from tests.walkaway.support.project import tidied
from tests.walkaway.support.waiting import wait_for
from walkaway.process import proc_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.walkaway.support.project import Project
    from tests.walkaway.support.scratch import Live

pytestmark = pytest.mark.engine

_UP_S = 120.0


@pytest.fixture
def leased(tmp_path: Path, built_image: str) -> Iterator[Project]:
    """A project with a database and Redis, in two environments at most; taken down afterwards."""
    project = leased_project(tmp_path / "project", built_image)
    yield from _taken_down(project)


def _taken_down(project: Project) -> Iterator[Project]:
    try:
        with tidied(project):
            yield project
        down = project.inv("down", "--force")
        assert down.returncode == 0, down.stderr
        left = left_in_engine(project.root)
        assert not left, f"left in the engine: {left}"
    finally:
        remove_from_engine(project.root)


def at_gate(live: Live) -> None:
    message = f"the gate of {live.folder}\n"
    wait_for(lambda: len(live.events("s")) > 1, message + live.described(), _UP_S)
    assert live.events("f")[0]["r"] == "passed", live.described()


def open_gate(project: Project) -> None:
    project.write("tests/gate", "")


def slots_of(live: Live) -> list[int]:
    return [event["slot"] for event in live.journal("lease")]


def test_runs_at_the_same_time_have_an_environment_each_and_the_third_waits(
    leased: Project,
) -> None:
    first = leased.start("--again")
    at_gate(first)
    second = leased.start("--again")
    at_gate(second)
    assert (slots_of(first), slots_of(second)) == ([1], [2])
    sql(leased, 1, "CREATE TABLE left_behind (id int)")
    sql(leased, 2, "CREATE TABLE left_behind (id int)")
    third = leased.start("--again", "--timeout", "30")
    wait_for(lambda: third.journal("preparing"), "the third to be queued")
    look = leased.json("progress", "--run", third.run.id)
    assert look["status"] == "queued"
    assert first.run.short in look["phase"]
    assert second.run.short in look["phase"]
    # Without services it does not wait for them.
    alone = leased.inv("test", "--no-services", "--", "-k", "nothing")
    assert alone.returncode == 5, alone.stdout
    open_gate(leased)
    assert first.outcome()["outcome"] == "passed"
    assert second.outcome()["outcome"] == "passed"
    outcome = third.outcome(_UP_S)
    # It found the mark of nobody: Redis was flushed, and the database cloned afresh.
    assert (outcome["outcome"], outcome["counts"]) == ("passed", {"passed": 2})
    for slot in (1, 2):
        assert sql(leased, slot, "SELECT to_regclass('left_behind') IS NULL") == "t"
        assert redis(leased, slot, "DBSIZE") == "0"
    # Both stay warm: the next run starts nothing.
    before = service(leased, 1, "db")
    again = leased.ended("--again")
    assert again.outcome()["outcome"] == "passed"
    assert "starting the services" not in [e["phase"] for e in again.journal("preparing")]
    assert service(leased, 1, "db") == before


def test_a_queued_run_is_stopped_without_having_begun(leased: Project) -> None:
    leased.write("invoke.yaml", "walkaway: {backend: compose, slots: 1}\n")
    first = leased.start("--again")
    at_gate(first)
    second = leased.start("--again")
    wait_for(lambda: second.journal("preparing"), "the second to be queued")
    assert leased.inv("stop", "--run", second.run.id).returncode == 0
    outcome = second.outcome()
    assert (outcome["outcome"], outcome["expected"]) == ("stopped", 0)
    open_gate(leased)
    assert first.outcome()["outcome"] == "passed"


def test_an_environment_that_a_run_without_a_supervisor_uses_is_not_given_away(
    leased: Project,
) -> None:
    leased.write("invoke.yaml", "walkaway: {backend: compose, slots: 1}\n")
    first = leased.start("--again")
    at_gate(first)
    sql(leased, 1, "CREATE TABLE left_behind (id int)")
    pid, start = first.supervisor()
    proc_table.send(pid, start, signal.SIGKILL)
    wait_for(lambda: not proc_table.alive(pid, start), "the supervisor to be gone")
    second = leased.start("--again")

    def waits() -> bool:
        return any(first.run.short in event.get("m", "") for event in second.journal("preparing"))

    wait_for(waits, "the second to see the first")
    assert not second.events()
    open_gate(leased)
    assert second.outcome(_UP_S)["counts"] == {"passed": 2}
    assert sql(leased, 1, "SELECT to_regclass('left_behind') IS NULL") == "t"
    assert leased.inv("wait", "--run", first.run.id).returncode == 0


def test_an_unhealthy_service_is_named_with_what_it_said(leased: Project) -> None:
    path = leased.root / "docker-compose.yml"
    well = "'redis-cli -h 127.0.0.1 ping']"
    ill = "'echo it is ill; exit 1']\n      retries: 2"
    path.write_text(path.read_text(encoding="utf-8").replace(well, ill), encoding="utf-8")
    answer = leased.inv("test")
    assert answer.returncode == 69, answer.stdout
    assert "redis" in answer.stdout
    assert "it is ill" in answer.stdout, answer.stdout


def test_two_checkouts_and_four_runs_at_once_do_not_meet(tmp_path: Path, built_image: str) -> None:
    roots = [leased_project(tmp_path / name / "same name", built_image) for name in "ab"]
    with tidied(roots[0]), tidied(roots[1]):
        try:
            lives = [project.start("--again") for project in roots for _ in range(2)]
            for live in lives:
                at_gate(live)
            for project in roots:
                open_gate(project)
            for live in lives:
                outcome = live.outcome(_UP_S)
                assert outcome["counts"] == {"passed": 2}, live.described()
            assert [slots_of(live) for live in lives] == [[1], [2], [1], [2]]
            for project in roots:
                assert project.inv("down").returncode == 0
                assert not left_in_engine(project.root)
        finally:
            for project in roots:
                remove_from_engine(project.root)
