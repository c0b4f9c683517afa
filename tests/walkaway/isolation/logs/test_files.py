"""Lines of many processes stay whole; full disks and read-only folders fail nothing."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import re
import signal
from pathlib import Path

import pytest

from tests.walkaway.isolation.logs.nested import made
from tests.walkaway.support.waiting import PATIENCE_S, wait_for
from walkaway.isolation.logs import files
from walkaway.isolation.logs.files import LinesFile, TextFile
from walkaway.model import test_key

TALKS = """
    import logging
    def test_it():
        for n in range(2000):
            logging.getLogger("x").info("line %d %s", n, "y" * 200)
"""


def test_a_full_disk_fails_no_test(tmp_path: Path) -> None:
    """A limit on file sizes answers as a full disk does, without filling one."""
    nested = made(tmp_path, TALKS + "\n    def test_other(): assert True\n")
    limit = ("sh", "-c", 'ulimit -f 40; trap "" XFSZ; exec "$@"', "sh")
    assert "2 passed" in nested.run(program=limit)
    kept = list((tmp_path / "logs/tests/lines").glob("*.jsonl"))
    assert 0 < kept[0].stat().st_size <= 40 * 1024


@pytest.mark.parametrize("where", ["logs", "logs/tests"])
def test_a_folder_that_cannot_be_made_fails_no_test(tmp_path: Path, where: str) -> None:
    """A file in its place: root may write into a folder that is read-only."""
    nested = made(tmp_path, TALKS)
    path = tmp_path / where
    path.parent.mkdir(exist_ok=True)
    path.write_text("no folder")
    assert "1 passed" in nested.run()
    assert path.read_text() == "no folder"


READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'


def test_a_read_only_folder_fails_no_test(tmp_path: Path) -> None:
    """For root a mount makes it so, in a namespace of its own."""
    nested = made(tmp_path, TALKS)
    logs = tmp_path / "logs"
    logs.mkdir()
    logs.chmod(0o555)
    root = os.getuid() == 0
    words = ("unshare", "--mount", "sh", "-c", READ_ONLY, str(logs)) if root else ()
    assert "1 passed" in nested.run(program=words)
    assert not list(logs.iterdir())
    logs.chmod(0o755)


def test_lines_of_one_test_are_bounded(tmp_path: Path) -> None:
    file = LinesFile(tmp_path / "a.jsonl", test_bytes=1000, most_bytes=1500)
    for test in ("a", "b", "c"):
        for _ in range(100):
            file.put(test, b"x" * 99 + b"\n")
    file.close()
    index = list(test_key.ENTRY.iter_unpack((tmp_path / "a.idx").read_bytes()))
    assert index == [
        (test_key.mark("a"), 0),
        (test_key.mark("b"), 1000),
        (test_key.mark("c"), 1500),
    ]
    assert (tmp_path / "a.jsonl").stat().st_size == 1500
    assert file.lines.dropped == 285


def test_a_torn_line_costs_that_line_only(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"torn')
    path.with_suffix(".idx").write_bytes(test_key.ENTRY.pack(test_key.mark("a"), 0) + b"torn")
    file = LinesFile(path)
    file.put("b", b"whole\n")
    file.close()
    assert path.read_bytes() == b'{"torn\nwhole\n'
    assert list(test_key.ENTRY.iter_unpack(path.with_suffix(".idx").read_bytes())) == [
        (test_key.mark("a"), 0),
        (test_key.mark("b"), 6),
    ]


def _write(path: str, name: str, count: int) -> None:
    file = TextFile(Path(path), most_bytes=50_000)
    for n in range(count):
        file.put(f"{name} {n // 10}", f"{name} {n} {'x' * 80}\n".encode())


def test_many_processes_turn_one_file_over(tmp_path: Path) -> None:
    """No line is torn, none of the last ones is lost, and the two files stay bounded."""
    path = tmp_path / "said.log"
    context = multiprocessing.get_context("spawn")
    names = ("a", "b", "c")
    processes = [context.Process(target=_write, args=(str(path), n, 3000)) for n in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE_S)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    older = path.with_name("said.log.1")
    rows = (older.read_text() + path.read_text()).splitlines()
    assert all(re.fullmatch(r"[abc] \d+ x{80}", row) for row in rows)
    for name in names:
        numbers = [int(row.split()[1]) for row in rows if row.startswith(name)]
        assert numbers == sorted(numbers)
        assert len(numbers) == len(set(numbers))
    assert any(row.split()[1] == "2999" for row in rows)
    # Each process may write ten lines between two looks at the file.
    assert older.stat().st_size < 50_000 + 3 * 11 * 90
    assert path.stat().st_size < 50_000 + 3 * 11 * 90
    assert sorted(found.name for found in tmp_path.iterdir()) == ["said.log", "said.log.1"]


def test_a_full_file_waits_for_who_turns_it_over_and_once_for_who_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "said.log"
    file = TextFile(path, most_bytes=10)
    file.put("a", b"more than ten\n")
    other = path.open("rb")
    fcntl.flock(other, fcntl.LOCK_EX)

    def turn(_: float) -> None:
        path.rename(tmp_path / "said.log.1")
        other.close()

    monkeypatch.setattr(files, "_sleep", turn)
    file.put("b", b"later than that\n")
    assert path.read_bytes() == b"later than that\n"
    pauses: list[float] = []
    monkeypatch.setattr(files, "_sleep", pauses.append)
    with path.open("rb") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        for test in ("c", "d"):
            file.put(test, b"all the same\n")
            assert 0 < sum(pauses) < 2
    file.close()
    assert path.read_bytes() == b"later than that\n" + 2 * b"all the same\n"


def test_a_file_that_somebody_deletes_is_made_again(tmp_path: Path) -> None:
    file = TextFile(tmp_path / "said.log")
    file.put("a", b"one\n")
    (tmp_path / "said.log").unlink()
    file.put("b", b"two\n")
    file.close()
    assert (tmp_path / "said.log").read_bytes() == b"two\n"


def test_what_a_forked_child_says_is_kept(tmp_path: Path) -> None:
    source = """
        import logging, os, warnings
        log = logging.getLogger("x")
        def test_it():
            log.info("before")
            child = os.fork()
            if child == 0:
                for n in range(500): log.info("child %d", n)
                os._exit(0)
            for n in range(500): log.info("parent %d", n)
            os.waitpid(child, 0)
        def test_next(): log.info("next")
    """
    nested = made(tmp_path, source)
    nested.run("-p", "no:randomly")
    messages = [row["message"] for row in nested.lines()]
    assert len(messages) == 1002
    assert {f"child {n}" for n in range(500)} <= set(messages)
    (index,) = (tmp_path / "logs/tests/lines").glob("*.idx")
    assert index.stat().st_size == 2 * test_key.ENTRY.size


def test_a_kill_leaves_whole_lines_and_the_index(tmp_path: Path) -> None:
    source = TALKS.replace("range(2000)", "iter(int, 1)").replace("line %d", "line %s")
    nested = made(tmp_path, source)
    process = nested.start()
    folder = tmp_path / "logs/tests/lines"
    wait_for(lambda: any(p.stat().st_size > 100_000 for p in folder.glob("*.jsonl")), "lines")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=PATIENCE_S)
    assert len(nested.lines()) > 100
    assert [p.stat().st_size for p in folder.glob("*.idx")] == [test_key.ENTRY.size]


def test_lines_of_old_runs_are_removed(tmp_path: Path) -> None:
    nested = made(tmp_path, "import logging\ndef test_a(): logging.error('x')\n")
    folder = tmp_path / "logs/tests/lines"
    folder.mkdir(parents=True)
    for n in range(15):
        for end in ("main.jsonl", "main.idx"):
            old = folder / f"run{n:02}-{end}"
            old.touch()
            os.utime(old, (1000 + n, 1000 + n))
    nested.run()
    runs = sorted({path.name.partition("-")[0] for path in folder.glob("*-*")})
    assert [run for run in runs if run.startswith("run")] == [f"run{n:02}" for n in range(5, 15)]
    assert len(runs) == 11


@pytest.mark.parametrize("workers", [0, 2])
def test_services_have_one_log_for_all_workers(tmp_path: Path, workers: int) -> None:
    source = """
        import pytest
        @pytest.mark.parametrize("n", range(4))
        def test_it(services_log, n):
            with services_log.open("a") as file: file.write(f"{n}\\n")
    """
    nested = made(tmp_path, source)
    nested.run(*nested.workers(workers))
    (log,) = (tmp_path / "logs/tests/lines").glob("*services.log")
    assert sorted(log.read_text().split()) == ["0", "1", "2", "3"]
