"""A killed supervisor, command, container or look: the verdict comes from what survives."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.backends.gated import GATED, at_gate, gated, kill_supervisor, open_gate
from tests.walkaway.support.engine import docker
from tests.walkaway.support.waiting import wait_for
from walkaway.process import proc_table

if TYPE_CHECKING:
    from tests.walkaway.support.project import Project
    from tests.walkaway.support.scratch import Live

__all__ = ["gated"]

pytestmark = pytest.mark.engine


def test_a_run_without_its_supervisor_is_adopted_by_the_next_look(gated: Project) -> None:
    live, _ = at_gate(gated)
    kill_supervisor(live)
    look = gated.json("progress")
    assert (look["status"], look["supervised"], look["adopted_now"]) == ("running", False, True)
    open_gate(gated)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"], outcome["supervised"]) == ("passed", 0, False)
    assert outcome["pytest_exit"] == 0


def test_a_container_that_ended_without_a_supervisor_still_has_its_verdict(gated: Project) -> None:
    gated.write("tests/test_it.py", GATED + "    assert 0\n")
    live, name = at_gate(gated)
    kill_supervisor(live)
    open_gate(gated)
    docker("wait", name)
    waited = gated.inv("wait")
    assert waited.returncode == 1, waited.stdout
    assert waited.stdout.startswith(f"FAILED  {live.run.short}  in Compose"), waited.stdout
    assert live.outcome()["outcome"] == "failed"


def test_out_of_memory_is_known_even_when_nobody_watched(gated: Project) -> None:
    eats = "    x = [bytearray(30_000_000) for _ in range(60)]\n"
    gated.write("tests/test_it.py", GATED + eats)
    live, name = at_gate(gated)
    kill_supervisor(live)
    open_gate(gated)
    docker("wait", name)
    assert gated.inv("wait").returncode == 137
    assert live.outcome()["outcome"] == "out-of-memory"


def test_a_run_whose_supervisor_died_is_stopped_as_asked(gated: Project) -> None:
    live, _ = at_gate(gated)
    kill_supervisor(live)
    stopped = gated.inv("stop", "--run", live.run.short)
    assert stopped.returncode == 0, stopped.stderr
    assert live.outcome()["outcome"] == "stopped"


def waiters(live: Live) -> list[int]:
    """Wait until a run's supervisor has children that run `docker wait`; return their PIDs."""
    pid, _ = live.supervisor()

    def running() -> list[int]:
        found = proc_table.descendants(pid, proc_table.everyone())
        return [p.pid for p in found if "docker wait" in proc_table.command(p.pid)]

    return wait_for(running, "docker wait")


def test_killed_docker_commands_change_nothing(gated: Project) -> None:
    live, _ = at_gate(gated)
    for victim in waiters(live):
        os.kill(victim, signal.SIGKILL)
    open_gate(gated)
    assert live.outcome()["outcome"] == "passed"


def test_the_engine_is_asked_how_a_container_ended_that_nobody_waited_for(gated: Project) -> None:
    live, name = at_gate(gated)
    (waiter,) = waiters(live)
    with live.supervisor_held():
        os.kill(waiter, signal.SIGKILL)
        docker("rm", "--force", name)
    found = live.outcome()
    assert (found["outcome"], found["code"]) == ("killed", 137)
    assert any("the engine had reported its end" in note for note in found["notes"]), found["notes"]


@pytest.mark.parametrize(
    ("words", "outcome", "code"),
    [
        (("stop",), "interrupted", 2),
        (("kill",), "killed", 137),
        (("rm", "--force"), "killed", 137),
    ],
    ids=["stop", "kill", "rm"],
)
def test_what_others_do_to_the_container_is_told(
    gated: Project, words: tuple[str, ...], outcome: str, code: int
) -> None:
    live, name = at_gate(gated)
    with live.supervisor_held():  # it looks when all is done: a removal kills first
        docker(*words, name)
    found = live.outcome()
    assert (found["outcome"], found["code"]) == (outcome, code)
    assert found["reported"] == 1
    if words[0] == "rm":
        assert any("somebody removed its container" in note for note in found["notes"]), found[
            "notes"
        ]


def test_ctrl_c_at_test_ends_the_container(gated: Project) -> None:
    process = gated.popen("test")
    wait_for(gated.records.ids, "the run")
    gated.gate_reached(gated.live())
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert gated.live().outcome()["outcome"] == "interrupted"


def test_the_evidence_stays_and_the_container_goes(boxed: Project) -> None:
    live = boxed.ended()
    assert live.outcome()["outcome"] == "passed"
    evidence = live.record.path("evidence.json").read_text(encoding="utf-8")
    assert '"exit_code": 0' in evidence
    assert '"memory_bytes": 419430400' in evidence
    assert "postgres" not in evidence  # no variable of the container is in there
    assert docker("ps", "-aq", "--filter", f"label=walkaway.run={live.run.id}").stdout == ""
    strangers = [p for p in live.folder.rglob("*") if p.stat().st_uid != os.getuid()]
    assert not strangers


def test_arguments_arrive_as_typed(boxed: Project) -> None:
    boxed.write("tests/test_it.py", "import pytest\n@pytest.mark.parametrize('x', ["
                "'a b', '$HOME', '`id`', \"it's\", ';'])\ndef test_p(x): pass\n")  # fmt: skip
    words = [f"tests/test_it.py::test_p[{word}]" for word in ("a b", "$HOME", "`id`", "it's")]
    live = boxed.ended("--", *words)
    assert live.outcome()["counts"] == {"passed": 4}
    assert live.journal("spawn")[0]["argv"][-4:] == words


def test_a_run_in_a_subfolder_runs_there(boxed: Project) -> None:
    boxed.write("tests/deep/test_deep.py", "import os\n"
                "def test_here(): assert os.getcwd() == '/app/tests/deep'\n")  # fmt: skip
    live = boxed.start(cwd=boxed.root / "tests/deep")
    assert live.outcome()["counts"] == {"passed": 1}
