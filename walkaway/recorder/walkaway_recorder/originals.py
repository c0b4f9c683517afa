"""The original functions that the recorder calls, as they were before the first test ran.

A test may replace any of them, permanently or for a while (mock, pyfakefs, freezegun), and pytest
may report its result while they are replaced. For builtins, every module of the recorder calls
`keep_builtins`. System calls are attributes of a class, because pyfakefs and freezegun replace what
they find in modules. Must not know what is recorded.
"""

from __future__ import annotations

import builtins
import fcntl
import os
import resource
import struct
import time
from json.decoder import scanstring  # type: ignore[attr-defined]  # unknown to its stubs
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

_BUILTINS = dict(vars(builtins))


def keep_builtins(module: dict[str, Any]) -> None:
    """Give a module its own copy of the builtins, which its functions then use.

    Call it before the first `def`: a function keeps the builtins that it was created with.
    """
    module["__builtins__"] = _BUILTINS


class System:
    """The original system calls and other functions that are called while tests run."""

    close = os.close
    flock = fcntl.flock
    fcntl = fcntl.fcntl
    fstat = os.fstat
    ftruncate = os.ftruncate
    getpid = os.getpid
    getrlimit = resource.getrlimit
    lseek = os.lseek
    open = os.open
    pack = struct.pack
    pread = os.pread
    setrlimit = resource.setrlimit
    sleep = time.sleep
    unlink = os.unlink
    write = os.write


#: Text → a JSON string: as text, and with all non-ASCII characters escaped.
quoted, quoted_ascii = encode_basestring, encode_basestring_ascii
#: (JSON text, the position after its first quote) → (the string, where it ends).
unquoted = scanstring
