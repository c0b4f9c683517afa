"""Which process here is a container's first one."""

from __future__ import annotations

import os
from pathlib import Path

from walkaway.backends import evidence
from walkaway.environment.container import State
from walkaway.process import proc_table


def test_a_pid_of_another_kernel_is_no_process_of_here() -> None:
    # As from an engine in a virtual machine: this PID exists, and is not the container's.
    assert evidence.seen_from_here(State(id="c0ffee" * 10, pid=os.getpid())) is None
    assert evidence.seen_from_here(State(id="", pid=os.getpid())) is None


def test_a_process_in_the_containers_group_is_its_own() -> None:
    group = Path("/proc/self/cgroup").read_text(encoding="utf-8").split()[0]
    found = evidence.seen_from_here(State(id=group, pid=os.getpid()))
    assert found == (os.getpid(), proc_table.start_ticks(os.getpid()))
