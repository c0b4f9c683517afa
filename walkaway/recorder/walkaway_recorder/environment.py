"""What the supervisor tells the recorder: read at load, wiped before the first test.

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

#: The folder that stands on PYTHONPATH for us: the one that holds this package.
FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Given(NamedTuple):
    """The supervisor's wishes for one pass of pytest."""

    record: str
    #: Zero of all times, in seconds on CLOCK_BOOTTIME.
    epoch: float
    #: 1 for the first pass of a run.
    pass_no: int
    #: File of node ids to keep, or None for all.
    select: str | None
    #: Seed of a random order of the tests, or None for the order of collection.
    order: str | None = None


def take(environ: MutableMapping[str, str]) -> Given | None:
    """Read our variables. None when no record was asked for; then no trace of us is left.

    They stay until `wipe`: a conftest may start this pytest anew in its place (os.execv with
    sys.argv, for another hash seed or a preloaded library), and `-p walkaway_recorder` is in it.
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

    A pytest that a test starts must find nothing of ours, else it would write
    into this run's record or fail to import the plugin.
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
