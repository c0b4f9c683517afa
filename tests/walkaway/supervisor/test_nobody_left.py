"""No process of an ended run is left, whatever its tests start; on_end; runs inside runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.walkaway.support.checkout import REPOSITORY
from tests.walkaway.support.scratch import Live, Scratch, limits
from tests.walkaway.support.waiting import wait_for
from walkaway.process import proc_table

KINDS = {
    "plain child": 'subprocess.Popen(["sleep", name])',
    "own session": 'subprocess.Popen(["sleep", name], start_new_session=True)',
    "nohup": 'subprocess.Popen(["nohup", "sleep", name], stdout=null, stderr=null)',
    "no environment": 'subprocess.Popen(["sleep", name], env={}, start_new_session=True, cwd="/")',
    "shell": 'os.system(f"sleep {name} &")',
    "posix_spawn": 'os.posix_spawn("/bin/sleep", ["sleep", name], {})',
    "ignores TERM": "subprocess.Popen([sys.executable, '-c', STUBBORN, name], env={})",
    "daemon": "daemon(name)",
}
MULTIPROCESSING = (
    "multiprocessing.get_context('fork').Process("
    "target=os.execlp, args=('sleep', 'sleep', name), daemon=False).start()"
)
LEAVER = """
    import multiprocessing, os, signal, subprocess, sys, time

    STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(873)"
    null = subprocess.DEVNULL

    def daemon(name):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.chdir("/")
                os.execve("/bin/sleep", ["sleep", name], {})
            os._exit(0)

    def test_before(): pass
"""
LEAVES = """
    def test_{n}():
        name = "{name}"
        {body}
"""


def leaving(bodies: Mapping[str, str]) -> str:
    """Return a module in which a test for each name leaves something behind that has the name."""
    tests = enumerate(bodies.items())
    return LEAVER + "".join(LEAVES.format(n=n, name=name, body=body) for n, (name, body) in tests)


def sleepers(name: str) -> list[int]:
    found = proc_table.everyone().values()
    return [p.pid for p in found if name in proc_table.command(p.pid) and p.state not in "ZX"]


@contextlib.contextmanager
def swept(name: str) -> Iterator[None]:
    """Kill what has the name in the end: what the product fails to end is not the machine's."""
    try:
        yield
    finally:
        for pid in sleepers(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def ended_and_named(scratch: Scratch, bodies: Mapping[str, str]) -> None:
    scratch.write("test_a.py", leaving(bodies))
    with contextlib.ExitStack() as stack:
        for name in bodies:
            stack.enter_context(swept(name))
        live = scratch.start()
        outcome = live.outcome()
        assert [name for name in bodies if sleepers(name)] == []
    assert outcome["outcome"] == "passed"
    commands = [command for _, command in outcome["leftovers"]]
    for name, body in bodies.items():
        assert any(name in command for command in commands), body
    assert outcome["leftovers"] == live.journal("left")[0]["pids"]


def test_what_tests_leave_behind_is_ended_and_named(scratch: Scratch) -> None:
    mine = f"873.{os.getpid()}{time.monotonic_ns() % 10**8}"
    scratch.write("conftest.py", "import warnings; warnings.simplefilter('ignore')\n")
    ended_and_named(scratch, {f"{mine}{n}": body for n, body in enumerate(KINDS.values())})


def test_what_multiprocessing_leaves_behind_is_ended_and_named(scratch: Scratch) -> None:
    name = f"873.{os.getpid()}{time.monotonic_ns() % 10**8}"
    # pytest itself would wait for it at its end.
    scratch.write("conftest.py", "import os\ndef pytest_unconfigure(): os._exit(0)\n")
    ended_and_named(scratch, {name: MULTIPROCESSING})


BOMB = """
    import os
    import time

    def generation():
        # Each lives just long enough to have a child. Nobody may be there to end the chain (this
        # very suite killed): it ends itself long after any sweep.
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if os.fork():
                os._exit(0)
            {setsid}
        os._exit(0)

    def test_bomb():
        if os.fork() == 0:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 1)
            os.dup2(null, 2)
            open("bomb", "w").close()
            generation()
"""


@pytest.mark.parametrize("setsid", ["pass", "os.setsid()"])
def test_a_chain_of_short_lived_children_is_ended(scratch: Scratch, setsid: str) -> None:
    scratch.write("test_a.py", BOMB.format(setsid=setsid))
    live = scratch.start("-W", "ignore")
    outcome = live.outcome()
    assert outcome["outcome"] == "passed"
    assert (scratch.root / "bomb").exists()


MISSED = """
import os, signal, time
from walkaway.process import proc_table as procs
from walkaway.process.process_tree import Family

child = os.fork()
if not child:
    time.sleep(600)
start = procs.start_ticks(child)
procs.everyone = dict
try:
    Family("NONE=").sweep()
    print(procs.alive(child, start))
finally:
    procs.send(child, start, signal.SIGKILL)
"""


def test_who_is_missed_by_every_scan_is_ended() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MISSED], cwd=REPOSITORY, capture_output=True, encoding="utf-8",
        timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "False\n"


