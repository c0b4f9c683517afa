"""`log`: the last lines of what pytest printed, and with --follow all that comes until the end.

With --test what was logged during one test: by itself, and by the services for its requests.
"""

from __future__ import annotations

import functools
import time
from pathlib import Path

from invoke.context import Context

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.model.run_view import RunView
from walkaway.record import reader
from walkaway.record.store import Record
from walkaway.runs import status, test_log
from walkaway.tasks import invoke_adapter, last_start
from walkaway.tasks.invoke_adapter import JSON_HELP, RUN_HELP, Here, complain, say, say_json
from walkaway.text import printable
from walkaway.views import ctrl_c, run_json
from walkaway.views import test_log as story_view

_POLL_S = 0.2
_LOOK_S = 1.0
_BLOCK_BYTES = 1 << 16
_LONGEST_LINE_BYTES = 1 << 20


@invoke_adapter.task(
    name="log",
    aliases=("logs",),
    flags={
        "run": RUN_HELP,
        "test": "show what this test and its services logged: a node id, or part of one",
        "lines": "how many lines from the end",
        "follow": "keep printing until the run ends; Ctrl-C leaves the run alone",
        "json": JSON_HELP,
    },
)
def log(
    c: Context,
    run: str | None = None,
    test: str | None = None,
    lines: str = "40",
    follow: bool = False,
    json: bool = False,
) -> None:
    """Show the last lines of what pytest printed."""
    here = invoke_adapter.here(c)
    most = invoke_adapter.whole(lines, "lines")
    if follow and json:
        message = "--follow and --json exclude each other: --json prints one object."
        raise WalkawayError(message, exit_codes.WRONG_USE)
    if follow and test is not None:
        message = "--follow and --test exclude each other: run --test again to see more."
        raise WalkawayError(message, exit_codes.WRONG_USE)
    shape = run_json.no_record_of("log", "lines")
    if last_start.answered(here, run, "log", json=json, shape=shape):
        return
    record = here.record(run)
    if test is not None:
        _tell_test(here, record, test, most, json=json)
        return
    log = record.log
    if not log.exists():
        name = record.run().short
        message = f"The log of run {name} is gone: {log}\nIts results: inv results --run {name}"
        raise WalkawayError(message, exit_codes.NO_SUCH_RUN)
    end = log.stat().st_size
    last = reader.log_lines(log, most)
    if json:
        say_json(run_json.log(record.id, str(log), last))
    elif follow:
        watched = record.run()
        try:
            say(printable(line) for line in last)
            _follow(here, record, Tail(log, end))
        except KeyboardInterrupt:
            # The terminal has shown `^C` where the cursor stood.
            mark = "\n" if here.attended else ""
            complain(mark + ctrl_c.follows_no_more(watched, here.style))
            raise
    elif last or not most:
        say(printable(line) for line in last)
    else:
        say([f"run {record.run().short} has printed nothing so far"])


def _tell_test(here: Here, record: Record, test: str, most: int, *, json: bool) -> None:
    look = status.look(here.records, record)
    live = functools.partial(_containers, look) if look.live else None
    found = test_log.read(record, test, look.elapsed_s, live)
    if json:
        say_json(story_view.as_json(look, found))
    else:
        say(story_view.lines(look, found, here.style, most))


def _containers(look: RunView, since: float, until: float) -> str:
    from walkaway.backends import service_logs

    return service_logs.logged_between(look.run, Path(look.record), since, until)


class Tail:
    """What is appended to a log after a position, in whole lines."""

    def __init__(self, path: Path, position: int) -> None:
        self._path = path
        self._position = position
        self._rest = b""

    def read(self, *, last: bool = False) -> list[str]:
        """Return at most a block's new lines; a line without its end only with ``last``.

        A log that is not there has no new lines: the supervisor may be about to restore it.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                data = file.read(_BLOCK_BYTES)
        except OSError:
            data = b""
        self._position += len(data)
        text = self._rest + data.replace(b"\0", b"")
        cut = len(text) if last or len(text) > _LONGEST_LINE_BYTES else text.rfind(b"\n") + 1
        self._rest = text[cut:]
        return text[:cut].decode("utf-8", "replace").splitlines()

    @property
    def behind(self) -> bool:
        """Whether there is more to read."""
        try:
            return self._path.stat().st_size > self._position
        except OSError:
            return False


def _follow(here: Here, record: Record, tail: Tail) -> None:
    live, looked = True, float("-inf")
    while live or tail.behind:
        if time.monotonic() - looked > _LOOK_S or record.path("outcome.json").exists():
            # The look comes before the read: what a run printed until its end is shown.
            live, looked = _lives(here, record), time.monotonic()
        say(printable(line) for line in tail.read())
        if live and not tail.behind:
            time.sleep(_POLL_S)
    say(printable(line) for line in tail.read(last=True))


def _lives(here: Here, record: Record) -> bool:
    try:
        return status.look(here.records, record).live
    except WalkawayError:
        return False  # the record was deleted: there is nothing to follow
