"""View of a verdict: the outcome in plain words, what it rests on, then what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from walkaway.model.causes import Cause
from walkaway.model.run import Run
from walkaway.model.run_view import Counts, Ended, RunView
from walkaway.model.vocabulary import Outcome
from walkaway.text import Style, duration, many, middle, printable
from walkaway.views import phrases, stuck_tests
from walkaway.views.phrases import GAP

_NAMED = 5
_CAUSES = 3
_SAID = 8
_SAID_OF_NO_TESTS = 2
"""`47 deselected` is enough; the lines before it only name plugins."""
_NOTES = 6
_EDITED = 3
_BECAUSE_COLUMNS = 200

_SAYS = {
    Outcome.INTERRUPTED: "interrupted",
    Outcome.INTERNAL_ERROR: "pytest itself broke",
    Outcome.CRASHED: "pytest crashed",
    Outcome.KILLED: "killed from outside",
    Outcome.OUT_OF_MEMORY: "killed because memory ran out",
    Outcome.TIMED_OUT: "ended at its deadline",
    Outcome.STALLED: "ended because it stalled",
    Outcome.OUTPUT_LIMIT: "ended because it printed too much",
    Outcome.DISK_FULL: "ended because it filled the disk",
    Outcome.STOPPED: "stopped on request",
}
"""Outcomes followed by `after 42 s, 45 of 120 tests reported`."""
_PLAIN = {
    Outcome.USAGE_ERROR: "pytest refused its arguments or configuration",
    Outcome.NO_TESTS: "no test was collected or selected",
    Outcome.NOT_STARTED: "pytest never started",
    Outcome.VANISHED: "nothing is left that shows how it ended",
}
_ALONE = {"failed": "failed", "error": "errored", "crashed": "crashed"}
_SUCCESS = frozenset({Outcome.PASSED, Outcome.NOTHING_RUN})
_LOG_TELLS = frozenset({
    Outcome.NOT_STARTED, Outcome.USAGE_ERROR, Outcome.INTERNAL_ERROR, Outcome.VANISHED,
    Outcome.CRASHED, Outcome.KILLED, Outcome.OUT_OF_MEMORY, Outcome.OUTPUT_LIMIT, Outcome.NO_TESTS,
})  # fmt: skip


def lines(look: RunView, style: Style, causes: Sequence[Cause] = ()) -> list[str]:
    """Return the verdict of a finished run. The first line alone answers the question.

    A run that passed takes one line, unless there is a note.
    """
    ended = look.ended
    if ended is None:
        return [phrases.who(look, style) + GAP + "not ended"]
    refused = ended.outcome is Outcome.USAGE_ERROR  # pytest's own words explain it all
    return [
        _first(look, ended, style),
        *(_printed(ended, style) if refused else ()),
        *_basis(ended, style),
        *_tests(look.run, ended, style),
        *[f"{style.warn('note:')} {printable(note, 300)}" for note in ended.notes[:_NOTES]],
        *_edited(look, style),
        *(() if refused else _printed(ended, style)),
        *_causes(causes, style),
        *_next(look, ended, style),
    ]


def _first(look: RunView, ended: Ended, style: Style) -> str:
    parts = [phrases.who(look, style), sentence(look, ended, style)]
    if ended.code:
        parts.append(f"exit {ended.code}")
    if look.since_end is not None:
        parts.append(phrases.since_end(look, style))
    return GAP.join(parts)


def sentence(  # noqa: PLR0911 - one return per outcome
    look: RunView, ended: Ended, style: Style
) -> str:
    """Return in a few words what the outcome means for this run's tests."""
    counts, took = look.counts, duration(look.elapsed_s)
    if ended.outcome in _SAYS:
        return f"{_SAYS[ended.outcome]} after {took}, {_reported(counts, style)}"
    if ended.outcome in _PLAIN:
        text = _PLAIN[ended.outcome]
        return f"{text}, {_reported(counts, style)}" if counts.done else text
    if ended.outcome is Outcome.NOTHING_RUN:
        if look.run.compose and look.run.compose.only_build:
            return f"{ended.rests_on} in {took}"
        return f"{many(counts.expected, 'test')} listed, none to be run"
    if ended.outcome is Outcome.COLLECTION_ERROR:
        rest = _reported(counts, style) if counts.done else "no test was run"
        return f"{many(counts.collection_errors, 'collection error')}, {rest}"
    found = phrases.counted(counts, style)
    if ended.outcome is Outcome.INCOMPLETE:
        n = ended.lost or max(0, counts.expected - counts.done)
        lost = f"{n:,} of {many(counts.expected, 'test')} never reported"
        return f"{lost}{', ' + found if found else ''} in {took}"
    text = found or "nothing failed"
    if ended.outcome is Outcome.FAILED:
        text = _failed(counts, ended, found)
    return f"{text} in {took}"


