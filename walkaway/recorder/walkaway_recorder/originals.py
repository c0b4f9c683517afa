"""The functions that the recorder calls, as they were before the first test ran.

A test may replace any of them, for good or for a while (mock, pyfakefs, freezegun), and pytest
tells us of its result in the middle of that. Builtins: every module of the recorder calls
`keep_builtins`. System calls: they hang on a class, as pyfakefs and freezegun replace what they
find in modules. Must not know what is recorded.
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
    """Give a module builtins that nobody replaces: its functions take them from its globals.

    To be called before the first `def`: a function keeps the builtins that it was made with.
    """
    module["__builtins__"] = _BUILTINS


class System:
    """System calls, and what else is called while tests run."""

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


#: Text → a JSON string: as UTF-8 text, and with all but ASCII escaped.
quoted, quoted_ascii = encode_basestring, encode_basestring_ascii
#: JSON text and the place after its first quote → the string, and where it ends.
unquoted = scanstring
