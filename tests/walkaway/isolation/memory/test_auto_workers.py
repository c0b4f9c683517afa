"""`-n auto` stays within what the container really has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.walkaway.support.checkout import REPOSITORY
from tests.walkaway.support.engine import PREFIX, docker
from tests.walkaway.support.nested import SERIAL, Nested
from walkaway.isolation.memory import per_test
from walkaway.worker_slots import worker_count

GB = 1 << 30
WORKER_BYTES = 256 << 20
VERSIONS = {
    "v2": {
        "cpu.max": "{quota} 100000",
        "memory.max": "{memory}",
        "memory.current": "{used}",
    },
    "v1": {
        "cpu/cpu.cfs_quota_us": "{quota}",
        "cpu/cpu.cfs_period_us": "100000",
        "memory/memory.limit_in_bytes": "{memory}",
        "memory/memory.usage_in_bytes": "{used}",
    },
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("cpus", "memory", "used", "wanted"),
    [(16, 64 * GB, 0, 8), (2.5, 64 * GB, 0, 2), (16, 4 * GB, 3 * GB, 4), (0.5, GB, 0, 1)],
)
def test_limits_of_a_container_are_read(  # noqa: PLR0913, PLR0917 - what a container has
    version: str,
    cpus: float,
    memory: int,
    used: int,
    wanted: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
) -> None:
    """On a machine of eight CPUs with memory for all of them."""
    for name, text in VERSIONS[version].items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.format(quota=int(cpus * 100_000), memory=memory, used=used))
    monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS", raising=False)
    monkeypatch.setattr(worker_count, "_CGROUP", str(tmp_path))
    monkeypatch.setattr(worker_count, "_meminfo", lambda _: 64 * GB)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert per_test.pytest_xdist_auto_num_workers(pytestconfig) == wanted


def test_a_number_in_the_environment_stands(nested: Nested) -> None:
    nested.environ["PYTEST_XDIST_AUTO_NUM_WORKERS"] = "3"
    nested.write("test_it.py", "def test_it(): pass\n")
    assert "created: 3/3 workers" in nested.run(*SERIAL, "-n", "auto").text


@pytest.mark.engine
@pytest.mark.parametrize("limits", [("--cpus", "1"), ("--memory", "450m"), ()])
def test_in_a_real_container(nested: Nested, built_image: str, limits: tuple[str, ...]) -> None:
    nested.write("test_it.py", "def test_it(): pass\n")
    done = docker(
        "run", "--rm", "--name", f"{PREFIX}auto-{os.getpid()}", *limits,
        "--volume", f"{REPOSITORY}:/library:ro", "--volume", f"{nested.root}:/project:ro",
        "--env", "PYTHONPATH=/library", "--env", "PYTHONDONTWRITEBYTECODE=1",
        "--workdir", "/project", "--entrypoint", "python", built_image,
        "-m", "pytest", "-n", "auto",
    )  # fmt: skip
    count = 1 if limits else worker_count.auto()
    assert f"created: {count}/{count} worker" in done.stdout


@pytest.mark.engine
def test_what_a_real_container_has_read_takes_no_worker_away(built_image: str) -> None:
    """Of 700 MB 400 are page cache: two workers' memory is left, where it seems to be one's."""
    write = "dd if=/dev/zero of=/tmp/read bs=1M count=400 conv=fsync status=none"
    names = "from walkaway.worker_slots.worker_count import available_bytes"
    ask = f"python -c '{names}; print(available_bytes())'"
    done = docker(
        "run", "--rm", "--name", f"{PREFIX}cache-{os.getpid()}", "--memory", "700m",
        "--volume", f"{REPOSITORY}:/library:ro",
        "--env", "PYTHONPATH=/library", "--env", "PYTHONDONTWRITEBYTECODE=1",
        "--entrypoint", "sh", built_image, "-c", f"{write} && {ask}",
    )  # fmt: skip
    assert int(done.stdout) > min(2 * WORKER_BYTES, worker_count.available_bytes() // 2)
