"""scripts/bootstrap.py makes .venv once, from the lock alone, and repairs what was interrupted.

The lock here names a tiny package whose wheel is in a folder: everything is real but the index. Two
environments are built once, by uv and by venv with pip; tests start from copies of them.
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
from tests.walkaway.support.waiting import wait_for
from tests.walkaway.support.wheels import build_wheel

LOCKS = ("requirements.txt", "requirements-test.txt", "requirements-dev.txt")
UV = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
STAMP = ".venv/.walkaway-stamp"
UNFINISHED = ".venv/.walkaway-unfinished"
LOG = ".venv/.walkaway-install.log"
NOWHERE = "http://127.0.0.1:9/simple"
BOUND_S = 120


@dataclass(frozen=True, slots=True)
class Fresh:
    """A checkout with the scripts that make .venv, and a PATH that we fill."""

    root: Path

    @property
    def checkout(self) -> Checkout:
        return Checkout(self.root)

    @property
    def env(self) -> dict[str, str]:
        system = [folder for folder in ("/usr/bin", "/bin") if not Path(folder, "uv").exists()]
        return {
            "PATH": os.pathsep.join([str(self.root / "path"), *system]),
            "PYTHONDONTWRITEBYTECODE": "",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.root / "wheels"),
            "PIP_CONFIG_FILE": os.devnull,
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(self.root / "wheels"),
            "UV_CACHE_DIR": str(self.root / "cache"),
        }

    def lock(self, *lines: str) -> None:
        for name in LOCKS:
            (self.root / name).write_text("".join(lines), encoding="utf-8")

    def script(self, path: str, text: str) -> Path:
        """Write a shell script, instead of what may be there."""
        script = self.root / path
        script.unlink(missing_ok=True)
        script.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        script.chmod(0o755)
        return script

    def use_uv(self) -> None:
        assert UV is not None, "uv is in requirements-dev.txt"
        (self.root / "path/uv").unlink(missing_ok=True)
        (self.root / "path/uv").symlink_to(UV)

    def bootstrap(self, *, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        script = self.root / "scripts" / "bootstrap.py"
        return self.checkout.run(sys.executable, script, env=self.env | (env or {}))

    def under(self, preamble: str) -> subprocess.CompletedProcess[str]:
        """Run bootstrap.py in a Python that is told something first."""
        code = f"import runpy, sys\n{preamble}\nrunpy.run_path(sys.argv[1], run_name='__main__')"
        argv = (sys.executable, "-c", code, "scripts/bootstrap.py")
        return self.checkout.run(*argv, env=self.env)

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


def make_fresh(root: Path) -> Fresh:
    """Make a checkout that has never run make, without uv on PATH."""
    for name in ("Makefile", "scripts/bootstrap.py", "walkaway/tasks/corrected_line.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, root / name)
    (root / "path").mkdir()
    (root / "path/python3").symlink_to(sys.executable)
    fresh = Fresh(root)
    fresh.lock(build_wheel(root / "wheels", "parcel", "1.0"))
    return fresh


Built = tuple[Fresh, subprocess.CompletedProcess[str]]
"""A checkout whose .venv was made once, and how that went."""


@pytest.fixture(scope="module")
def built_by_uv(tmp_path_factory: pytest.TempPathFactory) -> Built:
    fresh = make_fresh(tmp_path_factory.mktemp("uv"))
    fresh.use_uv()
    return fresh, fresh.bootstrap()


@pytest.fixture(scope="module")
def built_by_pip(tmp_path_factory: pytest.TempPathFactory) -> Built:
    fresh = make_fresh(tmp_path_factory.mktemp("pip"))
    return fresh, fresh.bootstrap()


def copy_of(built: Built, root: Path) -> Fresh:
    """Copy a checkout with its .venv; pip's own 1,400 files, which no test changes, are linked."""

    def copy(source: str, target: str) -> None:
        if "/site-packages/pip/" in source:
            Path(target).hardlink_to(source)
        else:
            shutil.copy2(source, target)

    return Fresh(shutil.copytree(built[0].root, root, symlinks=True, copy_function=copy))


@pytest.fixture
def plain(tmp_path: Path) -> Fresh:
    """No .venv, and no uv on PATH: what a bare machine has."""
    return make_fresh(tmp_path)


