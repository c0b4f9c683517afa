"""`inv flaky` in real projects: who is found, who is not accused, and what cannot end a hunt."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.walkaway.support.hunts import COUNTED, GATED, POLLUTED, Hunted, newest
from tests.walkaway.support.project import INV, Project, made, tidied
from tests.walkaway.support.waiting import wait_for
from walkaway.hunting.store import Hunts
from walkaway.process import proc_table

if TYPE_CHECKING:
    from collections.abc import Iterator

TEST = "tests/test_it.py"


@pytest.fixture
def hunting(project: Project) -> Project:
    """A project to hunt in; its hunts end with the test."""
    return project


def hunt(project: Project, *words: str, code: int = 0) -> dict[str, Any]:
    """Hunt to the end and return the JSON answer; its exit code must be this one."""
    answer = project.inv("flaky", "--json", *words, env={"CI": "true"})
    assert answer.returncode == code, answer.stdout + answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    assert found["walkaway"] == 1
    assert found["code"] == code
    return found


def named(cases: list[dict[str, Any]]) -> dict[str, str]:
    return {case["id"].rpartition("::")[2]: case["letters"] for case in cases}


@dataclass(frozen=True, slots=True)
class Polluted:
    """A finished hunt of four attempts in which order decided, and its JSON answer."""

    project: Project
    found: dict[str, Any]


@pytest.fixture(scope="module")
def polluted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Polluted]:
    root = tmp_path_factory.mktemp("polluted") / "project"
    with tidied(made(root, POLLUTED)) as project:
        yield Polluted(project, hunt(project, "--runs", "4", "--seed", "3", code=1))


# What is found


def test_counted_flakes_are_found_and_nobody_else_is_accused(hunting: Project) -> None:
    hunting.write(TEST, COUNTED)
    found = hunt(hunting, "--runs", "4", code=1)
    assert named(found["flaky"]) == {"test_every_third": ".F..", "test_every_other": ".F.F"}
    assert named(found["failing"]) == {"test_never": "FFFF"}
    assert found["unsteady"] == found["partial"] == []
    third = next(case for case in found["flaky"] if case["id"].endswith("third"))
    assert (third["failures"], third["reports"], third["rate"]) == (1, 4, 0.25)
    assert (third["low"], third["high"]) == (0.0063, 0.8059)
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["failed"] * 4


SUBTEST_RERUN = """
import os, pathlib
seen = []
def test_heals(subtests):
    seen.append(1)
    path = pathlib.Path(os.environ["COUNT"])
    if len(seen) == 1:
        path.write_text(path.read_text() + "x" if path.exists() else "x")
    attempt = len(path.read_text())
    with subtests.test("one"): assert attempt % 2 or len(seen) > 1
    with subtests.test("two"): pass
