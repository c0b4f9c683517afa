"""Pick the log lines that say why pytest ended as it did. For display: no verdict uses them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from walkaway.model.vocabulary import Outcome

LINES_READ = 60
"""How many of the log's last lines are examined."""
MOST = 8
_LINE_CHARS = 160
_TOLD = frozenset({
    Outcome.NOT_STARTED, Outcome.USAGE_ERROR, Outcome.INTERNAL_ERROR, Outcome.NO_TESTS,
})  # fmt: skip
_ESCAPES = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
_USAGE = "ERROR: usage:"
_ARGPARSE = re.compile(r"\S.*?: error: ")
_RESULT = "PASSED|FAILED|SKIPPED|XFAIL|XPASS|ERROR|RERUN"
_TEST_LINE = re.compile(rf"\S*::.* (?:{_RESULT})\b|(?:\[gw\d+\] .*)?(?:{_RESULT}) .*::")
_PERCENT = re.compile(r"^.*\[ *\d+%\]")
_OWN = re.compile(r"(=+ .*=+|=+|-- Docs: .*)$")
"""pytest's separator bars, and the hint below its list of warnings."""


def of(outcome: Outcome, lines: Sequence[str], *, explained: bool = True) -> list[str]:
    """Return which of a log's last lines to show: the error first, or what a plugin printed.

    ``explained``: the verdict itself says why the run failed; then nothing is shown.
    """
    if outcome is Outcome.USAGE_ERROR:
        return _error_first([row for row in lines if row.strip()])
    if outcome is Outcome.FAILED and not explained:
        return _after_the_tests(lines)
    return list(lines[-MOST:]) if outcome in _TOLD else []


def quoted(lines: Sequence[str]) -> str:
    """Return ` ("the last line")`, or an empty string."""
    last = next((row.strip(" !") for row in reversed(lines) if row.strip(" !")), "")
    return f' ("{last[:_LINE_CHARS]}")' if last else ""


def _error_first(lines: list[str]) -> list[str]:
    plain = [_ESCAPES.sub("", row) for row in lines]
    at = next((i for i, row in enumerate(plain) if row.startswith("ERROR: ")), None)
    if at is None:  # a conftest that could not be imported: show its traceback
        return lines[-MOST:]
    rows = lines[at:]
    if plain[at].startswith(_USAGE):
        mistakes = [i for i, row in enumerate(plain) if i > at and _ARGPARSE.match(row)]
        rows = [lines[i] for i in mistakes] + [
            lines[i] for i in range(at + 1, len(lines)) if i not in mistakes
        ]
    return rows[:MOST]


def _after_the_tests(lines: Sequence[str]) -> list[str]:
    """Return what was printed after the last test's line, without pytest's usual lines."""
    found: list[str] = []
    for line in lines:
        row = _ESCAPES.sub("", line)
        if _TEST_LINE.match(row):
            found = []
            # pytest ends this line only after the plugins' hooks, so their output follows on it.
            row = _PERCENT.sub("", row) if _PERCENT.match(row) else ""
        if row.strip() and not _OWN.match(row.strip()):
            found.append(row)
    return found[-MOST:]
