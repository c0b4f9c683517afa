"""The table of endings on a real engine: the same verdict, and the same events, as here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.walkaway.support.project import Project
    from tests.walkaway.support.scratch import Live

pytestmark = pytest.mark.engine

PLAIN = "def test_a(): pass\ndef test_b(): {}\ndef test_c(): pass\n"
OS = "import os, signal, time\n" + PLAIN
FIXTURE = "import pytest\n@pytest.fixture\ndef x(): 1/0\ndef test_a(x): 0\n"
SLEEPS = PLAIN.format("__import__('time').sleep(100)")


@dataclass(frozen=True, slots=True)
class Case:
    """A suite, how it is started, and what its verdict must be."""

    outcome: str
    code: int
    source: str = PLAIN.format("pass")
    args: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    sleeps: int | None = None
    """The test in which a limit is to be reached, on however slow a machine."""


CASES = {
    "passed": Case("passed", 0),
    "failed": Case("failed", 1, PLAIN.format("assert 0")),
    "fixture": Case("failed", 1, FIXTURE),
    "first failure": Case("failed", 1, PLAIN.format("assert 0"), flags=("--fail-fast",)),
    "unknown option": Case("usage-error", 4, args=("--no-such-option",)),
    "broken conftest": Case("usage-error", 4, files={"tests/conftest.py": "import nowhere\n"}),
    "missing path": Case("usage-error", 4, args=("tests/nowhere.py",)),
    "collection error": Case("collection-error", 2, "import nowhere\n"),
    "no tests": Case("no-tests", 5, args=("-k", "nothing")),
    "listed": Case("nothing-run", 0, args=("--collect-only",)),
    "ctrl-c": Case("interrupted", 2, PLAIN.format("raise KeyboardInterrupt")),
    "exit 0": Case("crashed", 65, OS.format("os._exit(0)")),
    "SIGSEGV": Case("crashed", 139, OS.format("os.kill(os.getpid(), signal.SIGSEGV)")),
    "SIGKILL": Case("killed", 137, OS.format("os.kill(os.getpid(), signal.SIGKILL)")),
    "SIGTERM": Case("killed", 143, OS.format("os.kill(os.getpid(), signal.SIGTERM)")),
    "deadline": Case("timed-out", 124, SLEEPS, flags=("--timeout", "3"), sleeps=1),
    "stall": Case("stalled", 124, SLEEPS, flags=("--stall", "2"), sleeps=1),
    "worker crash": Case(
        "failed", 1, OS.format("os._exit(3)"), args=("-p", "xdist"), flags=("--workers", "2")
    ),
    "forked worker's crash": Case(
        "failed", 1, OS.format("os._exit(3)"), flags=("--workers", "2", "--dist", "forks")
    ),
    "internal error": Case(
        "internal-error", 3,
        files={"tests/conftest.py": "def pytest_runtest_protocol(item): raise RuntimeError\n"},
    ),
}  # fmt: skip
_TOLD = ("outcome", "code", "pytest_exit", "expected", "reported", "counts", "lost", "not_run",
         "crashed", "stopping", "passes", "failures", "collection_errors")  # fmt: skip
_PASSING = frozenset({"t", "pid", "start", "python", "d", "w", "xdist", "pytest", "fl",
                      "dropped", "rootdir", "args"})  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_ending_is_the_same_as_here(boxed: Project, name: str) -> None:
    case = CASES[name]
    boxed.write("tests/test_it.py", case.source)
    for path, text in case.files.items():
        boxed.write(path, text)
    words = (*case.flags, "--", *case.args)
    there = _started(boxed, case, *words)
    here = _started(boxed, case, "--backend", "local", *words)
    found = there.outcome()
    assert (found["outcome"], found["code"]) == (case.outcome, case.code), there.described()
    assert _comparable(found) == _comparable(here.outcome())
    assert found["backend"] == "compose"
    if "--workers" not in case.flags:  # the order of two workers is a matter of chance
        assert _events(there) == _events(here)


def _started(boxed: Project, case: Case, *words: str) -> Live:
    live = boxed.start(*words)
    if case.sleeps is not None:
        live.hold_until_in_flight(case.sleeps)
    return live


def _comparable(outcome: dict[str, Any]) -> dict[str, Any]:
    return {name: outcome[name] for name in _TOLD}


def _events(live: Live) -> list[dict[str, Any]]:
    """A run's events without times, processes and versions."""
    return [
        {name: value for name, value in event.items() if name not in _PASSING}
        for event in live.events()
        if event["e"] != "ie" or event.pop("m")  # a traceback has paths
    ]


def test_a_limit_names_the_stuck_test_with_its_stack(boxed: Project) -> None:
    boxed.write("tests/test_it.py", "import time\ndef deep(): time.sleep(100)\n"
                                    "def test_stuck(): deep()\n")  # fmt: skip
    live = boxed.start("--timeout", "3")
    live.hold_until_in_flight(0)
    outcome = live.outcome()
    assert outcome["outcome"] == "timed-out"
    (stuck,) = outcome["stuck"]
    assert stuck["id"] == "tests/test_it.py::test_stuck"
    assert any("in deep" in line for line in stuck["stack"]), stuck


HUNGRY = "def test_a(): pass\ndef test_eats(): x = [bytearray(30_000_000) for _ in range(60)]\n"


def test_out_of_memory_is_said(boxed: Project) -> None:
    boxed.write("tests/test_it.py", HUNGRY)
    outcome = boxed.ended().outcome()
    assert (outcome["outcome"], outcome["code"]) == ("out-of-memory", 137)


def test_out_of_memory_of_a_worker_alone_is_said(boxed: Project) -> None:
    boxed.write("tests/test_it.py", HUNGRY)
    outcome = boxed.ended("--workers", "2").outcome()
    assert (outcome["outcome"], outcome["code"]) == ("failed", 1)
    assert outcome["crashed"] == ["tests/test_it.py::test_eats"]
    assert any("memory ran out" in note for note in outcome["notes"]), outcome["notes"]


def test_tests_lost_with_a_worker_are_run_in_a_second_container(boxed: Project) -> None:
    killers = "".join(f"def test_k{n}(): os._exit(1)\n" for n in range(4))
    healthy = "".join(f"def test_h{n}(): pass\n" for n in range(20))
    boxed.write("tests/test_it.py", f"import os\n{killers}{healthy}")
    live = boxed.ended("--workers", "2", "--dist", "loadfile")
    outcome = live.outcome()
    assert outcome["counts"] == {"crashed": 4, "passed": 20}
    assert outcome["lost"]["n"] == 0
    assert outcome["passes"] > 1
    assert len({event["container"] for event in live.journal("spawn")}) == outcome["passes"]


def test_a_process_that_stays_after_pytests_end_is_ended_and_named(boxed: Project) -> None:
    boxed.write(
        "tests/test_it.py",
        "import threading, time\n"
        "def pump():\n    while True: time.sleep(0.1)\n"
        "def test_a(): threading.Thread(target=pump).start()\n",
    )
    live = boxed.start(env={"INVOKE_WALKAWAY_LINGER_S": "2"})
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["code"]) == ("passed", 0), live.described()
    (note,) = [note for note in outcome["notes"] if "stayed open" in note]
    assert "(pump) started in tests/test_it.py:4" in note
    assert "in pump" in note
