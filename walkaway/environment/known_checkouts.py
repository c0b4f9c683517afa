"""Record which checkouts of this user had environments: the paths behind the hashes in names.

Networks, volumes and images do not say whose they are. An entry cannot lie, because its path must
hash to its name. Losing the folder only means that leftovers without a container are not removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from walkaway.environment.project import path_hash

_MOST_BYTES = 64 * 1024


def folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the entries. It survives a reboot, as containers and images do."""
    state = Path(environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():
        state = Path(environ.get("HOME") or "~", ".local/state").expanduser()
    return state / "walkaway" / "checkouts"


def remember(root: Path, environ: Mapping[str, str]) -> None:
    """Record a checkout that may have an environment. Ignores errors."""
    real = os.path.realpath(root)
    path = folder(environ) / path_hash(real)
    entry = json.dumps({"path": real, "host": platform.node()})
    with contextlib.suppress(OSError):
        if path.is_file() and path.read_text(encoding="ascii") == entry:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(entry, encoding="ascii")
        temporary.replace(path)


def forget(checkout: str, environ: Mapping[str, str]) -> None:
    """Delete the entry of a checkout that has left nothing."""
    with contextlib.suppress(OSError):
        (folder(environ) / checkout).unlink(missing_ok=True)


def known(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the paths of the checkouts recorded on this host, by hash."""
    found = {}
    try:
        entries = list(folder(environ).iterdir())
    except OSError:
        return {}
    for path in entries:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            with path.open("rb") as file:
                entry = json.loads(file.read(_MOST_BYTES))
            if entry["host"] == platform.node() and path_hash(entry["path"]) == path.name:
                found[path.name] = str(entry["path"])
    return found
