"""What Docker costs: latencies, the first test, builds, the supervisor's memory, a whole suite.

In a scratch copy of this repository, which is removed afterwards with all that it made; it needs an
engine (`.ci/engine`). Each part by its name, all without:
PYTHONPATH=. .venv/bin/python bench/docker.py [latency] [first] [build] [memory] [suite]

Budgets: first test in a warm environment 1.5 s, `inv build` unchanged 0.3 s, supervisor 20 MB.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from measure import BIN, ROOT, pairs, report

from tests.walkaway.support.engine import docker, engine_environ, scratch_project
from walkaway.environment.project import Project
from walkaway.process import clock, file_lock

INV = str(BIN / "inv")
ROUNDS = 10
FEW = 2
"""Of what takes long."""
SLEEP_S = 15.0
"""What the original script slept after `up -d`."""
TESTS = 20_000
STAMP = """\
import time
from pathlib import Path

def test_stamp():
    Path("/app/logs/stamp").write_text(repr(time.clock_gettime(time.CLOCK_BOOTTIME)))
"""
MANY = "import pytest\n@pytest.mark.parametrize('n', range(%d))\ndef test_one(n): pass\n"


class Bench:
    """A scratch copy of the repository, with its image built."""

    def __init__(self, root: Path) -> None:
        self.root = scratch_project(root)
        self.project = Project(root)
        ours = {
            "PYTHONPATH": str(ROOT),
            "WALKAWAY_ORIGIN": f"bench {os.getpid()}",
            "INVOKE_WALKAWAY_BACKEND": "compose",
            "INVOKE_WALKAWAY_SLOTS": "1",
            "INVOKE_WALKAWAY_WORKER_SLOTS": "0",
        }
        given = {k: v for k, v in engine_environ().items() if k != "WALKAWAY_TEST_IMAGE"}
        self.environ = self.project.environ({**given, **ours})
        self._write("tasks.py", "from walkaway import ns\n\n__all__ = ['ns']\n")
        self._write("tests/unit/test_stamp.py", STAMP)
        self._write("tests/unit/test_many.py", MANY % TESTS)

    def took(self, *argv: str) -> float:
        """Run a command to its end; its wall time in seconds."""
        begun = time.perf_counter()
        done = subprocess.run(
            argv, cwd=self.root, env=self.environ, stdin=subprocess.DEVNULL, capture_output=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            told = (done.stdout + done.stderr).decode(errors="replace")
            raise SystemExit(f"{argv}: {done.returncode}\n{told}")
        return time.perf_counter() - begun

    def inv(self, *words: str) -> float:
        return self.took(INV, *words)

    def compose(self, *words: str) -> float:
        return self.took(*self.project.compose(*words))

    def start(self, test: str = "test_stamp") -> float:
        """Start a run of one file; seconds until the prompt is back."""
        return self.inv("test-async", "--again", "--", f"tests/unit/{test}.py")

    def ended(self) -> None:
        """Wait for the newest run's verdict, and until it has given its environment back."""
        self.inv("wait", "--timeout", "300")
        path = str(self.newest() / "supervisor.lock")
        while file_lock.probe(path) is file_lock.Hold.HELD:
            time.sleep(0.02)

    def newest(self) -> Path:
        return max(self.root.glob("logs/tests/pytest/test-run-*/"))

    def first_test(self, begin: Callable[[], object]) -> float:
        """Return the seconds from ``begin`` until the test of `STAMP` runs."""
        stamp = self.root / "logs/stamp"
        stamp.unlink(missing_ok=True)
        begun = clock.boot_s()
        begin()
        until = begun + 120
        while not (stamp.exists() and stamp.read_text()):
            if clock.boot_s() > until:
                raise SystemExit("no test began within 120 s")
            time.sleep(0.02)
        return float(stamp.read_text()) - begun

    def original(self) -> None:
        """Do as the original script did."""
        self.compose("up", "-d")
        time.sleep(SLEEP_S)
        self.compose("run", "--rm", "-T", "test", "pytest", "tests/unit/test_stamp.py")

    def _write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")

    def append(self, name: str, text: str) -> None:
        with (self.root / name).open("a", encoding="utf-8") as file:
            file.write(text)

    def remove(self) -> None:
        """Remove containers, networks and the image."""
        self.inv("down", "--force")
        docker("image", "rm", self.project.image, check=False)


