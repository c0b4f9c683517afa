"""The supervisor's variables for the recorder: read at load, wiped before the first test.

Knows the names of the variables; must not know what is done with them.
"""

from __future__ import annotations

import os
from typing import MutableMapping, NamedTuple

from walkaway_recorder.originals import keep_builtins

keep_builtins(globals())

RECORD = "WALKAWAY_RECORD"
EPOCH = "WALKAWAY_EPOCH"
NUMBER = "WALKAWAY_PASS"
SELECT = "WALKAWAY_SELECT"
ORDER = "WALKAWAY_ORDER"

#: The folder on PYTHONPATH that holds this package.
FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Given(NamedTuple):
    """The supervisor's settings for one pass of pytest."""

    record: str
    #: The zero of all times, in seconds on CLOCK_BOOTTIME.
    epoch: float
    #: 1 for the first pass of a run.
    pass_no: int
    #: A file of node ids to keep, or None for all.
    select: str | None
    #: The seed of a random test order, or None for the order of collection.
    order: str | None = None


def take(environ: MutableMapping[str, str]) -> Given | None:
    """Read our variables. Returns None, and wipes them, when no record was asked for.

    Otherwise they stay until `wipe`: a conftest may replace this pytest by a new one (os.execv with
    sys.argv, for another hash seed or a preloaded library), whose argv loads the recorder again.
    """
    record = environ.get(RECORD, "")
    if not record:
        wipe(environ)
        return None
    number = max(1, int(_number(environ.get(NUMBER, ""))))
    select, order = environ.get(SELECT) or None, environ.get(ORDER) or None
    return Given(record, _number(environ.get(EPOCH, "")), number, select, order)


def wipe(environ: MutableMapping[str, str]) -> None:
    """Remove every trace of us from `environ`, before the first test.

    Otherwise a pytest that a test starts would write into this run's record or fail to
    import the plugin.
    """
    for name in (RECORD, EPOCH, NUMBER, SELECT, ORDER):
        environ.pop(name, None)
    _leave_pythonpath(environ)


def _leave_pythonpath(environ: MutableMapping[str, str]) -> None:
    before = environ.get("PYTHONPATH")
    if before is None:
        return
    entries = before.split(os.pathsep)
    kept = [entry for entry in entries if not entry or os.path.abspath(entry) != FOLDER]
    if len(kept) == len(entries):
        return
    if any(kept):
        environ["PYTHONPATH"] = os.pathsep.join(kept)
    else:
        del environ["PYTHONPATH"]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
