"""How many workers a command line asks for, and how many the machine can run."""

from __future__ import annotations

from pathlib import Path

import pytest

from walkaway.worker_slots import worker_count

MB, GB = 1 << 20, 1 << 30
STAT = """\
cache {all}
inactive_anon 0
inactive_file {own}
active_file {looked_at}
"""
TOTALS = """\
total_cache {all}
total_inactive_anon 0
total_inactive_file {inactive}
total_active_file {looked_at}
"""
GROUPS = {
    "v2": ("memory.max", "memory.current", "memory.stat"),
    "v1": ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
}


@pytest.mark.parametrize(
    ("argv", "count"),
    [
        ("", 1),
        ("tests -q", 1),
        ("-n 4", 4),
        ("-n4", 4),
        ("-n=4", 4),
        ("-xn4", 4),
        ("-xvn 4 tests", 4),
        ("--numprocesses 3", 3),
        ("--numprocesses=3", 3),
        ("-n 4 -n 2", 2),
        ("-n 2 --numprocesses=6", 6),
        ("-n0", 1),
        ("-n 4 -n 0", 1),
        ("-n x", 1),
        ("-n", 1),
        ("--dist no", 1),
        ("--dist load", 1),
        ("-n 4 --dist no", 4),
        ("-n 8 --maxprocesses 3", 3),
        ("-n 8 --maxprocesses=0", 8),
        ("--dist load --tx 3*popen --tx=popen", 4),
        ("--tx 3*popen", 1),
        ("-k n4", 1),
        ("-m not -- -n 4", 1),
        ("--new-first tests/-n4", 1),
    ],
)
def test_a_run_wants_as_many_workers_as_xdist_will_start(argv: str, count: int) -> None:
    assert worker_count.requested(["python", "-m", "pytest", *argv.split()], {}) == count


def test_the_variable_stands_before_the_command_line() -> None:
    assert worker_count.requested([], {"PYTEST_ADDOPTS": "-n 3 -q"}) == 3
    assert worker_count.requested(["-n", "2"], {"PYTEST_ADDOPTS": "-n 3"}) == 2
    assert worker_count.requested(["-n", "2"], {"PYTEST_ADDOPTS": "-k 'open quote"}) == 2


def test_auto_is_what_the_machine_bears_or_what_the_variable_says() -> None:
    for word in ("auto", "logical"):
        assert worker_count.requested(["-n", word], {}) == worker_count.auto()
        assert worker_count.requested(["-n", word], {"PYTEST_XDIST_AUTO_NUM_WORKERS": "7"}) == 7


@pytest.mark.parametrize(
    ("cpus", "memory_gb", "count"),
    [(1, 24, 4), (2, 24, 4), (8, 64, 16), (8, 2, 8), (64, 1, 4), (2, 0.1, 1), (8, 0, 16)],
)
def test_slots_are_twice_the_cpus_as_far_as_memory_reaches(
    monkeypatch: pytest.MonkeyPatch, cpus: int, memory_gb: float, count: int
) -> None:
    monkeypatch.setattr(worker_count, "_cpus", lambda: cpus)
    monkeypatch.setattr(worker_count, "_memory_bytes", lambda: int(memory_gb * 2**30))
    assert worker_count.slots("auto") == count


def test_slots_can_be_given_and_switched_off() -> None:
    assert worker_count.slots("0") == 0
    assert worker_count.slots("12") == 12
    assert worker_count.slots("auto") >= 1


@pytest.mark.parametrize("version", GROUPS)
@pytest.mark.parametrize(
    ("used_mb", "inactive_mb", "left_mb"),
    [
        (900, 0, 124),
        (900, 700, 824),
        (1024, 512, 512),
        (100, 120, 1024),  # read a moment later
    ],
)
def test_page_cache_that_the_kernel_gives_back_can_be_had(  # noqa: PLR0913, PLR0917 - what a group has
    version: str,
    used_mb: int,
    inactive_mb: int,
    left_mb: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a group of 1 GB; v1 has the files of groups below it in the totals alone."""
    inactive = inactive_mb * MB
    stat = STAT + TOTALS if version == "v1" else STAT
    values = {"all": 3 * GB, "looked_at": 2 * GB, "inactive": inactive}
    values["own"] = 5 * MB if version == "v1" else inactive
    texts = (str(1024 * MB), str(used_mb * MB), stat.format(**values))
    for name, text in zip(GROUPS[version], texts, strict=True):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{text}\n", encoding="ascii")
    monkeypatch.setattr(worker_count, "_CGROUP", str(tmp_path))
    monkeypatch.setattr(worker_count, "_meminfo", lambda _: 64 * GB)
    assert worker_count.available_bytes() == left_mb * MB
