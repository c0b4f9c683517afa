"""`--dist forks`: one collection, forked workers, and a record like that of any other run."""

from __future__ import annotations

import sys

import pytest

from tests.walkaway.support.project import GATED, Project
from tests.walkaway.support.scratch import Live
from tests.walkaway.support.waiting import wait_for
from walkaway.record import reader
from walkaway.worker_slots import worker_count

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")

FORKS = ("--dist", "forks", "--workers", "2")
SUITE = """\
import os, signal
import pytest

@pytest.mark.parametrize("n", range(8))
def test_good(n): assert os.environ["PYTEST_XDIST_WORKER"]
def test_bad(): assert 0, "bad"
def test_dies(): os.kill(os.getpid(), signal.SIGSEGV)
@pytest.mark.skip(reason="not today")
def test_skipped(): pass
"""


def test_a_dead_worker_costs_its_own_test_and_no_second_pass(project: Project) -> None:
    project.write("tests/test_it.py", SUITE)
    outcome = project.ended(*FORKS).outcome()
    assert (outcome["outcome"], outcome["code"], outcome["passes"]) == ("failed", 1, 1)
    assert outcome["counts"] == {"passed": 8, "failed": 1, "crashed": 1, "skipped": 1}
    assert outcome["crashed"] == ["tests/test_it.py::test_dies"]
    assert outcome["lost"]["n"] == 0


def test_a_test_at_work_is_shown_with_its_worker(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    live = project.start(*FORKS)
    wait_for(lambda: len(live.events("s")) == 2, "both tests")
    wait_for(lambda: live.events("f"), "the first one's result")
    (at_work,) = project.json("progress")["flights"]
    assert at_work["id"] == "tests/test_it.py::test_gated"
    assert at_work["worker"].startswith("gw")
    project.open_gate()
    assert live.outcome()["outcome"] == "passed"


def test_a_stop_keeps_what_ran_to_its_end(project: Project) -> None:
    project.write("tests/test_it.py", GATED)
    live = project.start(*FORKS)
    wait_for(lambda: live.events("f"), "the first test's result")
    wait_for(lambda: len(live.events("s")) == 2, "both tests")
    assert project.inv("stop").returncode == 0
    outcome = live.outcome()
    assert outcome["outcome"] == "stopped"
    assert outcome["counts"] == {"passed": 1}


def test_a_stuck_test_is_named_with_its_stack(project: Project) -> None:
    stuck = "import time\ndef deep(): time.sleep(100)\ndef test_stuck(): deep()\n"
    project.write("tests/test_it.py", "def test_a(): pass\n" + stuck)
    live = project.start(*FORKS, "--timeout", "3")
    live.hold_until_in_flight(1)
    outcome = live.outcome()
    assert outcome["outcome"] == "timed-out"
    (found,) = outcome["stuck"]
    assert found["id"] == "tests/test_it.py::test_stuck"
    assert any("in deep" in line for line in found["stack"]), found


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--dist", "forks", "--workers", "0"), 64),
        (("--dist", "forks", "--workers", "x"), 64),
        (("--dist", "fork"), 64),
    ],
)
def test_bad_input_is_refused(project: Project, words: tuple[str, ...], code: int) -> None:
    answer = project.inv("test", *words)
    assert answer.returncode == code, answer.stdout + answer.stderr
    assert "--workers" in answer.stderr or "--dist" in answer.stderr


def test_forks_beside_xdists_own_options_is_a_usage_error(project: Project) -> None:
    outcome = project.ended(*FORKS, "--", "-p", "xdist", "-n", "2").outcome()
    assert (outcome["outcome"], outcome["code"]) == ("usage-error", 4)


@pytest.mark.parametrize("words", [("--forks", "3"), ("--forks=3",)])
def test_forked_workers_count_as_worker_slots(words: tuple[str, ...]) -> None:
    assert worker_count.requested(("pytest", "-p", "walkaway_forks", *words), {}) == 3


LOGS = """\
import logging, os
import pytest

@pytest.mark.parametrize("n", range(6))
def test_it(n, pytestconfig):
    from walkaway.isolation import identity
    assert identity.of(pytestconfig).worker == os.environ["PYTEST_XDIST_WORKER"]
    logging.getLogger("shop").warning("said by %s", n)
"""


def test_each_worker_is_somebody_to_the_isolation_plugins(project: Project) -> None:
    project.write("tests/test_it.py", LOGS)
    live = project.ended(*FORKS, "--", "-p", "walkaway.isolation.logs")
    assert live.outcome()["outcome"] == "passed", live.log()
    assert not live.record.path("logs-main.jsonl").exists()
    for n in range(6):
        told = project.json("log", "--test", f"test_it[{n}]")
        assert [line["message"] for line in told["lines"]] == [f"said by {n}"]


def test_ci_and_hunts_take_forked_workers_too(project: Project) -> None:
    project.write("tests/test_it.py", "def test_a(): pass\ndef test_b(): pass\n")
    lint = "walkaway:\n  lint: [['true']]\n"
    project.write("invoke.yaml", lint)
    done = project.inv("ci", *FORKS, "--backend", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.live().run.label.endswith("--forks 2")
    hunted = project.inv("flaky", "--runs", "2", *FORKS)
    assert hunted.returncode == 0, hunted.stdout + hunted.stderr
    assert project.live().run.label.endswith("--forks 2")


def test_the_next_run_begins_with_what_took_longest(project: Project) -> None:
    quick = "@pytest.mark.parametrize('n', range(6))\ndef test_quick(n): pass\n"
    project.write("tests/test_a.py", f"import pytest\n{quick}")
    project.write("tests/test_b.py", "import time\ndef test_long(): time.sleep(0.3)\n")
    # One worker: of two, the one that is heard first need not be the one that began first.
    alone = ("--dist", "forks", "--workers", "1")
    names = [_order(project.ended(*alone)) for _ in range(2)]
    assert names[0][0] != "tests/test_b.py::test_long"
    assert names[1][0] == "tests/test_b.py::test_long"
    assert sorted(names[0]) == sorted(names[1])


def _order(live: Live) -> list[str]:
    """Return the node ids of a run in the order in which they were begun."""
    ids = reader.ids(live.folder)
    return [ids[event["i"]] for event in live.events("s")]
