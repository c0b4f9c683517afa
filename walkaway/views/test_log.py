"""View of one test's log: its result first, then what the test and the services logged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from walkaway.model.log_lines import TEST, Line
from walkaway.model.run_view import RunView
from walkaway.model.test_log import LogOfTest
from walkaway.model.vocabulary import BAD, Result
from walkaway.text import Style, duration, many, middle, printable
from walkaway.views import messages, phrases
from walkaway.views.phrases import GAP
from walkaway.views.run_json import SCHEMA

_LOUD = frozenset({"ERROR", "CRITICAL", "FATAL"})
_LEVEL_COLUMNS = 8
_SOURCE_COLUMNS = 16
_LOGGER_COLUMNS = 40


def lines(look: RunView, story: LogOfTest, style: Style, most: int) -> list[str]:
    """Return a test's story with its last ``most`` lines."""
    left = max(0, len(story.lines) - most)
    shown = story.lines[left:]
    found = [_first(look, story, style), *_failures(story, style)]
    if left:
        again = _again(look, story, style, "--lines", str(len(story.lines)))
        found.append(f"+ {many(left, 'earlier line')}: {again}")
    width = max((len(_source(line)) for line in shown), default=0)
    for line in shown:
        found.append(_row(line, story, style, width))
        if line.trace:
            last = line.trace.rstrip().rpartition("\n")[2]
            found.append(f"  {style.dim('|')} {printable(last, max(60, style.width - 4))}")
    found += [f"not read: {printable(why)}" for why in story.unread]
    return [*found, _last(look, story, style)]


def as_json(look: RunView, story: LogOfTest) -> dict[str, Any]:
    """Return the complete story as an object."""
    return {
        "walkaway": SCHEMA,
        "id": look.run.id,
        "test": story.nodeid,
        "result": story.result or None,
        "flights": [
            {"since_s": f.since_s, "until_s": f.until_s, "result": f.result, "worker": f.worker}
            for f in story.flights
        ],
        "lines": [
            {name: getattr(line, name) for name in Line.__dataclass_fields__}
            for line in story.lines
        ],
        "failures": list(story.failures),
        "unread": list(story.unread),
        "files": list(story.files),
    }


def _first(look: RunView, story: LogOfTest, style: Style) -> str:
    word, reported = _standing(look, story), bool(story.result)
    shown = printable(word, 20).upper()
    if word in BAD:
        shown = style.bad(shown)
    elif word == Result.PASSED:
        shown = style.good(shown)
    name = middle(story.nodeid, max(40, style.width - 40)) if style.terminal else story.nodeid
    parts = [shown, look.run.short, printable(name)]
    if reported:
        parts.append(duration(story.took_s))
    if len(story.flights) > 1:
        parts.append(f"{len(story.flights)} times")
    return GAP.join([*parts, _counted(story)])


def _failures(story: LogOfTest, style: Style) -> Iterator[str]:
    """Yield the messages that have no traceback, within limits."""
    width = max(60, style.width - 2)
    for message in story.failures:
        yield style.bad(printable(message.strip().partition("\n")[0], width))
        rows, left = messages.rest(message, messages.LINES, width)
        yield from (f"  {row}" for row in rows)
        if left:
            yield f"  + {many(left, 'more line')}: --json has them all"


def _standing(look: RunView, story: LogOfTest) -> str:
    if story.result:
        return story.result
    if look.live:
        return "running" if story.flights else "waiting"
    return "no result"


def _counted(story: LogOfTest) -> str:
    if not story.lines:
        return "nothing logged"
    counts = Counter(_source(line) for line in story.lines)
    names = sorted(counts, key=lambda name: (name != TEST, name))
    parts = ", ".join(f"{name} {counts[name]:,}" for name in names)
    return f"{many(len(story.lines), 'line')}: {parts}"


def _source(line: Line) -> str:
    return printable(line.source, _SOURCE_COLUMNS)


def _row(line: Line, story: LogOfTest, style: Style, width: int) -> str:
    """Return `0.120 s  gateway  INFO  GET /api/v1/kb: 200  (3 ms)  #2`."""
    level = printable(line.level, _LEVEL_COLUMNS).ljust(len("WARNING"))
    if line.level in _LOUD:
        level = style.bad(level)
    elif line.level == "WARNING":
        level = style.warn(level)
    after = f"{line.at_s - story.since_s:.3f} s".rjust(len("12.345 s"))
    logger = f"{printable(line.logger, _LOGGER_COLUMNS)}: " if line.logger else ""
    tail = "".join(_tail(line))
    room = style.width - width - len(after) - len(level) - len(logger) - len(tail) - 3 * len(GAP)
    message = printable(line.message, max(40, room)) if style.terminal else printable(line.message)
    return GAP.join((after, _source(line).ljust(width), level, f"{logger}{message}{tail}")).rstrip()


def _tail(line: Line) -> Iterator[str]:
    if line.ms is not None:
        yield f"{GAP}({duration(line.ms / 1000)})"
    if line.phase in {"setup", "teardown"}:
        yield f"{GAP}in {line.phase}"
    if line.request_id:
        attempt, _, number = line.request_id.rpartition("-")[2].partition(".")
        yield printable(
            f"{GAP}#{number}" if attempt == "1" and number else f"{GAP}#{attempt}.{number}"
        )


def _again(look: RunView, story: LogOfTest, style: Style, *words: str) -> str:
    return phrases.run_command(style, look, "log", "--test", printable(story.nodeid), *words)


def _last(look: RunView, story: LogOfTest, style: Style) -> str:
    if story.result in BAD and story.traced:
        # `failures` shows what the test printed and where it failed.
        return phrases.following(style, phrases.run_command(style, look, "failures"))
    if look.live and not story.result:
        return phrases.following(style, _again(look, story, style))
    if story.lines:
        return phrases.following(style, _again(look, story, style, "--json"))
    return phrases.following(style, phrases.run_command(style, look, "log"))
