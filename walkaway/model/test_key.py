"""What stands for a test in its requests' ids and in the indexes of logs. Pure.

Who makes a key (inside the tests) and who looks for it (`inv log --test`) come to the same without
a word between them.
"""

from __future__ import annotations

import hashlib
import struct

HEADER = "X-Request-Id"
ENTRY = struct.Struct("<8sQ")
"""An index's entry: which test begins to log (`mark`), and at which byte of the lines."""


def prefix(run: str, nodeid: str) -> str:
    """Return what the ids of all requests of a test begin with, whatever the attempt."""
    said = f"{run}\0{nodeid}".encode(errors="surrogateescape")
    return f"wk-{hashlib.sha256(said).hexdigest()[:12]}-"


def key(run: str, nodeid: str, attempt: int) -> str:
    """Return the key of one attempt (from 1) at a test; `KEY.N` is its Nth request."""
    return f"{prefix(run, nodeid)}{attempt}"


def mark(nodeid: str) -> bytes:
    """Return the eight bytes that stand for a test in an index; another test may have them, too."""
    return hashlib.sha256(nodeid.encode(errors="surrogateescape")).digest()[:8]
