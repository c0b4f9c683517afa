"""A Docker engine that is a test's own: it may be stopped, killed, frozen and started again.

It lives in namespaces of its own (mounts, network, PIDs), which end with their first process: the
machine's engine, its docker0 and its /run are never touched, and nothing can be left running.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.engine import docker
from tests.walkaway.support.waiting import wait_for
from walkaway.environment import engine
from walkaway.process import proc_table

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = "walkaway-ci-small:latest"
"""In the second engine alone: the base image's Python without what no test needs."""
_PACKAGES = ("_pytest", "iniconfig", "packaging", "pluggy*", "py.py", "pygments", "pytest")
"""Pytest and all that it needs, lent by this Python: they are pure, so any Python reads them."""
_NEEDED = ("dockerd", "find", "ip", "nsenter", "setpriv", "unshare")
_AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")
_FIRST = ("set -e; mount -t tmpfs tmpfs /run; ip link set lo up; "
          "exec env --ignore-signal=CHLD sleep infinity")  # fmt: skip
"""With SIGCHLD ignored, as a namespace's first process, it leaves no zombie."""
_OMIT = ("./boot", "./dev", "./proc", "./sys", "./usr/share", "./var", "*/dist-packages",
         "*/gconv", "*/perl*", "__pycache__")  # fmt: skip
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class SecondEngine:
    """One dockerd, at most, in namespaces that outlive it. Give `environ` to whoever is to ask it.

    A dockerd that is killed leaves its containers running, as on any machine.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cgroup = folder.name
        self.environ = {"DOCKER_HOST": f"unix://{folder}/docker.sock"}
        self.packages = folder / "packages"
        """What a container mounts to have pytest."""
        self._lend_packages()
        folder.chmod(0o755)
        (folder / "daemon.json").write_text("{}\n", encoding="ascii")  # not the machine's own
        with (folder / "log").open("ab") as log:
            self._holder = subprocess.Popen(
                [*_AS_ROOT, "setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net",
                 "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
                 "sh", "-c", _FIRST],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._first = wait_for(lambda: _below(self._holder, "sleep infinity"), "the namespaces")
        self._daemon: subprocess.Popen[bytes] | None = None
        self._live_restore = False

    @property
    def answers(self) -> bool:
        return not engine.silent_because({**os.environ, **self.environ})

    def ready(self, *, live_restore: bool | None = None) -> None:
        """Have it running, with live-restore or without; None: as it was."""
        self.thaw()
        wanted = self._live_restore if live_restore is None else live_restore
        if self._daemon is not None and self._live_restore != wanted:
            self.stop()
        if self._daemon is None:
            self._live_restore = wanted
            self.start()

    def start(self) -> None:
        """Start dockerd as it was before, and wait until it answers."""
        assert self._daemon is None
        inside = ("nsenter", "-t", str(self._first), "--mount", "--net", "--pid")
        options = ["--config-file", str(self._folder / "daemon.json"),
                   "--host", self.environ["DOCKER_HOST"], "--group", str(os.getgid()),
                   "--data-root", str(self._folder / "data"),
                   "--bridge=none", "--iptables=false", "--ip6tables=false",
                   "--exec-opt", "native.cgroupdriver=cgroupfs",
                   "--cgroup-parent", f"/{self._cgroup}"]  # fmt: skip
        if self._live_restore:
            options.append("--live-restore")
        with (self._folder / "log").open("ab") as log:
            self._daemon = subprocess.Popen(
                [*_AS_ROOT, *inside, "dockerd", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        daemon = self._daemon
        wait_for(lambda: self.answers or daemon.poll() is not None, f"dockerd, {self._folder}/log")
        assert self.answers, (self._folder / "log").read_text(errors="replace")[-3000:]

    def stop(self) -> None:
        """Have dockerd end in order: without live-restore it stops its containers first."""
        self._end("TERM")

    def kill(self) -> None:
        """End dockerd at once; its containers go on."""
        self._end("KILL")

    def freeze(self) -> None:
        """Have dockerd hang: it takes connections and answers nothing. Its containers go on."""
        assert self._daemon is not None
        _signal("STOP", _below(self._daemon, "dockerd "))

    def thaw(self) -> None:
        """Let a frozen dockerd go on, and nsenter, which stops with it."""
        if self._daemon is None:
            return
        everyone = proc_table.everyone()
        below = proc_table.descendants(self._daemon.pid, everyone)
        mine = [self._daemon.pid, *(proc.pid for proc in below)]
        for pid in mine:
            _signal("CONT", pid)
        wait_for(lambda: not _stopped(mine), "the engine to go on")

    def at_work(self, word: str) -> int:
        """Count its containers' processes with this word in their command; asks no engine."""
        found = proc_table.descendants(self._first, proc_table.everyone())
        return sum(word in proc_table.command(proc.pid) for proc in found)

    def docker(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return docker(*words, environ={**os.environ, **self.environ}, check=check)

    def lend_image(self) -> None:
        """Give the engine the small image, straight from the machine's own engine."""
        base = os.environ.get("PYTHON_IMAGE", "python:3.11-slim")
        omitted = [f"--exclude={name}" for name in _OMIT]
        words = ["run", "--rm", "--network", "none", base, "tar", "-C", "/", "-c", *omitted, "."]
        with subprocess.Popen(["docker", *words], stdout=subprocess.PIPE) as packed:
            subprocess.run(
                ["docker", "import", "-c", f"ENV PATH={_PATH}", "-", IMAGE],
                env={**os.environ, **self.environ}, stdin=packed.stdout, check=True,
                capture_output=True, timeout=120,
            )  # fmt: skip
        assert packed.returncode == 0

    def _lend_packages(self) -> None:
        site = Path(sysconfig.get_path("purelib"))
        self.packages.mkdir()
        for path in (path for name in _PACKAGES for path in site.glob(name)):
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, self.packages / path.name)

    def remove(self) -> None:
        """End everything in the namespaces, and remove what it had on disk."""
        self.thaw()
        _signal("KILL", self._first)
        for process in (self._holder, self._daemon):
            if process is not None:
                process.wait(timeout=30)
        groups = [path for pattern in (self._cgroup, f"*/{self._cgroup}")
                  for path in Path("/sys/fs/cgroup").glob(pattern)]  # fmt: skip
        for path in groups:
            _root("find", str(path), "-depth", "-type", "d", "-exec", "rmdir", "{}", ";")
        _root("rm", "-rf", "--one-file-system", str(self._folder))
        left = [str(path) for path in (*groups, self._folder) if path.exists()]
        assert not left, f"left behind: {left}"

    def _end(self, name: str) -> None:
        daemon, self._daemon = self._daemon, None
        assert daemon is not None
        containerd = _below(daemon, "containerd ")
        start = proc_table.start_ticks(containerd)
        _signal(name, _below(daemon, "dockerd "))
        daemon.wait(timeout=60)
        # It ends with its dockerd, a moment later: the next one could not use it any more.
        wait_for(lambda: not proc_table.alive(containerd, start), "the end of containerd")