def latency(bench: Bench) -> None:
    """Print what starting something costs, measured in turns."""
    bench.inv("up")
    name = f"{bench.project.name}-db-1"
    once = f"{bench.project.name}-bench"
    found: dict[str, list[float]] = {}

    def note(what: str, seconds: float) -> None:
        found.setdefault(what, []).append(seconds)

    for _ in range(ROUNDS):
        note("inv --list", bench.inv("--list"))
        note("docker exec", bench.took("docker", "exec", name, "true"))
        note("docker compose exec -T", bench.compose("exec", "-T", "db", "true"))
        words = ("run", "-d", "-T", "--no-deps", "--name", once, "test", "true")
        note("docker compose run -d", bench.compose(*words))
        bench.took("docker", "rm", "--force", once)
        note("inv test-async, prompt back", bench.start())
        bench.ended()
    for what, seconds in found.items():
        print(f"{what}: {_range(seconds)}")


def first(bench: Bench) -> None:
    """Print the time to the first test, warm and cold, ours and the original script's."""
    bench.inv("up")
    warm, warm_original, cold, cold_original = [], [], [], []
    for number in range(ROUNDS):
        warm.append(bench.first_test(bench.start))
        bench.ended()
        if number < FEW:
            warm_original.append(bench.first_test(bench.original))
    for _ in range(FEW):
        bench.inv("down")
        cold.append(bench.first_test(bench.start))
        bench.ended()
        bench.inv("down")
        cold_original.append(bench.first_test(bench.original))
    _against("first test, warm environment", warm, warm_original)
    _against("first test, nothing up", cold, cold_original)


def build(bench: Bench) -> None:
    """Print what a build costs: of nothing, after changes, unchanged."""
    cold = bench.inv("build", "--no-cache")
    bench.append("requirements.txt", f"# changed {os.urandom(8).hex()}\n")  # in no cache
    requirements = bench.inv("build")
    bench.append("app/__init__.py", f"# changed {os.urandom(8).hex()}\n")
    code = bench.inv("build")
    print(f"inv build: --no-cache {cold:.1f} s, after a requirements change {requirements:.1f} s "
          f"({cold / requirements:.1f} x faster), after a code change {code:.1f} s "
          f"({cold / code:.1f} x)")  # fmt: skip
    measured = pairs(lambda: bench.inv("--list"), lambda: bench.inv("build"), ROUNDS)
    report("inv build, nothing changed, against inv --list", 0.001, "ms", measured)


def memory(bench: Bench) -> None:
    """Print the supervisor's peak memory over a run of many tests."""
    bench.start("test_many")
    folder = bench.newest()
    journal = folder / "supervisor.jsonl"
    while not (journal.exists() and journal.read_text().endswith("\n")):
        time.sleep(0.01)
    status = Path(f"/proc/{json.loads(journal.read_text().splitlines()[0])['pid']}/status")
    peak = 0
    while file_lock.probe(str(folder / "supervisor.lock")) is file_lock.Hold.HELD:
        with contextlib.suppress(OSError):
            found = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
            peak = max(peak, *(int(kb) for kb in found), 0)
        time.sleep(0.02)
    reported = json.loads((folder / "outcome.json").read_bytes())["reported"]
    print(f"supervisor, {reported:,} tests in Compose: peak {peak / 1024:.1f} MB")


def suite(bench: Bench) -> None:
    """Print what the platform's whole suite takes: on both backends, cold and warm."""
    for name in ("test_many.py", "test_stamp.py"):
        (bench.root / "tests/unit" / name).unlink(missing_ok=True)
    for workers in ("0", "2"):
        for backend in ("local", "compose"):
            cold: list[float] = []
            warm: list[float] = []
            for _ in range(FEW):
                bench.inv("down")
                for cache in bench.root.rglob("__pycache__"):
                    shutil.rmtree(cache)
                for found in (cold, warm):
                    words = ("test", "--again", "--backend", backend, "--", "-n", workers)
                    found.append(bench.inv(*words))
                    bench.ended()  # and its environment given back
            what = f"the platform's suite, {backend}, -n {workers}"
            print(f"{what}: cold {_range(cold)}, warm {_range(warm)}", flush=True)


def _range(seconds: Sequence[float]) -> str:
    low, high = min(seconds), max(seconds)
    return (f"{statistics.median(seconds) * 1000:.0f} ms "
            f"({low * 1000:.0f} to {high * 1000:.0f}, {len(seconds)} times)")  # fmt: skip


def _against(what: str, ours: Sequence[float], original: Sequence[float]) -> None:
    ratio = statistics.median(original) / statistics.median(ours)
    print(f"{what}: {_range(ours)}, the original script's way {_range(original)}, {ratio:.1f} x")


PARTS = {"latency": latency, "first": first, "build": build, "memory": memory, "suite": suite}


def main() -> None:
    chosen = sys.argv[1:] or list(PARTS)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name, "project"))
        try:
            bench.inv("build")
            for part in chosen:
                load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
                print(f"-- {part}, load {load}", flush=True)
                PARTS[part](bench)
        finally:
            bench.remove()


if __name__ == "__main__":
    main()
