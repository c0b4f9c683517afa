"""scripts/bootstrap.py makes .venv once, from the lock alone, and repairs what was broken off.

The locks here name a tiny package that stands in a folder: everything is real but the index.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.walkaway.support.checkout import REPOSITORY, Checkout, clean_environment
from tests.walkaway.support.wheels import build_wheel

LOCKS = ("requirements.txt", "requirements-test.txt", "requirements-dev.txt")
UV = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
STAMP = ".venv/.walkaway-stamp"
UNFINISHED = ".venv/.walkaway-unfinished"
NOWHERE = "http://127.0.0.1:9/simple"
BOUND_S = 120


@dataclass(frozen=True, slots=True)
class Fresh:
    """A checkout that has never run make, and the environment for it."""

    checkout: Checkout
    env: dict[str, str]

    @property
    def root(self) -> Path:
        return self.checkout.root

    def lock(self, *lines: str) -> None:
        for name in LOCKS:
            (self.root / name).write_text("".join(lines), encoding="utf-8")

    def bootstrap(self, *, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        script = self.root / "scripts" / "bootstrap.py"
        return self.checkout.run(sys.executable, script, env=self.env | (env or {}))

    def under(self, preamble: str) -> subprocess.CompletedProcess[str]:
        """Run bootstrap.py in a Python that is told something first."""
        code = f"import runpy, sys\n{preamble}\nrunpy.run_path(sys.argv[1], run_name='__main__')"
        argv = (sys.executable, "-c", code, "scripts/bootstrap.py")
        return self.checkout.run(*argv, env=self.env | {"PATH": ""})

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["make", "-s", STAMP],
            cwd=self.root,
            env=clean_environment() | self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def parcel(self) -> str:
        """The version of the package that .venv has, asked of its Python."""
        code = "import parcel; print(parcel.VERSION)"
        return self.checkout.run(self.root / ".venv/bin/python", "-c", code).stdout.strip()


def make_fresh(root: Path, tools: list[str]) -> Fresh:
    """`tools` are what PATH holds: with uv among them it is used, else venv and pip are."""
    for name in ("Makefile", "scripts/bootstrap.py", "walkaway/tasks/corrected_line.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, root / name)
    path = root / "path"
    path.mkdir()
    for tool in tools:
        (path / Path(tool).name).symlink_to(tool)
    (path / "python3").symlink_to(sys.executable)
    system = [folder for folder in ("/usr/bin", "/bin") if not Path(folder, "uv").exists()]
    env = {
        "PATH": os.pathsep.join([str(path), *system]),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(root / "wheels"),
        "PIP_CONFIG_FILE": os.devnull,
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(root / "wheels"),
        "UV_CACHE_DIR": str(root / "cache"),
    }
    fresh = Fresh(Checkout(root), env)
    fresh.lock(build_wheel(root / "wheels", "parcel", "1.0"))
    return fresh


@pytest.fixture
def fresh(tmp_path: Path) -> Fresh:
    """With uv on PATH: fast."""
    assert UV is not None, "uv is in requirements-dev.txt"
    return make_fresh(tmp_path, [UV])


@pytest.fixture
def plain(tmp_path: Path) -> Fresh:
    """Without uv: what a bare machine has."""
    return make_fresh(tmp_path, [])


def assert_ready(fresh: Fresh, version: str = "1.0") -> None:
    assert fresh.parcel() == version
    assert (fresh.root / STAMP).exists()
    assert not (fresh.root / UNFINISHED).exists()


def assert_refused(result: subprocess.CompletedProcess[str], *said: str) -> None:
    assert result.returncode == 69
    assert result.stdout == ""
    own = result.stderr.partition("walkaway: making .venv")[2].partition("\n")[2] or result.stderr
    # A slow machine is told about the progress in between: that is no part of the message.
    told = [line for line in own.splitlines() if "walkaway: installing, " not in line]
    assert len(told) <= 3
    for words in said:
        assert words in own


# Making it


def test_a_bare_machine_gets_a_venv_with_pip_and_stdout_stays_clean(plain: Fresh) -> None:
    result = plain.bootstrap()
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert "making .venv" in result.stderr
    assert_ready(plain)
    assert (plain.root / ".venv/bin/pip").exists()


def test_uv_is_used_where_there_is_one(fresh: Fresh) -> None:
    assert fresh.bootstrap().returncode == 0
    assert_ready(fresh)
    assert "uv pip install" in (fresh.root / ".venv/.walkaway-install.log").read_text("utf-8")


def test_no_time_is_promised_but_the_size_is_told(fresh: Fresh) -> None:
    said = fresh.bootstrap().stderr.splitlines()
    assert said[0] == "walkaway: making .venv: once, 1 package"
    assert said[-1].startswith("walkaway: .venv is ready (")


def test_what_takes_long_is_told_as_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    module = Checkout(REPOSITORY).script("bootstrap")
    progress = module.Progress(2)

    def told(line: str = "") -> str:
        progress.look(line)
        progress.last -= module.TICK_S
        progress.tick()
        text: str = capsys.readouterr().err
        return re.sub(r"\d+ s$", "N s", text.strip())

    progress.tick()
    assert capsys.readouterr().err == ""
    assert told() == "walkaway: installing, N s"
    for line, doing in (
        ("Collecting a==1 (from -r x)", "1 of 2 packages"),
        ("  Downloading https://example.invalid/a.whl (2 kB)", "1 of 2 packages"),
        ("Processing ./wheels/b.whl (from -r x)", "2 of 2 packages"),
        ("Installing collected packages: a, b", "unpacking 2 packages"),
        ("Downloading playwright (51.0MiB)", "downloading playwright (51.0MiB)"),
        ("Prepared 2 packages in 3 s", "unpacking 2 packages"),
    ):
        assert told(line) == f"walkaway: installing, {doing}, N s"


@pytest.mark.parametrize(("set_to", "count"), [("1", 1), ("", 0)])
def test_bytecode_is_written_where_python_would_not(fresh: Fresh, set_to: str, count: int) -> None:
    result = fresh.bootstrap(env={"PYTHONDONTWRITEBYTECODE": set_to})
    assert result.returncode == 0, result.stderr
    assert len(list(fresh.root.glob(".venv/lib/*/*/__pycache__/parcel.*.pyc"))) == count


def test_a_uv_that_fails_is_made_up_for_by_pip(tmp_path: Path) -> None:
    broken = tmp_path / "tools" / "uv"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho error: no uv today; exit 2\n", encoding="utf-8")
    broken.chmod(0o755)
    fresh = make_fresh(tmp_path, [str(broken)])
    assert fresh.bootstrap().returncode == 0
    assert_ready(fresh)


def test_when_nothing_is_to_be_done_nothing_is_said(fresh: Fresh) -> None:
    fresh.bootstrap()
    again = fresh.bootstrap()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_a_lock_that_was_only_touched_installs_nothing(fresh: Fresh) -> None:
    fresh.bootstrap()
    os.utime(fresh.root / STAMP, (0, 0))
    result = fresh.checkout.make("-s", STAMP, env=fresh.env)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_changed_lock_is_installed_in_place(fresh: Fresh) -> None:
    fresh.bootstrap()
    kept = fresh.root / ".venv" / "kept"
    kept.touch()
    fresh.lock(build_wheel(fresh.root / "wheels", "parcel", "2.0"))
    assert fresh.bootstrap().returncode == 0
    assert_ready(fresh, "2.0")
    assert kept.exists()


def test_a_venv_that_someone_else_made_is_completed(fresh: Fresh) -> None:
    fresh.checkout.run(sys.executable, "-m", "venv", "--without-pip", ".venv")
    kept = fresh.root / ".venv" / "kept"
    kept.touch()
    assert fresh.bootstrap().returncode == 0
    assert_ready(fresh)
    assert kept.exists()


def test_many_makes_at_once_install_once(fresh: Fresh) -> None:
    makes = [fresh.start() for _ in range(20)]
    said = [make.communicate(timeout=BOUND_S)[0] for make in makes]
    assert [make.returncode for make in makes] == [0] * 20
    assert "".join(said).count("making .venv: once") == 1
    assert "".join(said).count(".venv is ready") == 1
    assert_ready(fresh)


# Repairing it


@pytest.mark.parametrize("killed", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_install_is_repaired(plain: Fresh, killed: signal.Signals) -> None:
    make = plain.start()
    assert make.stdout is not None
    # The first line comes when the install is marked as begun and nothing is there yet.
    assert "making .venv" in make.stdout.readline()
    os.killpg(make.pid, killed)
    make.communicate(timeout=BOUND_S)
    assert not (plain.root / STAMP).exists()
    assert (plain.root / UNFINISHED).exists()
    rest = plain.root / ".venv" / "rest"
    rest.touch()
    assert plain.bootstrap().returncode == 0
    assert_ready(plain)
    assert not rest.exists()


def test_an_interpreter_that_is_gone_is_noticed_by_make(fresh: Fresh) -> None:
    fresh.bootstrap()
    python = fresh.root / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    result = fresh.checkout.make("-s", STAMP, env=fresh.env)
    assert result.returncode == 0, result.stderr
    assert_ready(fresh)


# What cannot be had


def test_no_index_is_told_as_such(plain: Fresh) -> None:
    env = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": NOWHERE, "no_proxy": "*"}
    result = plain.bootstrap(env=env)
    assert_refused(result, "no package index can be reached", "PIP_INDEX_URL")
    assert plain.bootstrap().returncode == 0
    assert_ready(plain)


def test_a_package_that_is_not_the_locked_one_is_refused(plain: Fresh) -> None:
    plain.lock("parcel==1.0 --hash=sha256:" + "0" * 64 + "\n")
    assert_refused(plain.bootstrap(), "hash mismatch")


def test_an_old_python_is_told_what_is_needed(plain: Fresh) -> None:
    result = plain.under("sys.version_info = (3, 9, 18, 'final', 0)")
    assert_refused(result, "Python 3.11 or newer", "is 3.9.18", "make PYTHON3=")


def test_a_python_without_ensurepip_is_told_the_package(plain: Fresh) -> None:
    result = plain.under(
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'ensurepip' else find(name, *rest)"
    )
    assert_refused(result, "ensurepip", f"python3.{sys.version_info.minor}-venv")


def test_no_python_at_all_is_told(plain: Fresh) -> None:
    result = plain.checkout.make("test", "PYTHON3=/nowhere/python3", env=plain.env)
    assert result.returncode == 2
    assert "no /nowhere/python3 on PATH: install Python 3.11" in result.stderr


def test_a_folder_that_is_no_venv_is_left_alone(fresh: Fresh) -> None:
    precious = fresh.root / ".venv" / "precious"
    precious.parent.mkdir()
    precious.touch()
    assert_refused(fresh.bootstrap(), "no virtual environment", "Move it away")
    assert precious.exists()


def test_those_who_waited_for_a_failure_share_it(fresh: Fresh) -> None:
    fresh.lock("parcel==9.9 --hash=sha256:" + "0" * 64 + "\n")
    makes = [fresh.start() for _ in range(8)]
    said = [make.communicate(timeout=BOUND_S)[0] for make in makes]
    assert [make.returncode for make in makes] == [2] * 8
    for text in said:
        assert "cannot be installed" in text
        # Beside those that tell how long it has taken, one each 10 s.
        told = [line for line in text.splitlines() if "walkaway: installing, " not in line]
        assert len(told) <= 6