def _failed(counts: Counts, ended: Ended, found: str) -> str:
    """Return what failed: the tests, and whatever else decided the outcome."""
    because = printable(ended.because, _BECAUSE_COLUMNS)
    if because and not phrases.failed(counts):
        return f"{because}, {found}" if found else because
    tests = _failed_tests(counts)
    return f"{tests}, {because}" if because else tests


def _failed_tests(counts: Counts) -> str:
    names = ("failed", "error", "crashed", "subfailed")
    found = {name: counts.by_result[name] for name in names if counts.by_result.get(name)}
    if counts.collection_errors:
        found["collection error"] = counts.collection_errors
    of = f"of {counts.expected:,}"
    if len(found) == 1 and next(iter(found)) in _ALONE:
        ((name, n),) = found.items()
        return f"{n:,} {of} {_ALONE[name]}"
    words = {
        "error": "error",
        "subfailed": "failed subtest",
        "collection error": "collection error",
    }
    parts = [many(n, words[k]) if k in words else f"{n:,} {k}" for k, n in found.items()]
    return f"{', '.join(parts)} {of}" if parts else f"{counts.done:,} {of} reported, none failed"


def _reported(counts: Counts, style: Style) -> str:
    if not counts.expected and not counts.done:
        return "before any test was collected"
    found = phrases.counted(counts, style)
    text = f"{counts.done:,} of {many(counts.expected, 'test')} reported"
    return f"{text}: {found}" if found else text


def _basis(ended: Ended, style: Style) -> Iterator[str]:
    if ended.outcome not in _SUCCESS or not ended.supervised:
        yield f"{style.dim('rests on:')} {printable(ended.rests_on, 300)}"


def _tests(run: Run, ended: Ended, style: Style) -> Iterator[str]:
    """Yield the tests whose own result is missing or not to be trusted."""
    flying = ended.outcome in {Outcome.KILLED, Outcome.OUT_OF_MEMORY}
    for title, count, names in (
        ("in flight" if flying else "crashed in", len(ended.crashed), ended.crashed),
        ("lost", ended.lost, ended.lost_ids),
        ("passed only on a rerun", len(ended.flaky), ended.flaky),
    ):
        if not count:
            continue
        shown = phrases.ids(names, style, _NAMED, left=count - len(names))
        if len(shown) == 1:
            yield f"{style.bad(title + ':')} {shown[0]}"
        else:
            yield style.bad(f"{title}:")
            yield from (f"  {row}" for row in shown)
    yield from stuck_tests.lines(run, ended.stuck, style)
    if ended.outcome is not Outcome.NOTHING_RUN:
        yield from _not_run(ended)


def _not_run(ended: Ended) -> Iterator[str]:
    why = f" ({printable(ended.stopping, 100)})" if ended.stopping else ""
    if ended.not_run > ended.may_have_run:
        yield f"not run: {many(ended.not_run - ended.may_have_run, 'test')}{why}"
    if ended.may_have_run:
        yield f"no result: {many(ended.may_have_run, 'test')} that may have run{why}"


def _printed(ended: Ended, style: Style) -> list[str]:
    return [f"{style.dim('|')} {printable(row, style.width - 2)}" for row in _log_lines(ended)]