@pytest.fixture
def fresh(plain: Fresh) -> Fresh:
    """No .venv, and uv on PATH: fast."""
    plain.use_uv()
    return plain


@pytest.fixture
def ready(built_by_uv: Built, tmp_path: Path) -> Fresh:
    """A finished .venv, and uv on PATH."""
    return copy_of(built_by_uv, tmp_path / "ready")


@pytest.fixture
def ready_by_pip(built_by_pip: Built, tmp_path: Path) -> Fresh:
    """A finished .venv with pip in it, and no uv on PATH."""
    return copy_of(built_by_pip, tmp_path / "ready")


def assert_ready(fresh: Fresh, version: str = "1.0") -> None:
    assert fresh.parcel() == version
    assert (fresh.root / STAMP).exists()
    assert not (fresh.root / UNFINISHED).exists()


def without_progress(text: str) -> list[str]:
    """Lines of output, less those that tell a slow machine how long it has taken."""
    return [line for line in text.splitlines() if "walkaway: installing, " not in line]


def assert_refused(result: subprocess.CompletedProcess[str], *said: str) -> None:
    assert result.returncode == 69
    assert result.stdout == ""
    own = re.sub(r"walkaway: (making|bringing) .*\n", "", result.stderr)
    assert 1 <= len(without_progress(own)) <= 3
    for words in said:
        assert words in own


# Making it


def test_a_bare_machine_gets_a_venv_with_pip_and_stdout_stays_clean(built_by_pip: Built) -> None:
    plain, result = built_by_pip
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert "making .venv" in result.stderr
    assert_ready(plain)
    assert (plain.root / ".venv/bin/pip").exists()


def test_uv_is_used_where_there_is_one(built_by_uv: Built) -> None:
    fresh, result = built_by_uv
    assert result.returncode == 0, result.stderr
    assert_ready(fresh)
    assert "uv pip install" in (fresh.root / LOG).read_text("utf-8")


def test_no_time_is_promised_but_the_size_is_told(built_by_uv: Built) -> None:
    said = without_progress(built_by_uv[1].stderr)
    assert said[0] == "walkaway: making .venv: once, 1 package"
    assert said[-1].startswith("walkaway: .venv is ready (")


def test_a_slow_install_reports_what_it_is_doing(fresh: Fresh) -> None:
    """Ten seconds pass in a tenth."""
    fresh.script("path/uv", f'echo "Downloading big (51.0MiB)"; sleep 0.5; exec {UV} "$@"')
    result = fresh.under("import time; s = time.sleep; time.sleep = lambda t: s(t / 100)")
    assert (result.returncode, result.stdout) == (0, "")
    assert "walkaway: installing, 0 s: Downloading big (51.0MiB)\n" in result.stderr


@pytest.mark.parametrize(("set_to", "count"), [("1", 1), ("", 0)])
def test_bytecode_is_written_where_python_would_not(fresh: Fresh, set_to: str, count: int) -> None:
    result = fresh.bootstrap(env={"PYTHONDONTWRITEBYTECODE": set_to})
    assert result.returncode == 0, result.stderr
    assert len(list(fresh.root.glob(".venv/lib/*/*/__pycache__/parcel.*.pyc"))) == count


def test_a_uv_that_fails_is_made_up_for_by_pip_and_settings_lead_nowhere_else(
    ready_by_pip: Fresh,
) -> None:
    ready_by_pip.script("path/uv", "echo error: no uv today; exit 2")
    ready_by_pip.lock(build_wheel(ready_by_pip.root / "wheels", "parcel", "2.0"))
    elsewhere = ready_by_pip.root / "elsewhere"
    result = ready_by_pip.bootstrap(env={"PIP_TARGET": str(elsewhere), "PIP_USER": "1"})
    assert result.returncode == 0, result.stderr
    assert_ready(ready_by_pip, "2.0")
    assert not elsewhere.exists()
    assert "no uv today" in (ready_by_pip.root / LOG).read_text("utf-8")


def test_when_nothing_is_to_be_done_nothing_is_said(ready: Fresh) -> None:
    again = ready.bootstrap()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_a_lock_that_was_only_touched_installs_nothing(ready: Fresh) -> None:
    os.utime(ready.root / STAMP, (0, 0))
    result = ready.checkout.make("-s", STAMP, env=ready.env)
    assert (result.returncode, result.stderr) == (0, "")
    assert (ready.root / STAMP).stat().st_mtime > 0


