"""Which environment has to be reset, told by its lease alone: no engine is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.walkaway.views import samples
from walkaway.backends.environment_lease import Leasing
from walkaway.environment import leases
from walkaway.model.run import Compose
from walkaway.record.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    fd = os.open(tmp_path / "supervisor.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    yield Journal(fd, 0.0)
    os.close(fd)


def leasing(root: Path, run_id: str, journal: Journal) -> Leasing:
    wanted = Compose(service="test", services=True, slots=1)
    run = samples.RUN._replace(root=str(root), id=run_id, compose=wanted)
    return Leasing(run, wanted, journal)


def test_one_run_has_the_environment_and_the_next_waits_for_it(
    tmp_path: Path, journal: Journal
) -> None:
    first, second = (leasing(tmp_path, f"20261122-10153{n}-000{n}", journal) for n in (1, 2))
    assert first.waiting() == ""
    assert second.waiting() == "for the environment, held by 0001"
    first.give_back(clean=True)
    assert second.waiting() == ""
    second.give_back(clean=True)


def test_what_a_dead_run_left_is_reset_also_where_no_test_ran(
    tmp_path: Path, journal: Journal
) -> None:
    dead = leases.take(tmp_path, 1, "dead")
    assert dead is not None
    dead.give_back(clean=False)  # as its lock ends with its process
    following = leasing(tmp_path, "next", journal)
    assert following.waiting() == ""
    assert following.left_by == "dead"
    assert following.used(ran=False)
    following.give_back(clean=True)
    third = leasing(tmp_path, "third", journal)
    assert third.waiting() == ""
    assert (third.left_by, third.used(ran=False), third.used(ran=True)) == ("", False, True)
    third.give_back(clean=True)
