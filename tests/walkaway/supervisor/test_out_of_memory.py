"""Pytest is killed for lack of memory, or while another process is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.walkaway.support.scratch import PYTEST, Live, Scratch
from tests.walkaway.support.waiting import wait_for
from walkaway.process import proc_table
from walkaway.runs import command
from walkaway.supervisor import out_of_memory

ARGV = command.build(PYTEST, (), ())
MEMORY = Path("/sys/fs/cgroup/memory")
UNIFIED = Path("/sys/fs/cgroup")


@pytest.fixture
def small_memory(tmp_path: Path) -> str:
    """A shell prefix that puts what follows into a memory cgroup of 64 MB."""
    name = f"walkaway-test-{os.getpid()}-{tmp_path.name}"
    if os.geteuid() != 0:
        pytest.skip("a memory cgroup needs root")
    unified = (UNIFIED / "cgroup.controllers").exists()
    folder = (UNIFIED if unified else MEMORY) / name
    try:
        folder.mkdir()
        if unified:
            (folder / "memory.max").write_text("64M")
            swap = folder / "memory.swap.max"
        else:
            (folder / "memory.limit_in_bytes").write_text("64M")
            swap = folder / "memory.memsw.limit_in_bytes"
        if swap.exists():
            swap.write_text("0" if unified else "64M")
    except OSError as error:
        if folder.exists():
            folder.rmdir()
        pytest.skip(f"no memory cgroup can be made here: {error}")
    return str(folder)


def _remove(folder: str) -> None:
    def gone() -> bool:
        try:
            Path(folder).rmdir()
        except OSError:
            return False
        return True

    wait_for(gone, "the cgroup to be empty")


EATER = """
    import os

    def test_before(): pass

    def test_eater():
        eaten = []
        while True:
            eaten.append(os.urandom(1 << 20))

    def test_after(): pass
"""


def test_a_run_that_ate_its_memory_is_out_of_memory(scratch: Scratch, small_memory: str) -> None:
    scratch.write("test_a.py", EATER)
    enter = f'echo $$ > {small_memory}/cgroup.procs; exec "$@"'
    outcome = scratch.run(argv=("/bin/sh", "-c", enter, "sh", *ARGV))
    _remove(small_memory)
    assert (outcome["outcome"], outcome["code"]) == ("out-of-memory", 137)
    assert outcome["crashed"] == ["test_a.py::test_eater"]


def test_who_is_killed_while_somebody_else_is_out_of_memory_is_killed(
    scratch: Scratch, small_memory: str
) -> None:
    scratch.write("test_a.py", "import time\n\ndef test_sleeps(): time.sleep(300)\n")
    live = scratch.start()
    live.wait_in_flight(0)
    time.sleep(out_of_memory.SETTLED_S)
    turns = _turns(live)
    wait_for(lambda: _turns(live) >= turns + 2, "a whole turn of the supervisor after that")
    eater = f"exec {sys.executable} -c 'b\"x\" * 10 ** 9'"
    eats = f"echo $$ > {small_memory}/cgroup.procs; {eater}"
    assert subprocess.run(["/bin/sh", "-c", eats], check=False).returncode == -signal.SIGKILL
    assert proc_table.send(*live.pytest(), signal.SIGKILL)
    outcome = live.outcome()
    _remove(small_memory)
    assert (outcome["outcome"], outcome["code"]) == ("killed", 137)


def test_a_worker_that_ate_its_memory_is_a_crashed_test_with_a_note(
    scratch: Scratch, small_memory: str
) -> None:
    scratch.write("test_a.py", f"import os\n\ndef test_in():\n    join = {small_memory!r}\n")
    scratch.write(
        "test_a.py",
        EATER.replace(
            "eaten = []",
            f"open('{small_memory}/cgroup.procs', 'w').write(str(os.getpid())); eaten = []",
        ),
    )
    outcome = scratch.run("-p", "xdist", "-n2")
    _remove(small_memory)
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["crashed"] == ["test_a.py::test_eater"]
    assert outcome["counts"] == {"passed": 2, "crashed": 1}
    assert any("memory ran out" in note for note in outcome["notes"])


def _turns(live: Live) -> int:
    """Return how often the supervisor has gone to sleep: at the end of each turn."""
    status = Path(f"/proc/{live.supervisor()[0]}/status").read_text(encoding="utf-8")
    return int(status.partition("voluntary_ctxt_switches:")[2].split()[0])