def test_a_changed_lock_is_installed_in_place(ready: Fresh) -> None:
    kept = ready.root / ".venv" / "kept"
    kept.touch()
    ready.lock(build_wheel(ready.root / "wheels", "parcel", "2.0"))
    assert ready.bootstrap().returncode == 0
    assert_ready(ready, "2.0")
    assert kept.exists()


def test_a_venv_that_someone_else_made_is_completed(fresh: Fresh) -> None:
    fresh.checkout.run(sys.executable, "-m", "venv", "--without-pip", ".venv")
    kept = fresh.root / ".venv" / "kept"
    kept.touch()
    assert fresh.bootstrap().returncode == 0
    assert_ready(fresh)
    assert kept.exists()


def test_a_venv_without_pip_gets_it_where_no_uv_is(ready: Fresh) -> None:
    """Its Python only notes what it is asked for: an install of pip takes seconds."""
    (ready.root / "path/uv").unlink()
    case = f'case $2 in -c) exec {sys.executable} "$@";; *) echo "$1 $2 $3" >>asked;; esac'
    ready.script(".venv/bin/python", case)
    ready.lock(build_wheel(ready.root / "wheels", "parcel", "2.0"))
    assert ready.bootstrap().returncode == 0
    asked = (ready.root / "asked").read_text("utf-8").splitlines()
    assert asked == ["-m ensurepip ", "-m pip install"]


def test_many_makes_at_once_install_once(fresh: Fresh) -> None:
    makes = [fresh.start() for _ in range(20)]
    said = [make.communicate(timeout=BOUND_S)[0] for make in makes]
    assert [make.returncode for make in makes] == [0] * 20
    assert "".join(said).count("making .venv: once") == 1
    assert "".join(said).count(".venv is ready") == 1
    assert_ready(fresh)


# Repairing it


def start_and_hold(fresh: Fresh) -> subprocess.Popen[str]:
    """Start make with an installer that leaves half a .venv, and fails when `go` is there."""
    fresh.script(
        "path/uv",
        "touch .venv/half; echo $PPID >parent.part; mv parent.part parent\n"
        "while [ ! -e go ]; do sleep 0.05; done; exit 2",
    )
    make = fresh.start()
    wait_for((fresh.root / "parent").exists, "an installer that is half done")
    return make


