"""State files in `logs/tests/environments/`: what was last built and brought up.

They are only compared with what is there now. Deleting the folder costs time, not correctness.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.process import file_lock

FOLDER = Path("logs/tests/environments")
_STDOUT = 1


def folder(root: Path) -> Path:
    """Create the folder, with its own .gitignore. `WalkawayError` 73 when that fails."""
    path = root / FOLDER
    try:
        path.mkdir(parents=True, exist_ok=True)
        ignore = path / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="ascii")
    except OSError as error:
        message = (
            f"Cannot make the folder {path}: {error.strerror}.\n"
            "Fix it (owner, space, read-only mount), then try again."
        )
        raise WalkawayError(message, exit_codes.CANNOT_RECORD) from error
    return path


def read(root: Path, name: str) -> dict[str, Any]:
    """Return the contents of a state file; empty when it is missing or unreadable."""
    try:
        data = json.loads((root / FOLDER / name).read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def write(root: Path, name: str, data: object) -> None:
    """Replace a state file atomically. If that fails, the next look asks the engine instead."""
    path = folder(root) / name
    temporary = path.with_name(f".{name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(data, indent=1, default=str) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def forget(root: Path, name: str) -> None:
    """Delete a state file if it exists."""
    with contextlib.suppress(OSError):
        (root / FOLDER / name).unlink(missing_ok=True)


@contextlib.contextmanager
def alone(
    root: Path,
    name: str,
    wait_s: float,
    out: int | None = None,
    waiting: Callable[[], object] = lambda: None,
) -> Iterator[None]:
    """Hold a lock that only one process of a checkout can have at a time.

    ``out`` is the descriptor for the message that another process has it; None means our own
    stdout. ``waiting`` is called then, too. `WalkawayError` 69 when the wait exceeds ``wait_s``.
    """
    path = str(folder(root) / f"{name}.lock")
    what = name.partition("-")[0]
    if file_lock.probe(path) is file_lock.Hold.HELD:
        notice = f"another {what} of this checkout is running: waiting for it …\n"
        with contextlib.suppress(OSError):
            os.write(_STDOUT if out is None else out, notice.encode())
        waiting()
    try:
        with file_lock.exclusive(path, wait_s):
            yield
    except TimeoutError as error:
        message = (
            f"Another {what} of this checkout has not ended within {wait_s:.0f} s.\n"
            "See whether a run does it: inv runs"
        )
        raise WalkawayError(message, exit_codes.NOT_STARTABLE) from error
