"""Who is left of a run is found, also where a look at /proc misses them."""

from __future__ import annotations

import subprocess
import sys

from tests.walkaway.support.checkout import REPOSITORY

FOUND_LATE = """
import os, signal, time
from walkaway.process import proc_table as procs
from walkaway.process.process_tree import Family

child = os.fork()
if not child:
    time.sleep(600)
start = procs.start_ticks(child)
scan, empty = procs.everyone, [{}, {}]  # the first two scans meet it while it forks
procs.everyone = lambda: empty.pop() if empty else scan()
procs.own_children = list
try:
    Family("NONE=").sweep()
    print(procs.alive(child, start))
finally:
    procs.send(child, start, signal.SIGKILL)
"""

SPARED = """
import os, signal, time
from walkaway.process import proc_table as procs
from walkaway.process.process_tree import Family

helper, left = os.fork(), 0
if helper:
    left = os.fork()
if not (helper and left):
    time.sleep(600)
starts = {pid: procs.start_ticks(pid) for pid in (helper, left)}
family = Family("NONE=")
family.helpers.add(helper)
try:
    print([pid == left for pid, _ in family.sweep()])
    print([procs.alive(pid, start) for pid, start in starts.items()])
finally:
    for pid, start in starts.items():
        procs.send(pid, start, signal.SIGKILL)
"""


def test_one_scan_that_finds_nobody_is_not_believed() -> None:
    # A process of its own: it reaps all of its children.
    done = subprocess.run(
        [sys.executable, "-c", FOUND_LATE], cwd=REPOSITORY, capture_output=True, encoding="utf-8",
        timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "False\n"


def test_the_supervisors_own_helpers_are_not_of_the_run() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SPARED], cwd=REPOSITORY, capture_output=True, encoding="utf-8",
        timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "[True]\n[True, False]\n"
