"""The recorder with every supported pytest and xdist, each in its own venv."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.walkaway.support.recorded import Project

pytestmark = [pytest.mark.soak, pytest.mark.slow]

VERSIONS = [
    ("pytest==7.0.1", "pytest-xdist==3.5.0", "pytest-subtests<0.12"),
    ("pytest==7.4.4", "pytest-xdist==3.5.0", "pytest-subtests"),
    ("pytest==8.0.2", "pytest-xdist==3.6.1", "pytest-subtests"),
    ("pytest==8.4.2", "pytest-xdist==3.8.0", "pytest-subtests"),
    ("pytest==9.0.*", "pytest-xdist==3.8.0"),
    ("pytest", "pytest-xdist"),
]

TESTS = """
    import os, pytest, warnings
    def test_passed(): warnings.warn("old")
    def test_failed(): print("said"); assert 1 == 2
    @pytest.mark.skip(reason="why")
    def test_skipped(): pass
    @pytest.mark.xfail(reason="known")
    def test_xfailed(): assert 0
    @pytest.mark.xfail(strict=True)
    def test_strict(): pass
    @pytest.fixture
    def broken():
        yield
        raise RuntimeError("teardown")
    def test_broken(broken): pass
    def test_missing(no_such): pass
    def test_subtests(subtests):
        with subtests.test("one", i=1): assert 0
        with subtests.test("two"): pass
"""
EXPECTED = {
    "test_passed": "passed",
    "test_failed": "failed",
    "test_skipped": "skipped",
    "test_xfailed": "xfailed",
    "test_strict": "failed",
    "test_broken": "error",
    "test_missing": "error",
    "test_subtests": "failed",
}


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda wanted: "-".join(wanted[:2]))
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with these versions."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(_beside()))
    assert uv, "this test makes venvs with uv: see requirements-dev.in"
    venv = tmp_path_factory.mktemp("venv")
    subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, venv], check=True)
    wanted: tuple[str, ...] = request.param
    found = venv / "bin" / "python"
    subprocess.run([uv, "pip", "install", "-q", "--python", found, *wanted], check=True)
    return found


def _beside() -> str:
    return sys.executable.rpartition("/")[0]


@pytest.mark.parametrize("workers", [(), ("-n2",), ("-n2", "--dist=loadfile")])
def test_every_version_tells_the_same_results(
    project: Project, python: Path, workers: tuple[str, ...]
) -> None:
    project.write(test_it=TESTS)
    run = project.run(
        *workers,
        command=(str(python), "-m", "pytest", "-p", "walkaway_recorder"),
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": None},
    )
    assert run.wait() == 1, run.log
    assert dict(run.results()) == EXPECTED
    assert len(run.results()) == len(EXPECTED)
    assert run.errors() == []
    end = run.one("end")
    assert (end["exit"], end["dropped"], end["fl"]) == (1, 0, [])
    assert end["c"]["subfailed"] == 1
    assert [sub["m"].partition(" ")[0] for sub in run.events("sub")] == ["[one]"]
    assert run.one("wn")["m"] == "old"
    told = next(line for line in run.failures() if line["id"].endswith("test_failed"))
    assert (told["type"], told["at"]) == ("AssertionError", "test_it.py:4 in test_failed")
    assert told["out"] == [["Captured stdout call", "said\n"]]
    assert "test_it.py::test_passed" in run.log
    assert len(list((run.folder / "stacks").iterdir())) == (3 if workers else 1)
    assert run.one("loaded")["xdist"]


def test_every_version_sends_what_xdist_cannot_send(project: Project, python: Path) -> None:
    project.write(test_it='def test_a(): assert 0, "\\udc80"\ndef test_b(): pass\n')
    run = project.run(
        "-n2",
        command=(str(python), "-m", "pytest", "-p", "walkaway_recorder"),
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": None},
    )
    assert run.wait() == 1
    assert dict(run.results()) == {"test_a": "failed", "test_b": "passed"}
    assert run.errors() == []


def test_every_version_survives_a_crashed_worker(project: Project, python: Path) -> None:
    project.write(test_it=TESTS + "    def test_killer(): os._exit(1)\n")
    run = project.run(
        "-n2",
        command=(str(python), "-m", "pytest", "-p", "walkaway_recorder"),
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": None},
    )
    assert run.wait() == 1
    assert dict(run.results()) == EXPECTED | {"test_killer": "crashed"}
    assert len({event["w"] for event in run.events("wup")}) == 2
    assert run.errors() == []


@pytest.mark.parametrize("mode", ["load", "loadfile", "worksteal"])
def test_every_version_hears_its_workers_to_the_end_after_int(
    project: Project, python: Path, mode: str
) -> None:
    source = """
        import time, pytest

        @pytest.mark.parametrize("n", range(60))
        def test_n(n, request):
            time.sleep(0.05)
            with open("ended", "a") as ended:
                ended.write(request.node.nodeid + "\\n")
    """
    project.write(test_a=source, test_b=source)
    run = project.start(
        "-n2",
        f"--dist={mode}",
        command=(str(python), "-m", "pytest", "-p", "walkaway_recorder"),
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": None},
    )
    wait_for(lambda: len(run.events("f")) > 5, f"some tests\n{run.log}")
    run.process.send_signal(signal.SIGINT)
    assert run.wait() == 2
    ended = (project.root / "ended").read_text(encoding="utf-8").split()
    ids = run.ids()
    assert sorted(ids[event["i"]] for event in run.events("f")) == sorted(ended)
    assert len(ended) < 120
    assert run.one("drained")["left"] == run.one("drained")["deaf"] == []
    assert run.errors() == []
