"""Trouble with the record never affects a test, and no test can damage the record."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from tests.walkaway.support.recorded import RECORDER, lines_of
from tests.walkaway.support.waiting import wait_for
from walkaway.process import file_lock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.walkaway.support.recorded import Project

MANY = "".join(f"def test_{n}(): pass\n" for n in range(400))


def test_a_kill_in_mid_run_leaves_every_result_readable(project: Project) -> None:
    project.write(test_it=MANY + "import time\ndef test_last(): time.sleep(600)\n")
    run = project.start()
    project.wait_until_running(run, "test_last")
    run.process.kill()
    run.wait()
    assert len(run.results()) == 400
    assert run.events("k")
    assert all(json.loads(line) for line in (run.folder / "events.jsonl").read_bytes().splitlines())


def limited(size_bytes: int) -> tuple[str, ...]:
    """Return the start of a command whose files cannot grow beyond a size."""
    code = (
        "import os, resource, sys;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size_bytes}, {resource.RLIM_INFINITY}));"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    return (sys.executable, "-c", code, "-m", "pytest", "-p", "walkaway_recorder")


def test_a_full_disk_changes_no_result_and_drops_are_counted(project: Project) -> None:
    project.write(
        conftest="""
        import resource
        def pytest_terminal_summary():
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        """,
        test_it=MANY + "def test_bad(): assert 0\n",
    )
    # collected.txt fits, the events of 401 tests do not; at the end there is space again.
    run = project.run("--capture=no", command=limited(20_000))
    assert run.wait() == 1
    end = run.one("end")
    assert end["c"] == {"passed": 400, "failed": 1}
    assert end["dropped"] > 300
    assert "INTERNALERROR" not in run.log
    assert 50 < len(run.results()) < 400
    raw = (run.folder / "events.jsonl").read_bytes().split(b"\n")
    assert raw[-2].startswith(b'{"e":"end"')


def test_a_log_that_is_full_ends_no_run(project: Project) -> None:
    project.write(test_it=MANY)
    run = project.run("-s", command=limited(9_000))
    assert run.wait() == 0
    assert run.folder.with_suffix(".log").stat().st_size == 9_000


def test_a_failure_after_a_torn_one_is_found_by_its_line(project: Project) -> None:
    project.write(
        conftest="""
        import resource
        def pytest_runtest_setup(item):
            small = item.name == "test_torn"
            limit = 12_000 if small else resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        """,
        test_it="""
        def test_first(): raise ValueError("a" * 9_000)
        def test_torn(): raise ValueError("b" * 9_000)
        def test_third(): raise ValueError("c" * 9_000)
        """,
    )
    # Started with that limit: a narrower one of a test would be lifted for the recorder's lines.
    run = project.run("--capture=no", command=limited(12_000))
    lines: dict[str, Any] = {
        run.ids()[e["i"]].partition("::")[2]: e.get("x") for e in run.events("f")
    }
    assert lines["test_torn"] is None
    assert run.failure(lines["test_first"])["msg"][0] == "a"
    assert run.failure(lines["test_third"])["msg"][0] == "c"
    assert run.one("end")["dropped"] >= 1


def test_a_deleted_record_is_still_written_through_its_open_files(project: Project) -> None:
    project.write(test_it="def test_a(): pass\nimport time\ndef test_b(): time.sleep(600)\n")
    run = project.start()
    project.wait_until_running(run, "test_b")
    kept = os.open(run.folder / "events.jsonl", os.O_RDONLY)
    shutil.rmtree(run.folder)
    run.process.send_signal(signal.SIGINT)
    assert run.wait() == 2
    with os.fdopen(kept, "rb") as file:
        assert file.read().splitlines()[-1].startswith(b'{"e":"end"')
    assert "INTERNALERROR" not in run.log


CHILDREN = {
    "fork": "pid = os.fork()\n    if not pid: time.sleep(600)",
    "multiprocessing": (
        "import multiprocessing as m\n"
        "    m.get_context('fork').Process(target=time.sleep, args=(600,)).start()"
    ),
    "system": "os.system('sleep 600 & echo $! >pid')",
    "popen": "import subprocess\n    subprocess.Popen(['sleep', '600'], close_fds=False)",
    "spawn": "os.posix_spawn('/bin/sleep', ['sleep', '600'], os.environ)",
}


@pytest.mark.parametrize("kind", CHILDREN)
def test_no_child_of_a_test_holds_the_lock(project: Project, kind: str) -> None:
    project.write(
        test_it=f"import os, time\ndef test_a():\n    {CHILDREN[kind]}\n    time.sleep(600)\n"
    )
    run = project.start(env={"WALKAWAY_RUN": None})
    project.wait_until_running(run, "test_a")

    def children() -> list[int]:
        path = f"/proc/{run.process.pid}/task/{run.process.pid}/children"
        with open(path, encoding="ascii") as file:  # noqa: PTH123 - proc answers open alone
            return [int(pid) for pid in file.read().split()]

    if kind == "system":  # its shell is gone, and with it the kinship
        wait_for((project.root / "pid").exists, "the child")
    else:
        wait_for(children, "the child")
    assert held(run.folder)
    run.process.kill()
    run.wait()
    wait_for(lambda: not held(run.folder), "the lock to be free")


def held(folder: Path) -> bool:
    return file_lock.probe(str(folder / "pytest.lock")) is file_lock.Hold.HELD


def test_a_forked_child_that_runs_on_writes_nothing(project: Project) -> None:
    project.write(
        test_it="""
        import os
        def test_a():
            os.environ["CHILD"] = str(os.fork())
        def test_b(): pass
        """
    )
    run = project.run("--capture=no")
    run.wait()
    wait_for(lambda: not held(run.folder), "the forked pytest to end")
    assert run.results() == [("test_a", "passed"), ("test_b", "passed")]
    assert len(run.events("end")) == 1


DAMAGES = {
    "os.write": "os.write = lambda *a: 1 / 0",
    "all of os": "[setattr(os, n, None) for n in ('open', 'write', 'fstat', 'lseek', 'getpid')]",
    "json.dumps": "json.dumps = json.loads = lambda *a, **k: 1 / 0",
    "json's encoder": "json.JSONEncoder.encode = json.JSONEncoder.iterencode = lambda *a: 1 / 0",
    "json's parts": "json.encoder.encode_basestring = json.encoder.c_make_encoder = None",
    "clocks": "time.clock_gettime = time.monotonic = time.time = lambda *a: 1 / 0",
    "open and print": "builtins.open = builtins.print = lambda *a, **k: 1 / 0",
    "environment": "os.environ.clear()",
    "folder": "os.chdir('/')",
    "path": "sys.path.clear()",
    "modules": "[sys.modules.pop(n) for n in list(sys.modules) if n.startswith('walkaway')]",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_test_that_damages_its_process_is_recorded_all_the_same(
    project: Project, damage: str
) -> None:
    project.write(
        test_it=f"""
        import builtins, json, os, sys, time
        import pytest
        def test_a(): pass
        def test_b():
            {DAMAGES[damage]}
        def test_c(): pass
        def test_d(): assert 0, "the real failure"
        def test_e(): pytest.skip("a reason")
        @pytest.fixture
        def broken():
            yield
            raise ValueError("in teardown")
        def test_f(broken): pass
        """
    )
    run = project.run("--capture=no", "-p", "no:faulthandler")
    assert run.results() == [
        ("test_a", "passed"),
        ("test_b", "passed"),
        ("test_c", "passed"),
        ("test_d", "failed"),
        ("test_e", "skipped"),
        ("test_f", "error"),
    ]
    assert [line["msg"] for line in run.failures()] == ["the real failure\nassert 0", "in teardown"]
    assert run.one("end")["exit"] == run.wait() == 1
    assert run.errors() == []


CLOSES = {
    "the low ones": "os.closerange(3, 256)",
    "all but the standard ones": "os.closerange(3, 65536)",
    "all": "os.closerange(0, 65536)",
    "all, and takes their numbers": (
        "os.closerange(3, 65536); fd = os.open('theirs', os.O_CREAT | os.O_RDWR);"
        "[os.dup2(fd, n) for n in range(3, 1000)]"
    ),
}


@pytest.mark.parametrize("capture", ["fd", "no"])
@pytest.mark.parametrize("closes", CLOSES)
def test_a_test_that_closes_descriptors_loses_no_result(
    project: Project, closes: str, capture: str
) -> None:
    project.write(
        test_it=f"""
        import os
        def test_a(): pass
        def test_b():
            {CLOSES[closes]}
        def test_c(): assert 0, "the real failure"
        def test_d(): pass
        """
    )
    run = project.run(f"--capture={capture}", "-p", "no:faulthandler")
    ends = run.events("end", "ie")
    assert ends  # bare pytest does not survive it either, and says so
    if capture == "no" and closes != "all":
        assert [row for row in run.results() if row[0] != "test_b"] == [
            ("test_a", "passed"),
            ("test_c", "failed"),
            ("test_d", "passed"),
        ]
        assert run.failures()[-1]["msg"] == "the real failure\nassert 0"
    if closes != "the low ones":
        assert run.ids()[run.one("closed")["i"]].endswith("test_b")
    theirs = project.root / "theirs"
    assert not theirs.exists() or b'{"e":' not in theirs.read_bytes()
    assert run.errors() == []


LIMITED = """
    import resource
    import pytest
    def test_a(): pass
    def test_b():
        resource.setrlimit(resource.RLIMIT_FSIZE, {limit})
    def test_c(): assert 0, "the real failure"
    def test_d(): print("x" * 1000)
    def test_e(): pytest.skip("a reason")