def _log_lines(ended: Ended) -> list[str]:
    most = _SAID_OF_NO_TESTS if ended.outcome is Outcome.NO_TESTS else _SAID
    rows = [row for row in ended.said if row.strip()]
    return rows[:most] if ended.outcome is Outcome.USAGE_ERROR else rows[-most:]


def _edited(look: RunView, style: Style) -> Iterator[str]:
    tree, since = look.tree, look.since_end
    if tree.nchanged:
        names = _paths(tree.changed, tree.nchanged)
        files = many(tree.nchanged, "file") + (f": {names}" if names else "")
        yield f"{style.warn('edited during the run:')} {files}"
    if since is not None and since.changed:
        n = since.nchanged or len(since.changed)
        yield f"{style.warn('changed since:')} {_paths(since.changed, n)}"


def _paths(paths: Sequence[str], n: int) -> str:
    """Return the first of ``n`` paths; empty when none is known."""
    names = ", ".join(printable(path, 60) for path in paths[:_EDITED])
    return names + (f", + {n - _EDITED:,} more" if n > _EDITED and names else "")


def _causes(causes: Sequence[Cause], style: Style) -> Iterator[str]:
    for cause in causes[:_CAUSES]:
        yield cause_line(cause, style)
    if len(causes) > _CAUSES:
        yield f"+ {many(len(causes) - _CAUSES, 'more cause')}"


def cause_line(cause: Cause, style: Style, width: int = 0) -> str:
    """Return a cause as one line: `#1 38x OperationalError: refused  at app/db.py:41 in connect`.

    ``width`` limits type and message only; 0 means the style's width.
    """
    line = message(cause, width or max(40, style.width - 20))
    at = f"{GAP}{style.dim('at')} {middle(cause.at, 80)}" if cause.at else ""
    return f"{style.bold(f'#{cause.number} {cause.count:,}x')} {style.bad(line)}{at}"


def message(cause: Cause, width: int) -> str:
    """Return a cause's type and message: `TypeError: no such thing`."""
    return error_line(cause.type, cause.message, width)


def error_line(kind: str, text: str, width: int) -> str:
    """Return an exception type and the first line of its message as one line."""
    first = text.strip().partition("\n")[0]
    # An assertion's message begins with `assert`, which is clear without the type.
    bare = kind == "AssertionError" and first.startswith("assert ")
    parts = [part for part in ("" if bare else kind, first) if part]
    return printable(": ".join(parts) or "failed without a message", width)


def _next(look: RunView, ended: Ended, style: Style) -> Iterator[str]:
    if ended.outcome in _SUCCESS and not phrases.forgiven(look):
        return
    commands = []
    if look.counts.bad or look.counts.by_result.get("subfailed"):
        commands.append(phrases.run_command(style, look, "failures"))
    if ended.lost:
        commands.append(phrases.run_command(style, look, "results", "--result", "lost"))
    if ended.not_run and not commands:
        words = ["not-run"] if ended.not_run > ended.may_have_run else []
        words += ["no-result"] if ended.may_have_run else []
        commands.append(phrases.run_command(style, look, "results", "--result", ",".join(words)))
    if ended.not_run or ended.lost:
        commands.append(style.command("test-async", "--rerun", f"{look.run.short}:not-run"))
    log = ended.outcome in _LOG_TELLS and not look.counts.bad
    if ended.outcome is Outcome.NOT_STARTED:
        yield f"{style.dim('log:')} {phrases.path(look.run, look.log)}"
        if look.run.backend == "compose":
            doctor = style.command("doctor")
            yield f"{style.dim('next:')} fix what the log names, or see: {doctor}"
            return
        python = printable(look.run.argv[0], 120) if look.run.argv else "its pytest"
        yield f"{style.dim('next:')} see whether {python} has pytest (walkaway.pytest names it)"
        return
    if log or not commands:
        commands.append(phrases.run_command(style, look, "log"))
    yield phrases.following(style, *commands)
