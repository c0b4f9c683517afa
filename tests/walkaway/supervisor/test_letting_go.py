"""The starter is killed right after the start, in three ways; nothing waits for a pipe."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.walkaway.support.scratch import Live, Scratch, clean_environ, limits
from tests.walkaway.support.waiting import wait_for
from walkaway.process import proc_table

CHECKOUT = Path(__file__).resolve().parents[3]
STARTER = """
    import sys, time
    from pathlib import Path
    from walkaway.model.run import Run
    from walkaway.runs import command, start
    from walkaway.record.store import Records

    root = Path(sys.argv[1])
    run = Run(id="", root=str(root), cwd=str(root), args=(), created_s=0, started_boot=0,
              argv=command.build((sys.executable, "-m", "pytest"), (), ()))
    print(start.start(Records(root), run, again=True).record.folder, flush=True)
    if len(sys.argv) > 2:
        time.sleep(600)
"""
SLOW_START = """
    import time

    def test_a(): time.sleep(1)
"""


def starter(scratch: Scratch, *more: str, **how: Any) -> subprocess.Popen[str]:  # noqa: ANN401 - Popen's
    script = scratch.write("starter.py", textwrap.dedent(STARTER))
    scratch.write("test_a.py", SLOW_START)
    return subprocess.Popen(
        [sys.executable, str(script), str(scratch.root), *more],
        env={**clean_environ(), "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **how,
    )


def started(scratch: Scratch, process: subprocess.Popen[str]) -> Live:
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    record = scratch.records.record(folder.name.removeprefix("test-run-"))
    live = Live(record, record.run())
    scratch.runs.append(live)
    return live


def tree(pid: int) -> list[proc_table.Proc]:
    everyone = proc_table.everyone()
    return [everyone[pid], *proc_table.descendants(pid, everyone)] if pid in everyone else []


def session(leader: int) -> list[proc_table.Proc]:
    found = []
    for proc in proc_table.everyone().values():
        with contextlib.suppress(OSError):
            if os.getsid(proc.pid) == leader:
                found.append(proc)
    return found


@pytest.mark.parametrize("way", ["group", "session", "tree"])
def test_a_killed_starter_ends_nothing(scratch: Scratch, way: str) -> None:
    with starter(scratch, "stay") as process:
        live = started(scratch, process)
        if way == "group":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            for proc in tree(process.pid) if way == "tree" else session(process.pid):
                proc_table.send(proc.pid, proc.start, signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["supervised"]) == ("passed", True)


def test_a_reader_of_the_starters_pipe_gets_its_end_at_once(scratch: Scratch) -> None:
    with starter(scratch) as process:
        live = started(scratch, process)
        assert process.stdout is not None
        assert process.stdout.read() == ""
        # The pipe was at its end while the run went on.
        assert not live.record.path("outcome.json").exists()
        assert process.wait(30) == 0
    assert live.outcome()["outcome"] == "passed"


def test_the_supervisor_keeps_nothing_of_its_starter(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import pathlib, time

        def test_a():
            while not pathlib.Path("go").exists():
                time.sleep(0.01)
        """,
    )
    live = scratch.start()
    wait_for(lambda: live.events("s"), "the test")
    pid, _ = live.supervisor()
    files = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
    kept = {f for f in files if not f.startswith((str(scratch.root), "/dev/null", "pipe:"))}
    assert kept == set()
    assert os.getsid(pid) != os.getsid(0)
    (scratch.root / "go").touch()
    assert live.outcome()["outcome"] == "passed"


def test_makes_variables_and_the_runs_limit_do_not_reach_pytest(scratch: Scratch) -> None:
    scratch.write(
        "test_a.py",
        """
        import os

        def test_a():
            gone = "MAKEFLAGS MFLAGS MAKELEVEL PYTEST_TIMEOUT WALKAWAY_ARGS WALKAWAY_RECORD"
            assert not [name for name in gone.split() if name in os.environ]
            assert "PYTHONPATH" not in os.environ
            assert os.environ["KEPT"] == "as it is"
        """,
    )
    environ = {
        "MAKEFLAGS": "-j2 --jobserver-auth=3,4",
        "MFLAGS": "-j2",
        "MAKELEVEL": "1",
        "PYTEST_TIMEOUT": "900",
        "WALKAWAY_ARGS": "x",
        "KEPT": "as it is",
    }
    assert scratch.run(environ=environ, limits=limits())["outcome"] == "passed"
