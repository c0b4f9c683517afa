"""Keys that identify a test in its requests' ids and in the indexes of logs. Pure.

The tests' process that makes a key and `inv log --test` that looks for it compute it independently.
"""

from __future__ import annotations

import hashlib
import struct

HEADER = "X-Request-Id"
ENTRY = struct.Struct("<8sQ")
"""An index entry: which test begins to log (`mark`), and at which byte of the log file."""


def prefix(run: str, nodeid: str) -> str:
    """Return the common prefix of a test's request ids, for all attempts."""
    data = f"{run}\0{nodeid}".encode(errors="surrogateescape")
    return f"wk-{hashlib.sha256(data).hexdigest()[:12]}-"


def key(run: str, nodeid: str, attempt: int) -> str:
    """Return the key of one attempt (from 1) of a test; `KEY.N` is its Nth request."""
    return f"{prefix(run, nodeid)}{attempt}"


def mark(nodeid: str) -> bytes:
    """Return the eight bytes that stand for a test in an index. They need not be unique."""
    return hashlib.sha256(nodeid.encode(errors="surrogateescape")).digest()[:8]