@pytest.mark.parametrize("killed", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_install_is_repaired(fresh: Fresh, killed: signal.Signals) -> None:
    make = start_and_hold(fresh)
    os.killpg(make.pid, killed)
    make.communicate(timeout=BOUND_S)
    assert (fresh.root / ".venv/half").exists()
    assert not (fresh.root / STAMP).exists()
    assert (fresh.root / UNFINISHED).exists()
    fresh.use_uv()
    assert fresh.bootstrap().returncode == 0
    assert_ready(fresh)
    assert not (fresh.root / ".venv/half").exists()


def test_an_installer_that_was_left_behind_is_waited_for(fresh: Fresh) -> None:
    first = start_and_hold(fresh)
    os.kill(int((fresh.root / "parent").read_text("utf-8")), signal.SIGKILL)
    first.wait(BOUND_S)
    fresh.use_uv()
    second = fresh.start()
    assert second.stdout is not None
    assert "waiting for another make" in second.stdout.readline()
    assert (fresh.root / ".venv/half").exists()
    (fresh.root / "go").touch()
    for make in (first, second):
        make.communicate(timeout=BOUND_S)
    assert second.returncode == 0
    assert_ready(fresh)
    assert not (fresh.root / ".venv/half").exists()


def test_an_interpreter_that_is_gone_is_noticed_by_make(ready: Fresh) -> None:
    python = ready.root / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    result = ready.checkout.make("-s", STAMP, env=ready.env)
    assert result.returncode == 0, result.stderr
    assert_ready(ready)


def test_an_interpreter_that_was_upgraded_is_noticed_by_make(ready: Fresh) -> None:
    """As if .venv had been made with Python 3.10, and `python3` had become what it is now."""
    (packages,) = ready.root.glob(".venv/lib/python3.*")
    packages.rename(packages.with_name("python3.10"))
    stamp = ready.root / STAMP
    stamp.write_text(f"{stamp.read_text('utf-8').split()[0]} 3.10\n", encoding="utf-8")
    assert ready.parcel() == ""
    result = ready.checkout.make("-s", STAMP, env=ready.env)
    assert result.returncode == 0, result.stderr
    assert_ready(ready)


# When it cannot be made


def test_no_index_is_told_as_such(ready_by_pip: Fresh) -> None:
    ready_by_pip.lock("parcel==2.0 --hash=sha256:" + "0" * 64 + "\n")
    env = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": NOWHERE, "no_proxy": "*"}
    result = ready_by_pip.bootstrap(env=env)
    assert_refused(result, "no package index can be reached", "PIP_INDEX_URL")
    ready_by_pip.lock(build_wheel(ready_by_pip.root / "wheels", "parcel", "2.0"))
    ready_by_pip.use_uv()
    assert ready_by_pip.bootstrap().returncode == 0
    assert_ready(ready_by_pip, "2.0")


def test_a_package_that_is_not_the_locked_one_is_refused(ready_by_pip: Fresh) -> None:
    build_wheel(ready_by_pip.root / "wheels", "parcel", "2.0")
    ready_by_pip.lock("parcel==2.0 --hash=sha256:" + "0" * 64 + "\n")
    assert_refused(ready_by_pip.bootstrap(), "hash mismatch", LOG)


def test_a_full_disk_is_told(fresh: Fresh) -> None:
    (fresh.root / ".venv").mkdir()
    (fresh.root / LOG).symlink_to("/dev/full")
    assert_refused(fresh.bootstrap(), "cannot make .venv", "No space left on device")


def test_an_old_python_is_told_what_is_needed(plain: Fresh) -> None:
    old = plain.script("path/python3.9", "exit 1")
    result = plain.checkout.make("-s", STAMP, f"PYTHON3={old}", env=plain.env)
    assert result.returncode == 2
    assert result.stdout == ""
    first, _, last, _ = result.stderr.splitlines()
    assert first == f"walkaway: Python 3.11 or newer is needed; tried: {old}"
    assert last == "make PYTHON3=/path/to/python3.11"
    assert not (plain.root / ".venv").exists()


def test_a_newer_python_on_path_takes_the_place_of_an_old_one(ready: Fresh) -> None:
    ready.script("path/python3", "exit 1")
    ready.script("path/python3.15", f'echo "$@" >>used; exec {sys.executable} "$@"')
    os.utime(ready.root / STAMP, (0, 0))
    result = ready.checkout.make("-s", STAMP, env=ready.env)
    assert (result.returncode, result.stderr) == (0, "")
    assert "scripts/bootstrap.py" in (ready.root / "used").read_text("utf-8").splitlines()


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
    assert "Python 3.11 or newer is needed; tried: /nowhere/python3" in result.stderr


def test_a_folder_that_is_no_venv_is_left_alone(fresh: Fresh) -> None:
    precious = fresh.root / ".venv" / ".precious"
    precious.parent.mkdir()
    precious.touch()
    assert_refused(fresh.bootstrap(), "no virtual environment", "Move it away")
    assert list((fresh.root / ".venv").iterdir()) == [precious]


def test_a_venv_of_an_older_python_is_left_alone(fresh: Fresh) -> None:
    (fresh.root / ".venv/bin").mkdir(parents=True)
    fresh.script(".venv/bin/python", "echo 3.9")
    assert_refused(fresh.bootstrap(), ".venv has Python 3.9", "Move .venv away")
    assert list((fresh.root / ".venv").iterdir()) == [fresh.root / ".venv/bin"]


def test_those_who_waited_for_a_failure_share_it(ready_by_pip: Fresh) -> None:
    ready_by_pip.lock("parcel==9.9 --hash=sha256:" + "0" * 64 + "\n")
    makes = [start_and_hold(ready_by_pip), *(ready_by_pip.start() for _ in range(7))]
    said = []
    for make in makes[1:]:
        assert make.stdout is not None
        said.append(make.stdout.readline())
    assert set(said) == {"walkaway: waiting for another make that is making .venv\n"}
    (ready_by_pip.root / "go").touch()
    said = [make.communicate(timeout=BOUND_S)[0] for make in makes]
    assert [make.returncode for make in makes] == [2] * 8
    assert "".join(said).count("bringing .venv up to date") == 1
    for text in said:
        assert "cannot be installed" in text
        assert len(without_progress(text)) <= 6
