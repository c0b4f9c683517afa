"""Under pytest-xdist only the controller records, and it knows which worker ran what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from walkaway.process import proc_table

if TYPE_CHECKING:
    from tests.walkaway.support.recorded import Project

MODES = ("load", "loadscope", "loadfile", "loadgroup", "worksteal")
TWELVE = "".join(f"def test_{n}(): pass\n" for n in range(12))
KILLER = "import os\n" + TWELVE + "def test_killer(): os._exit(1)\n"


@pytest.mark.parametrize("mode", MODES)
def test_every_result_names_its_worker(project: Project, mode: str) -> None:
    project.write(test_it=TWELVE, test_other=TWELVE)
    run = project.run("-p", "xdist", "-n2", f"--dist={mode}")
    assert run.wait() == 0
    collected = run.one("collected")
    assert (collected["n"], sorted(collected["workers"])) == (24, ["gw0", "gw1"])
    started = {event["i"]: event["w"] for event in run.events("s")}
    finished = {event["i"]: event["w"] for event in run.events("f")}
    assert started == finished
    assert sorted(started) == list(range(24))
    assert set(started.values()) <= {"gw0", "gw1"}
    assert run.one("end")["c"] == {"passed": 24}
    assert run.errors() == []
    assert len(run.events("loaded", "end")) == 2


def test_workers_come_and_go_by_name_and_pid(project: Project) -> None:
    project.write(test_it="import os\ndef test_a(): print(os.getpid()); assert 0\n")
    run = project.run("-p", "xdist", "-n2")
    up = {event["w"]: event["pid"] for event in run.events("wup")}
    assert set(up) == {"gw0", "gw1"}
    assert [event["m"] for event in run.events("wdown")] == [None, None]
    told = run.failures()[0]
    worker = run.one("f")["w"]
    assert told["out"] == [["Captured stdout call", f"{up[worker]}\n"]]


def test_with_dist_each_every_worker_counts(project: Project) -> None:
    project.write(test_it=TWELVE)
    run = project.run("-p", "xdist", "-n2", "--dist=each")
    collected = run.one("collected")
    assert (collected["n"], collected["unique"]) == (24, 12)
    assert collected["dup"] == {str(n): 2 for n in range(12)}
    assert len({(e["i"], e["w"]) for e in run.events("f")}) == 24


def test_groups_keep_one_id_from_collection_to_result(project: Project) -> None:
    project.write(
        test_it="""
        import pytest
        @pytest.mark.xdist_group("one")
        def test_a(): pass
        def test_b(): pass
        """
    )
    run = project.run("-p", "xdist", "-n2", "--dist=loadgroup")
    # xdist 3.8 means to name the group, and on pytest 9.2 does not: whatever it says, once.
    assert run.ids()[0] in {"test_it.py::test_a@one", "test_it.py::test_a"}
    assert len(run.ids()) == 2
    assert sorted(event["i"] for event in run.events("f")) == [0, 1]


@pytest.mark.parametrize("mode", MODES)
def test_a_crashed_worker_stays_down_and_its_test_is_named(project: Project, mode: str) -> None:
    project.write(test_it=KILLER)
    run = project.run("-p", "xdist", "-n2", f"--dist={mode}")
    assert run.wait() == 1
    crashed = [(name, r) for name, r in run.results() if r == "crashed"]
    assert crashed == [("test_killer", "crashed")]
    assert [e["m"] for e in run.events("wdown") if e["m"]] == ["Not properly terminated"]
    assert {event["w"] for event in run.events("wup")} == {"gw0", "gw1"}
    told = next(failure for failure in run.failures() if failure["w"] == "crash")
    assert told["at"].endswith(" in test_killer")
    assert told["id"] == "test_it.py::test_killer"
    end = run.one("end")
    assert (end["exit"], end["fl"], end["c"]["crashed"]) == (1, [], 1)


def test_the_users_own_restarts_stand(project: Project) -> None:
    project.write(test_it=KILLER)
    run = project.run("-p", "xdist", "-n2", "--max-worker-restart=3")
    assert {event["w"] for event in run.events("wup")} >= {"gw0", "gw1", "gw2"}
    assert sum(run.one("end")["c"].values()) == 13


def test_a_second_pass_restarts_workers_and_keeps_the_numbers(project: Project) -> None:
    killers = "".join(f"def test_killer_{n}(): os._exit(1)\n" for n in range(4))
    project.write(test_it="import os\n" + TWELVE + killers)
    first = project.run("-p", "xdist", "-n2")
    ids = first.ids()
    done = {event["i"] for event in first.events("f")}
    left = [nodeid for number, nodeid in enumerate(ids) if number not in done]
    assert left, "two killers end two workers; the other two never ran"
    assert len(first.events("wup")) == 2
    again = project.run("-p", "xdist", "-n2", into=first, select=left)
    assert again.ids() == ids
    assert {event["i"] for event in again.events("f")} == set(range(len(ids)))
    assert [event["pass"] for event in again.events("loaded", "end")] == [1, 1, 2, 2]
    assert [event["n"] for event in again.events("collected")] == [16, len(left)]
    # Both passes began with two workers; only in the second do others take a dead one's place.
    assert len(again.events("wup")) > 4
    end = again.events("end")[-1]
    assert (end["n"], sum(end["c"].values())) == (16, 16)
    for event in again.events("f"):
        if "x" in event:
            assert again.failure(event["x"])["i"] == event["i"]


def test_no_worker_outlives_the_run(project: Project) -> None:
    project.write(test_it=TWELVE)
    run = project.run("-p", "xdist", "-n2")
    for event in run.events("wup"):
        assert not proc_table.alive(event["pid"], 0)


@pytest.mark.parametrize("args", [("-n0",), ("-n2", "--dist=no"), ("-n2", "--collect-only")])
def test_xdist_that_does_not_distribute_is_a_serial_run(
    project: Project, args: tuple[str, ...]
) -> None:
    project.write(test_it=TWELVE)
    run = project.run("-p", "xdist", *args)
    assert run.wait() == 0
    assert run.errors() == []
    lists = "--collect-only" in args
    if "--dist=no" not in args:
        assert run.one("collected")["workers"] == []
    assert run.one("end")["c"] == ({} if lists else {"passed": 12})


def test_collection_errors_of_workers_are_told_once(project: Project) -> None:
    project.write(test_it="import no_such_module\n", test_other=TWELVE)
    run = project.run("-p", "xdist", "-n2")
    assert run.one("ce")["id"] == "test_it.py"
    assert run.one("end")["ce"] == 1
