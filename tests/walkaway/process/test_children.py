"""What a command finds when the supervisor starts it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from walkaway.process import children

TELLS = """
import os, signal, sys
print(os.getsid(0) == os.getpid(), os.getcwd(), sys.stdin.read() == "")
"""


def run(argv: list[str], folder: Path) -> str:
    """Run a command to its end; what it printed."""
    out = folder / "out"
    with out.open("wb") as file:
        pid = children.spawn(argv, dict(os.environ), str(folder), file.fileno())
    os.waitpid(pid, 0)
    return out.read_text()


def test_a_command_has_a_session_a_folder_and_no_input(tmp_path: Path) -> None:
    assert run([sys.executable, "-c", TELLS], tmp_path) == f"True {tmp_path} True\n"


def test_signals_that_python_ignores_end_a_command(tmp_path: Path) -> None:
    # Python itself ignores PIPE and XFSZ, and exec would hand that on. proc(5): a bit a signal.
    found = run(["grep", "SigIgn", "/proc/self/status"], tmp_path)
    ignored = int(found.split()[1], 16)
    assert not [s for s in (signal.SIGPIPE, signal.SIGXFSZ) if ignored & 1 << s - 1]


def test_a_command_that_cannot_be_executed_is_named(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file, pytest.raises(children.SpawnError, match="no-such"):
        children.spawn(["no-such-command"], {"PATH": "/bin"}, str(tmp_path), file.fileno())
