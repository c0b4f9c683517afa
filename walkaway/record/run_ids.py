"""Run ids, and selectors that name one.

An id is the UTC time to the second, then the fraction of the second as four hex digits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes

_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
_SECOND = "%Y%m%d-%H%M%S"
_TICKS = 0x10000
_SHOWN = 8


def is_id(name: str) -> bool:
    """Return whether a name has the form of a run id."""
    return _ID.fullmatch(name) is not None


def new_id(now_s: float, newest: str | None) -> str:
    """Return an id for wall-clock time ``now_s``, always above ``newest``: ids sort by start.

    If the clock was set back, it is the newest id plus one tick (1/65536 s).
    """
    second = int(now_s)
    tick = int((now_s - second) * _TICKS)
    fresh = _format(datetime.fromtimestamp(second, UTC), tick)
    if newest is None or fresh > newest:
        return fresh
    stamp, _, digits = newest.rpartition("-")
    tick = int(digits, 16) + 1
    moment = datetime.strptime(stamp, _SECOND).replace(tzinfo=UTC)
    return _format(moment + timedelta(seconds=tick // _TICKS), tick % _TICKS)


def select(selector: str, ids: Sequence[str]) -> str:
    """Return the one id that a selector matches: its four hex digits, or any unique part of it.

    Raises `WalkawayError` 66 when none matches, 64 when several do or the selector is empty.
    """
    part = selector.strip().lower().removeprefix("test-run-").removesuffix(".log")
    if not part:
        message = "--run is empty. Give `latest`, four hex digits, or a part of a run id."
        raise WalkawayError(message, exit_codes.WRONG_USE)
    exact = [i for i in ids if i == part or i.endswith("-" + part)]
    found = exact or [i for i in ids if part in i]
    if len(found) == 1:
        return found[0]
    if not found:
        message = f"No run {selector!r} here.\nList the runs: inv runs"
        raise WalkawayError(message, exit_codes.NO_SUCH_RUN)
    shown = ", ".join(sorted(found, reverse=True)[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    message = f"{selector!r} matches {len(found)} runs: {shown}{more}.\nGive more of the id."
    raise WalkawayError(message, exit_codes.WRONG_USE)


def _format(moment: datetime, tick: int) -> str:
    return f"{moment.strftime(_SECOND)}-{tick:04x}"
