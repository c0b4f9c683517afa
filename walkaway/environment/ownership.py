"""Give the user the files that a container wrote as root below `logs/tests`.

A service without `user:` writes as root there, and the user could neither rotate nor remove its
files. Only root can change that. Anyone who may use the engine can be root in a container: here one
from the same image, which sees nothing but that folder. Runs in a supervisor's child.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from walkaway.environment import engine
from walkaway.environment.project import LABEL_CHECKOUT, LABEL_RUN
from walkaway.errors import WalkawayError

FOLDER = Path("logs/tests")
_BOUND_S = 60.0
_MOST_ENTRIES = 50_000
_THERE = "/walkaway/logs"
_FIND = f'find {_THERE} -xdev -user 0 -exec chown -h "$1" {{}} +'
"""`-h` without `-L`: changes a link itself and never follows it."""
_CAPABILITIES = ("--cap-drop", "ALL", "--cap-add", "CHOWN", "--cap-add", "DAC_OVERRIDE")


def give_back(
    root: Path, run_id: str, image: str, owner: tuple[int, int], environ: Mapping[str, str]
) -> bool:
    """Give files owned by root there to ``owner`` (UID, GID). Return True when none is left."""
    folder = root / FOLDER
    if owner[0] == 0 or not _has_of_root(folder):
        return True
    name = f"walkaway-owner-{run_id}"
    words = (
        "docker", "run", "--rm", "--pull", "never", "--network", "none", "--read-only",
        *_CAPABILITIES, "--name", name, "--label", f"{LABEL_RUN}={run_id}",
        "--label", f"{LABEL_CHECKOUT}={root}", "--user", "0:0", "-v", f"{folder}:{_THERE}",
        "--entrypoint", "sh", image, "-c", _FIND, "sh", f"{owner[0]}:{owner[1]}",
    )  # fmt: skip
    try:
        engine.call(words, environ, _BOUND_S)
    except WalkawayError:
        with contextlib.suppress(WalkawayError):
            engine.call(("docker", "rm", "--force", name), environ, _BOUND_S)
    return not _has_of_root(folder)


def _has_of_root(folder: Path) -> bool:
    return any(uid == 0 for uid in _owners(str(folder)))


def _owners(folder: str) -> Iterator[int]:
    """Yield the owner of everything below a folder, of 50,000 entries at most."""
    queue, left = [folder], _MOST_ENTRIES
    while queue:
        try:
            with os.scandir(queue.pop()) as entries:
                for entry in entries:
                    yield entry.stat(follow_symlinks=False).st_uid
                    if entry.is_dir(follow_symlinks=False):
                        queue.append(entry.path)
                    left -= 1
                    if not left:
                        return
        except OSError:
            continue