"""


def test_a_subtest_whose_attempt_was_rerun_is_rerun_and_not_failed(hunting: Project) -> None:
    hunting.write(TEST, SUBTEST_RERUN)
    hunting.environ["COUNT"] = str(hunting.root.parent / "count")
    reruns = ("--", "-p", "pytest_rerunfailures", "--reruns=1")
    found = hunt(hunting, "--runs", "2", *reruns, code=1)
    assert named(found["flaky"]) == {"test_heals": ".R"}
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["passed"] * 2


def test_a_victim_of_order_is_found_and_its_seed_makes_it_fail_again(polluted: Polluted) -> None:
    (case,) = polluted.found["flaky"]
    assert case["id"] == f"{TEST}::test_victim"
    words = case["command"].split()
    assert words[:3] == ["inv", "test", "--order-seed"]
    again = polluted.project.inv(*words[1:])
    assert again.returncode == 1
    assert "test_victim" in again.stdout
    good = next(a for a in polluted.found["attempts"] if a["outcome"] == "passed")
    seed = str(good["order_seed"])
    assert polluted.project.inv("test", "--order-seed", seed).returncode == 0


def test_every_attempt_says_what_its_order_was_and_failed_in_accordance(polluted: Polluted) -> None:
    (case,) = polluted.found["flaky"]
    for attempt, letter in zip(polluted.found["attempts"], case["letters"], strict=True):
        live = polluted.project.live(attempt["run"])
        order = live.record.path("collected.txt").read_text().split()
        ill = order.index(f"{TEST}::test_polluter") < order.index(f"{TEST}::test_victim")
        assert letter == ("F" if ill else ".")
        assert live.run.order_seed == str(attempt["order_seed"])
        assert (live.run.hunt, live.run.attempt) == (
            polluted.found["hunt"]["id"], attempt["number"],
        )  # fmt: skip
        assert live.outcome()["outcome"] == attempt["outcome"]


def test_the_same_seed_hunts_in_the_same_orders(hunting: Project, polluted: Polluted) -> None:
    hunting.write(TEST, POLLUTED)
    again = hunt(hunting, "--runs", "2", "--seed", "3", code=1)
    first = polluted.found
    assert [a["order_seed"] for a in again["attempts"]] == [
        a["order_seed"] for a in first["attempts"][:2]
    ]
    assert named(again["flaky"]) == {
        test: letters[:2] for test, letters in named(first["flaky"]).items()
    }


def test_when_nothing_varies_it_says_what_that_rules_out(hunting: Project) -> None:
    answer = hunting.inv("flaky", "--runs", "2", env={"CI": "true"})
    assert answer.returncode == 0
    lines = answer.stdout.splitlines()
    assert lines[-3].startswith("STEADY  ")
    assert "0 of 1 test varied in 2 attempts" in lines[-3]
    assert lines[-2] == "0 of 2: a test that fails 78 % of the time or more would have shown (95 %)"
    assert lines[-1] == "next: inv flaky --runs 59 rules out 5 %"


def test_a_suite_that_always_fails_is_failing_not_flaky_and_exits_with_its_failure(
    hunting: Project,
) -> None:
    hunting.write(TEST, "def test_never():\n    assert False\n")
    found = hunt(hunting, "--runs", "2", code=1)
    assert found["flaky"] == []
    assert named(found["failing"]) == {"test_never": "FF"}


def test_a_crash_is_a_failure_of_its_test_and_of_no_other(hunting: Project) -> None:
    hunting.write(
        TEST,
        "import os\nfrom pathlib import Path\n\n"
        "def test_crashes_once():\n"
        "    if not Path('crashed').exists():\n"
        "        Path('crashed').touch()\n"
        "        os.abort()\n\n"
        "def test_innocent():\n    pass\n",
    )
    found = hunt(hunting, "--runs", "2", code=1)
    assert named(found["flaky"]) == {"test_crashes_once": "C."}
    first = found["attempts"][0]
    assert (first["outcome"], first["code"]) == ("crashed", 134)
    assert first["named"] == [f"{TEST}::test_crashes_once"]


def test_a_test_killed_at_the_deadline_is_named_and_not_accused(hunting: Project) -> None:
    hunting.write(
        TEST,
        "import time\nfrom pathlib import Path\n\n"
        "def test_slow_once():\n"
        "    if not Path('slow').exists():\n"
        "        Path('slow').touch()\n"
        "        time.sleep(100)\n",
    )
    found = hunt(hunting, "--runs", "2", "--timeout", "6", code=124)
    assert found["flaky"] == []
    outcomes = [attempt["outcome"] for attempt in found["attempts"]]
    assert outcomes == ["timed-out", "passed"]
    assert found["attempts"][0]["named"] == [f"{TEST}::test_slow_once"]


def test_a_module_that_is_imported_sometimes_is_flaky_by_its_name(hunting: Project) -> None:
    hunting.write(
        "tests/test_import.py",
        "from pathlib import Path\n\n"
        "again = Path('again').exists()\nPath('again').touch()\nassert again\n\n"
        "def test_inside():\n    pass\n",
    )
    found = hunt(hunting, "--runs", "2", code=1)
    assert named(found["flaky"]) == {"tests/test_import.py": "E."}
    assert found["attempts"][0]["outcome"] == "collection-error"


def test_ids_that_come_and_go_are_named_and_not_accused(hunting: Project) -> None:
    hunting.write(
        TEST,
        "import pytest, time\n\n"
        "@pytest.mark.parametrize('now', [time.time_ns()])\n"
        "def test_now(now):\n    pass\n\ndef test_stays():\n    pass\n",
    )
    found = hunt(hunting, "--runs", "2")
    assert len(found["partial"]) == 2
    assert sorted(case["letters"] for case in found["partial"]) == [" .", ". "]
    assert found["tests"] == 3


def test_a_test_that_passes_only_when_rerun_is_flaky(hunting: Project) -> None:
    pytest.importorskip("pytest_rerunfailures")
    hunting.write(TEST, COUNTED)
    words = ("-p", "pytest_rerunfailures", "--reruns", "1", "-k", "other")
    found = hunt(hunting, "--runs", "2", "--", *words, code=1)
    # Turns 0; 1 fails, 2 passes.
    assert named(found["flaky"]) == {"test_every_other": ".R"}


def test_workers_come_to_one_order_and_the_hunt_to_its_verdict(hunting: Project) -> None:
    pytest.importorskip("xdist")
    hunting.write(TEST, COUNTED)
    words = ("-p", "xdist", "-n", "2")
    found = hunt(hunting, "--runs", "2", "--", *words, code=1)
    assert named(found["flaky"]) == {"test_every_third": ".F", "test_every_other": ".F"}
    assert [attempt["expected"] for attempt in found["attempts"]] == [4] * 2


def test_fail_fast_ends_the_hunt_with_the_first_test_that_did_both(hunting: Project) -> None:
    hunting.write(TEST, COUNTED)
    found = hunt(hunting, "--runs", "50", "--fail-fast", code=1)
    assert len(found["attempts"]) == 2
    assert found["ended_by"] == "found"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--nosuch"], 4),
        (["-k", "nothing"], 5),
        pytest.param(["missing.py"], 4, marks=pytest.mark.soak),
    ],
)
def test_what_cannot_run_is_tried_once_and_has_its_own_code(
    hunting: Project, words: list[str], code: int
) -> None:
    found = hunt(hunting, "--runs", "5", "--", *words, code=code)
    assert len(found["attempts"]) == 1
    assert found["ended_by"] == "hopeless"


# What cannot end a hunt


def begun(project: Project, *words: str) -> Hunted:
    """Start a hunt of the gated test and wait for its second attempt to stand at the gate."""
    project.write(TEST, GATED)
    answer = project.inv("flaky", "--runs", "3", "--detach", *words)
    assert answer.returncode == 0, answer.stderr
    return at_gate(project)


def at_gate(project: Project) -> Hunted:
    wait_for(lambda: len(list(project.root.glob("turn-*"))) == 2, "the second attempt")
    return newest(project)


def told_true(project: Project, hunted: Hunted) -> None:
    """Open the gate: the hunt must come to its true end."""
    project.write("gate", "")
    outcome = hunted.outcome()
    assert (outcome["ended_by"], outcome["code"], outcome["attempts"]) == ("complete", 1, 3)
    assert hunted.letters() == {"test_gated": "..F"}
    answer = project.inv("flaky", "--hunt", hunted.record.id)
    assert answer.returncode == 1
    assert answer.stdout.startswith("FLAKY  ")


@pytest.mark.parametrize("how", ["tree", pytest.param("group", marks=pytest.mark.soak)])
def test_a_killed_starter_ends_no_hunt(hunting: Project, how: str) -> None:
    hunting.write(TEST, GATED)
    shell = subprocess.Popen(
        ("sh", "-c", '"$@"; true', "sh", *INV, "flaky", "--runs", "3"),
        cwd=hunting.root,
        env=hunting.env({"CI": "true"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    hunted = at_gate(hunting)
    below = proc_table.descendants(shell.pid, proc_table.everyone())
    assert below
    if how == "group":
        os.killpg(shell.pid, signal.SIGKILL)
    else:
        for proc in below:
            proc_table.send(proc.pid, proc.start, signal.SIGKILL)
        shell.kill()
    shell.wait()
    told_true(hunting, hunted)


def test_a_killed_driver_is_replaced_once_by_the_looks_and_no_attempt_is_lost_or_begun_twice(
    hunting: Project,
) -> None:
    hunted = begun(hunting)
    hunted.kill_driver()
    watchers = [hunting.popen("flaky", "--hunt", "latest", env={"CI": "1"}) for _ in range(4)]
    wait_for(hunted.drivers, "a new driver")
    hunted.kill_driver()
    wait_for(hunted.drivers, "another new driver")
    told_true(hunting, hunted)
    for watcher in watchers:
        out, err = watcher.communicate(timeout=60)
        assert watcher.returncode == 1, out + err
    runs = [attempt.run for attempt in hunted.record.attempts()]
    assert runs == hunting.records.ids()
    assert len(runs) == 3


def test_two_hunts_at_once_keep_their_attempts_apart(hunting: Project) -> None:
    hunting.write(TEST, POLLUTED)
    words = ("flaky", "--runs", "2", "--seed", "3", "--json")
    both = [hunting.popen(*words, env={"CI": "true"}) for _ in range(2)]
    answers = [json.loads(one.communicate(timeout=100)[0]) for one in both]
    assert [one.returncode for one in both] == [1, 1]
    assert len({answer["hunt"]["id"] for answer in answers}) == 2
    assert len({a["run"] for answer in answers for a in answer["attempts"]}) == 4
    assert named(answers[0]["flaky"]) == named(answers[1]["flaky"]) == {"test_victim": ".F"}
    assert len(Hunts(hunting.records).ids()) == 2


def test_a_hunt_whose_record_is_deleted_makes_no_further_attempt(hunting: Project) -> None:
    hunted = begun(hunting)
    ((pid, start),) = hunted.drivers()
    shutil.rmtree(hunted.record.folder)
    hunting.write("gate", "")
    wait_for(lambda: not proc_table.alive(pid, start), "the driver to leave")
    assert len(hunting.records.ids()) == 2
    assert hunting.live().outcome()["outcome"] == "passed"


# Ending one on purpose


def test_a_hunt_is_stopped_with_its_attempt(hunting: Project) -> None:
    hunted = begun(hunting)
    answer = hunting.inv("flaky", "--hunt", hunted.record.id[-4:], "--stop")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("STOPPED  ")
    assert hunted.outcome()["code"] == 2
    assert hunting.live().outcome()["outcome"] == "stopped"
    assert hunting.inv("flaky", "--hunt", "latest").returncode == 2


def test_stopping_an_attempt_stops_its_hunt(hunting: Project) -> None:
    hunted = begun(hunting)
    assert hunting.inv("stop", "--run", hunting.live().run.short).returncode == 0
    assert hunted.outcome()["ended_by"] == "stopped"
    assert len(hunting.records.ids()) == 2


def test_ctrl_c_ends_the_hunt_that_one_began_and_only_leaves_one_that_one_watches(
    hunting: Project,
) -> None:
    hunting.write(TEST, GATED)
    mine = hunting.popen("flaky", "--runs", "3", env={"CI": "true"}, session=True)
    hunted = at_gate(hunting)
    watcher = hunting.popen("flaky", "--hunt", "latest", env={"CI": "1"}, session=True)
    assert watcher.stdout is not None
    assert watcher.stdout.readline().startswith("HUNTING  ")
    watcher.send_signal(signal.SIGINT)
    _, err = watcher.communicate(timeout=60)
    assert (watcher.returncode, "is still running: inv flaky --hunt" in err) == (130, True), err
    assert hunted.record.outcome() is None
    mine.send_signal(signal.SIGINT)
    out, _ = mine.communicate(timeout=60)
    assert mine.returncode == 130
    assert re.search(r"^INTERRUPTED  ", out, re.MULTILINE)
    assert hunted.outcome()["ended_by"] == "interrupt"


# Who is told what


def test_a_detached_hunt_leaves_latest_alone_and_an_agent_gets_75_and_how_to_go_on(
    hunting: Project,
) -> None:
    from unittest import mock

    from invoke.config import Config
    from invoke.context import Context

    from walkaway.tasks import hunt as task

    mine = hunting.ended("--", "-k", "quick")
    hunted = begun(hunting)
    assert hunted.record.outcome() is None
    assert hunting.json("progress")["run"]["id"] == mine.run.id
    config = Config()
    config._project_prefix = str(hunting.root)  # where Invoke found tasks.py
    with (
        mock.patch.object(task, "wait_limit_s", return_value=0.5),
        mock.patch.dict(os.environ, hunting.env({"AI_AGENT": "x"}), clear=True),
        pytest.raises(BaseException) as ended,  # noqa: PT011 - Invoke's Exit
    ):
        task.flaky(Context(config), hunt="latest")
    assert getattr(ended.value, "code", None) == 75
    assert hunted.record.outcome() is None
    told_true(hunting, hunted)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--runs", "0"], 64, "--runs is '0'"),
        (["--runs", "many"], 64, "--runs is 'many'"),
        (["--seed", "-1"], 64, "--seed is '-1'"),
        (["--seed", "4294967296"], 64, "--seed is '4294967296'"),
        (["--timeout", "soon"], 64, "--timeout is 'soon'"),
        (["--hunt", "nope"], 66, "No hunt 'nope'"),
        (["--hunt", ""], 66, "No hunt ''"),
        (["--hunt", "latest"], 66, "There is none yet"),
        (["--stop"], 64, "--stop needs --hunt"),
    ],
)
def test_wrong_use_is_refused_in_three_lines(
    hunting: Project, words: list[str], code: int, told: str
) -> None:
    answer = hunting.inv("flaky", *words)
    assert (answer.returncode, answer.stdout) == (code, "")
    assert told in answer.stderr
    assert "Traceback" not in answer.stderr
    assert len(answer.stderr.splitlines()) <= 3
    assert Hunts(hunting.records).ids() == []


@pytest.mark.parametrize("seed", ["-1", "x", "4294967296", "1.5", "", "1" * 5000])
def test_a_wrong_order_seed_is_refused(hunting: Project, seed: str) -> None:
    answer = hunting.inv("test-async", f"--order-seed={seed}")
    assert (answer.returncode, answer.stdout) == (64, "")
    assert "--order-seed is " in answer.stderr
    assert hunting.records.ids() == []


def test_a_damaged_newest_record_does_not_hide_the_hunts_before_it(hunting: Project) -> None:
    hunting.write(TEST, "def test_it():\n    pass\n")
    assert hunting.inv("flaky", "--runs", "1").returncode == 0
    damaged = hunting.records.folder / "hunt-20991231-235959-ffff"
    damaged.mkdir()
    (damaged / "hunt.json").write_text("{")
    answer = hunting.inv("flaky", "--hunt", "latest")
    assert answer.returncode == 0, answer.stderr
    assert "1 attempt" in answer.stdout