def test_a_run_inside_a_run_ends_with_it_and_says_so(scratch: Scratch) -> None:
    checkout = str(REPOSITORY)
    scratch.write("inner/test_in.py", "import time\ndef test_waiting(): time.sleep(600)\n")
    scratch.write("inner/pytest.ini", "[pytest]\n")
    scratch.write(
        "test_a.py",
        f"""
        import os, sys, time

        def test_starts_another():
            sys.path.insert(0, {checkout!r})
            from pathlib import Path
            from walkaway.model.run import Run
            from walkaway.runs import command, start
            from walkaway.record.store import Records

            root = Path("inner").resolve()
            argv = command.build((sys.executable, "-m", "pytest"), (), ())
            run = Run(id="", root=str(root), cwd=str(root), args=(), argv=argv, created_s=0,
                      started_boot=0)
            record = start.start(Records(root), run, again=True).record
            Path("inner-record").write_text(str(record.folder))
            end = time.monotonic() + 60
            events = record.folder / "events.jsonl"
            while not (events.exists() and b'"s"' in events.read_bytes()):
                assert time.monotonic() < end
                time.sleep(0.01)
        """,
    )
    live = scratch.start("test_a.py", "-W", "ignore")
    outcome = live.outcome()
    assert outcome["outcome"] == "passed"
    inner = Path((scratch.root / "inner-record").read_text())
    told = json.loads((inner / "outcome.json").read_bytes())
    assert (told["outcome"], told["code"]) == ("stopped", 2)
    assert "the run that it was started in ended" in told["rests_on"]
    assert live.folder.name in told["rests_on"]


def hooked(scratch: Scratch, code: str, **more: str) -> Live:
    scratch.write("test_a.py", "def test_a(): assert 0\n")
    return scratch.start(on_end=(sys.executable, "-c", code), environ=more)


def test_on_end_gets_the_outcome_once(scratch: Scratch) -> None:
    code = "import sys; open('told', 'a').write(sys.stdin.read())"
    live = hooked(scratch, code)
    outcome = live.outcome()
    assert json.loads((scratch.root / "told").read_text()) == outcome


@pytest.mark.parametrize("command", ["/nowhere/notify", "fails"])
def test_an_on_end_that_fails_or_is_absent_changes_nothing(scratch: Scratch, command: str) -> None:
    scratch.write("test_a.py", "def test_a(): pass\n")
    argv = (sys.executable, "-c", "raise SystemExit(3)") if command == "fails" else (command,)
    live = scratch.start(on_end=argv)
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("passed", 0)
    assert any("on_end" in event["name"] for event in live.journal("phase"))


def test_an_on_end_that_hangs_delays_no_verdict_and_is_ended_on_request(scratch: Scratch) -> None:
    live = hooked(scratch, "import os, time; open('in', 'w').close(); time.sleep(600)")
    wait_for((scratch.root / "in").exists, "on_end")
    outcome = json.loads(live.record.path("outcome.json").read_bytes())
    assert outcome["outcome"] == "failed"
    live.kill_supervisor(15)
    assert live.outcome() == outcome


def test_what_on_end_starts_on_purpose_is_its_own(scratch: Scratch, tmp_path: Path) -> None:
    name = f"874.{os.getpid()}{time.monotonic_ns() % 10**8}"
    more = f"start_new_session=True, cwd={str(tmp_path)!r}"
    with swept(name):
        live = hooked(scratch, f"import subprocess; subprocess.Popen(['sleep', '{name}'], {more})")
        assert live.outcome()["outcome"] == "failed"
        assert len(sleepers(name)) == 1


def test_a_run_that_is_ended_by_a_limit_leaves_nobody(scratch: Scratch) -> None:
    name = f"875.{os.getpid()}{time.monotonic_ns() % 10**8}"
    scratch.write("test_a.py", leaving({name: "daemon(name); time.sleep(600)"}))
    with swept(name):
        live = scratch.start("-W", "ignore", limits=limits(deadline_s=1))
        with live.supervisor_held():
            wait_for(lambda: sleepers(name), "the daemon")
        assert live.outcome()["outcome"] == "timed-out"
        assert sleepers(name) == []
