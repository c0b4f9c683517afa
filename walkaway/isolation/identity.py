"""Identity of a test process: its run and its worker. Databases, keys and rows are named after it.

Standard library and pytest only. Must not know what is named after it.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from dataclasses import dataclass

import pytest

SERIAL = "main"
"""Worker id of a pytest without workers. xdist's `worker_id` fixture says `master` there."""

_SAFE = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Identity:
    """`run` is unique to one pytest and the same in all its workers; both are `[a-z0-9]+`."""

    run: str
    worker: str

    @property
    def parallel(self) -> bool:
        """Whether this process is one of several workers of its run."""
        return self.worker != SERIAL


IDENTITY = pytest.StashKey[Identity]()


def of(config: pytest.Config) -> Identity:
    """Return the identity of this process. The first call creates it.

    A forked worker is a worker from its fork on, whatever its parent was called.
    """
    worker = getattr(config, "workerinput", None)
    found = config.stash.get(IDENTITY, None)
    if found is None or (worker is not None and not found.parallel):
        found = config.stash[IDENTITY] = _made(worker)
    return found


def _made(worker: dict[str, str] | None) -> Identity:
    if worker is None:
        seed = f"{os.getpid()} {time.time_ns()} {os.urandom(8).hex()}"
        return Identity(_short(seed), SERIAL)
    # xdist's id of the whole run: a UUID, the same in all its workers.
    return Identity(_short(worker["testrunuid"]), _SAFE.sub("", worker["workerid"].lower()))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]