"""
LIMITED_RESULTS = [
    ("test_a", "passed"),
    ("test_b", "passed"),
    ("test_c", "failed"),
    ("test_d", "passed"),
    ("test_e", "skipped"),
]


def test_a_test_that_limits_files_for_a_while_loses_nothing(project: Project) -> None:
    project.write(test_it=LIMITED.format(limit="(100, resource.getrlimit(1)[1])"))
    run = project.run("--capture=no")
    assert run.wait() == 1
    assert run.results() == LIMITED_RESULTS
    assert run.failures()[0]["msg"] == "the real failure\nassert 0"
    assert "x" * 1000 in run.log
    assert "1 failed, 3 passed, 1 skipped" in run.log
    assert run.one("end")["dropped"] == 0
    assert run.events("limit", "re") == []
    assert not (run.folder / "events.spare").exists()


@pytest.mark.parametrize("limit", [0, 100])
def test_a_test_that_limits_files_for_good_loses_no_result(project: Project, limit: int) -> None:
    project.write(test_it=LIMITED.format(limit=(limit, limit)))
    run = project.run("--capture=no")
    assert run.wait() == 1
    assert run.results() == LIMITED_RESULTS
    end, told = run.one("end"), run.one("limit")
    assert (end["exit"], end["c"]) == (1, {"passed": 3, "failed": 1, "skipped": 1})
    assert (run.ids()[told["i"]], told["n"]) == ("test_it.py::test_b", limit)
    assert run.errors() == []


def test_what_a_limit_of_files_leaves_no_room_for_is_counted(project: Project) -> None:
    many = "".join(f"def test_m{n}(): pass\n" for n in range(4000))
    project.write(test_it=textwrap.dedent(LIMITED.format(limit=(100, 100))) + many)
    run = project.run("-s", "-q")
    assert run.wait() == 1
    results = run.results()
    assert results[:5] == LIMITED_RESULTS
    assert 1000 < len(results) < 4000
    end = run.one("end")
    assert end["c"] == {"passed": 4003, "failed": 1, "skipped": 1}
    assert end["dropped"] > 4005 - len(results)
    assert len(run.events("limit")) == 1


def test_an_error_in_the_recorder_is_noted_and_changes_nothing(project: Project) -> None:
    project.write(
        breaking="""
        from walkaway_recorder import failures
        def put(*args, **kwargs): raise RuntimeError("recorder bug")
        failures.Failures.put = put
        """,
        test_it="".join(f"def test_{n}(): assert 0\n" for n in range(9)) + "def test_a(): pass\n",
    )
    run = project.run("-p", "breaking", env={"PYTHONPATH": f"{RECORDER}:{project.root}"})
    assert run.wait() == 1
    assert len(run.errors()) == 5
    assert "RuntimeError: recorder bug" in run.errors()[0]["m"]
    assert "9 failed, 1 passed" in run.log
    assert ("test_a", "passed") in run.results()


def test_a_record_that_cannot_be_opened_leaves_pytest_alone(project: Project) -> None:
    project.write(test_it="def test_a(): pass\n")
    run = project.run(env={"WALKAWAY_RECORD": str(project.root / "no" / "such")})
    assert run.wait() == 0
    assert "cannot record" in run.log
    assert "1 passed" in run.log


def test_without_a_record_the_plugin_does_nothing(project: Project) -> None:
    project.write(test_it="def test_a(): pass\n")
    run = project.run(env={"WALKAWAY_RECORD": None})
    assert run.wait() == 0
    assert lines_of(run.folder / "events.jsonl") == []
