"""One folder per user and machine, for state that the runs of all checkouts share.

A folder that another user could have tampered with is refused. Light: the supervisor imports it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Mapping

OVERRIDE = "WALKAWAY_RUNTIME_DIR"
"""Environment variable that names another folder; our tests use it to stay isolated."""
NAME = "walkaway"
_SHARED = "/tmp"  # noqa: S108 - a folder found there is verified before use
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS_READ = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def path(environ: Mapping[str, str]) -> str:
    """Return the folder's path, whether or not it exists.

    `/run/user/UID` is tried even without XDG_RUNTIME_DIR: an agent's shell often lacks the
    variable and must still see the runs of a terminal that has it.
    """
    own = environ.get(OVERRIDE, "")
    if own:
        return os.path.abspath(own)
    for parent in (environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.getuid()}"):
        if os.path.isabs(parent) and _is_private(parent):
            return os.path.join(parent, NAME)
    return f"{_SHARED}/{NAME}-{os.getuid()}"


def open_folder(environ: Mapping[str, str]) -> int:
    """Open the folder, creating it if missing. The caller closes the descriptor.

    Raises `OSError` when it cannot be made, is not a folder (a symlink is not), belongs to another
    user, or is open to others.
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