def missing() -> str:
    """Return why no second engine can be had here; empty when it can."""
    found = [name for name in _NEEDED if shutil.which(name) is None]
    if found:
        return f"there is no {found[0]}"
    with contextlib.suppress(OSError):
        if subprocess.run([*_AS_ROOT, "true"], capture_output=True, check=False).returncode == 0:
            return ""
    return "only root can start an engine"


@pytest.fixture(scope="session")
def second_engine() -> Iterator[SecondEngine]:
    """A second engine with the small image, running; one for each worker of a session."""
    why = missing()
    if why:
        pytest.skip(why)
    # A socket's path has a hundred letters at most, and pytest's own folders may be deep.
    made = SecondEngine(Path(tempfile.mkdtemp(prefix="walkaway-engine-")))
    try:
        made.start()
        made.lend_image()
        yield made
    finally:
        made.remove()


def _below(process: subprocess.Popen[bytes], begin: str) -> int:
    """Return the PID of the process below this one whose command begins so; 0 when there is none.

    It may be the very process: without sudo each replaces the one before it.
    """
    everyone = proc_table.everyone()
    pids = [process.pid, *(proc.pid for proc in proc_table.descendants(process.pid, everyone))]
    return next((pid for pid in pids if proc_table.command(pid).startswith(begin)), 0)


def _stopped(pids: list[int]) -> bool:
    """Tell whether one of them is stopped; that one is told again to go on."""
    everyone = proc_table.everyone()
    stopped = [pid for pid in pids if pid in everyone and everyone[pid].state == "T"]
    for pid in stopped:
        _signal("CONT", pid)
    return bool(stopped)


def _signal(name: str, pid: int) -> None:
    assert pid > 1
    _root("kill", "-s", name, str(pid))


def _root(*words: str) -> None:
    subprocess.run([*_AS_ROOT, *words], check=False, capture_output=True)
