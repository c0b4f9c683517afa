"""One folder per user and machine, for what the runs of all checkouts share.

Only one that nobody else can have had a hand in is used. Light: the supervisor imports it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Mapping

OVERRIDE = "WALKAWAY_RUNTIME_DIR"
"""Names another folder; our tests use it to be apart from each other."""
NAME = "walkaway"
_SHARED = "/tmp"  # noqa: S108 - what lies there under our name is verified before it is used
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS_READ = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def path(environ: Mapping[str, str]) -> str:
    """Return where the folder is, or would be.

    `/run/user/UID` is looked at without XDG_RUNTIME_DIR, too: an agent's shell often lacks the
    variable, and must meet the runs of a terminal that has it.
    """
    own = environ.get(OVERRIDE, "")
    if own:
        return os.path.abspath(own)
    for parent in (environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.getuid()}"):
        if os.path.isabs(parent) and _is_private(parent):
            return os.path.join(parent, NAME)
    return f"{_SHARED}/{NAME}-{os.getuid()}"


def open_folder(environ: Mapping[str, str]) -> int:
    """Open the folder, made when it is not there. The caller closes the descriptor.

    `OSError` when it cannot be made, is no folder (a symlink is none), or is not ours alone.
    """
    where = path(environ)
    with contextlib.suppress(FileExistsError):
        os.mkdir(where, 0o700)
    fd = os.open(where, _FLAGS)
    found = os.fstat(fd)
    if found.st_uid == os.getuid() and not found.st_mode & _OTHERS_READ:
        return fd
    os.close(fd)
    why = (
        "belongs to another user"
        if found.st_uid != os.getuid()
        else f"is open to others (chmod 700, or name another in {OVERRIDE})"
    )
    raise PermissionError(errno.EPERM, why, where)


def _is_private(folder: str) -> bool:
    try:
        found = os.stat(folder)
    except OSError:
        return False
    mine = found.st_uid == os.getuid() and stat.S_ISDIR(found.st_mode)
    return mine and not found.st_mode & _OTHERS_WRITE
