"""A folder of plugins that rerun tests, installed once a lock, apart from every environment."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

LOCK = Path(__file__).with_name("rerun_plugins.txt")
_LIMIT_S = 300


def folder() -> Path:
    """Return the folder; install it if no session before has done so.

    Without an index, and with nothing in uv's cache, the test is skipped; in CI it fails.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256(LOCK.read_bytes() + version.encode()).hexdigest()[:12]
    made = Path(tempfile.gettempdir()) / f"walkaway-rerun-plugins-{os.getuid()}-{key}"
    if not made.is_dir():
        _install(made)
    return made


def _install(made: Path) -> None:
    """Install into a folder beside, then rename: several sessions may begin at once."""
    beside = sys.executable.rpartition("/")[0]
    uv = shutil.which("uv") or shutil.which("uv", path=beside)
    assert uv, "this test installs plugins with uv: see requirements-dev.in"
    fresh = Path(tempfile.mkdtemp(prefix=f"{made.name}-"))
    wanted = ("--no-deps", "--require-hashes", "--target", fresh, "-r", LOCK)
    done = subprocess.run(
        [uv, "pip", "install", "-q", "--python", sys.executable, *wanted],
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(fresh)
        message = f"the plugins cannot be installed: {done.stderr.strip()[-300:]}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    try:
        fresh.rename(made)
    except OSError:  # another session was faster
        shutil.rmtree(fresh)
