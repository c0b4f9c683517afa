"""Text views of a hunt: the answer first, then the tests that varied, then what is next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from walkaway.model import hunt
from walkaway.model.hunt import Attempt, Hunt, HuntStatus, HuntView
from walkaway.model.hunt_summary import Case, Findings
from walkaway.model.interval import attempts_to_see, ruled_out
from walkaway.model.run_view import Counts
from walkaway.model.vocabulary import Outcome
from walkaway.text import Style, duration, many, middle, printable
from walkaway.views import hunt_table, phrases
from walkaway.views.phrases import GAP

_BROKEN = 5
_COMMANDS = 3
_LEAST = 2
"""Fewest attempts that can be compared."""
_TARGET = 0.05
"""Failure rate that the last line offers to rule out when nothing varied."""

_CUT = {"stop": "STOPPED", "stopped": "STOPPED", "interrupt": "INTERRUPTED", "error": "ABORTED"}


def begun(asked: Hunt, style: Style) -> list[str]:
    """Return what was started, and how to come back to it."""
    summary = f"{many(asked.runs, 'attempt')} in random orders, seed {asked.seed}"
    return [
        GAP.join(
            (
                style.bold("hunt started"),
                asked.short,
                *phrases.why_here(asked.run),
                _label(asked),
                summary,
            )
        ),
        phrases.following(
            style, _command(style, asked), f"{_command(style, asked, '--stop')} to end it"
        ),
    ]


def attempt_line(asked: Hunt, attempt: Attempt, style: Style) -> str:
    """Return one ended attempt: `attempt 3/10  FAILED  1 failed, 43 passed  1.2 s  run 3fa2`."""
    counted = ", ".join(f"{n:,} {name}" for name, n in sorted(attempt.counts.items()) if n)
    parts = [f"attempt {attempt.number}/{asked.runs}", _outcome(attempt, style), counted]
    if attempt.lost:
        parts.append(f"{attempt.lost:,} lost")
    parts += [duration(attempt.duration_s), f"order {attempt.seed}", f"run {attempt.short}"]
    return GAP.join(part for part in parts if part)


def lines(look: HuntView, found: Findings, style: Style) -> list[str]:
    """Return the state or the result of a hunt. The first line alone answers the question."""
    return [
        _first(look, found, style),
        *([printable(look.why, 300)] if look.why else []),
        *hunt_table.cases("", found.flaky, style),
        *hunt_table.named("failing in every attempt, not flaky:", found.failing, style),
        *hunt_table.named("never failed, but varied:", found.unsteady, style),
        *hunt_table.named("not collected in every attempt:", found.partial, style),
        *hunt_table.key(found, style),
        *_broken(look, style),
        *_clean(look, found),
        *_again(look, found, style),
        *_next(look, found, style),
    ]


def goes_on(asked: Hunt, style: Style) -> str:
    """Return that only the watching ended, and how to look again."""
    return f"hunt {asked.short} is still running: {_command(style, asked)}"


def stopping(asked: Hunt, style: Style) -> str:
    """Return that the hunt is being stopped while we wait for it."""
    return f"{style.warn('stopping')} hunt {asked.short}: Ctrl-C again to stop waiting"


def _first(look: HuntView, found: Findings, style: Style) -> str:
    asked, made = look.hunt, len(look.attempts)
    took = duration(look.elapsed_s)
    if look.live:
        still = f"{made} of {many(asked.runs, 'attempt')} after {took}{_to_go(look)}"
        now = "" if look.current is None else f"attempt {made + 1}: {_now(look)}"
        parts = [style.bold("HUNTING"), asked.short, still, _found_so_far(found, style), now]
        return GAP.join(part for part in parts if part)
    n = many(made, "attempt")
    of = f"of {many(found.tests, 'test')}"
    if look.standing is HuntStatus.GONE:
        word, summary = style.bad("VANISHED"), f"its driver is gone after {n} of {asked.runs}"
    elif look.ended_by in _CUT:
        word = style.bad(_CUT[look.ended_by])
        summary = (
            f"after {n} of {asked.runs}; {_found_so_far(found, style) or 'nothing found so far'}"
        )
    elif found.flaky:
        word, summary = style.bad("FLAKY"), f"{len(found.flaky):,} {of} flaky in {n}"
    elif found.failing:
        summary = f"{len(found.failing):,} {of} failing in every attempt, none flaky, in {n}"
        word = style.bad("FAILING")
    elif look.code:
        word, summary = style.bad("NO ANSWER"), _no_answer(look)
    elif found.unsteady:
        word = style.warn("UNSTEADY")
        summary = f"0 {of} failed in {n}; {len(found.unsteady):,} gave different results"
    else:
        word, summary = style.good("STEADY"), f"0 {of} varied in {n}"
    parts = [word, asked.short, _label(asked), f"{summary} ({took})"]
    return GAP.join([*parts, f"exit {look.code}"] if look.code else parts)


def _no_answer(look: HuntView) -> str:
    last = look.attempts[-1] if look.attempts else None
    if last is not None and look.ended_by == "hopeless":
        again = "attempts end" if len(look.attempts) > 1 else "another one would end"
        return f"attempt {last.number} ended with {_words(last)}, and {again} the same way"
    whole = sum(attempt.whole for attempt in look.attempts)
    return f"only {whole} of {many(len(look.attempts), 'attempt')} finished"


def _to_go(look: HuntView) -> str:
    if not look.attempts:
        return ""
    mean = sum(attempt.duration_s for attempt in look.attempts) / len(look.attempts)
    spent = look.current.elapsed_s if look.current else 0.0
    left = mean * (look.hunt.runs - len(look.attempts)) - min(mean, spent)
    return f", about {duration(left)} to go"


def _now(look: HuntView) -> str:
    current = look.current
    if current is None:
        return ""
    return phrases.done_of(current.counts) if current.counts.expected else str(current.status)


def _found_so_far(found: Findings, style: Style) -> str:
    parts = []
    if found.flaky:
        parts.append(style.bad(f"{len(found.flaky):,} flaky"))
    if found.failing:
        parts.append(f"{len(found.failing):,} failing in all")
    return ", ".join(parts) + " so far" if parts else ""


def _broken(look: HuntView, style: Style) -> Iterator[str]:
    """Yield a line for each attempt that did not finish."""
    broken = [attempt for attempt in look.attempts if not attempt.whole]
    for attempt in broken[:_BROKEN]:
        line = f"attempt {attempt.number}: {_outcome(attempt, style)}"
        if attempt.lost:
            line += f", {many(attempt.lost, 'test')} lost"
        if attempt.named:
            line += f", in {middle(attempt.named[0], 80)}"
            line += f" + {len(attempt.named) - 1} more" if len(attempt.named) > 1 else ""
        yield f"{line}{GAP}{style.command('progress', '--run', attempt.short)}"
    if len(broken) > _BROKEN:
        yield f"+ {len(broken) - _BROKEN} more attempts that did not finish"


def _clean(look: HuntView, found: Findings) -> Iterator[str]:
    """Yield what is ruled out when no test varied: never more than the attempts can show."""
    if look.live or found.flaky or found.whole < _LEAST or not found.tests:
        return
    bound = hunt_table.percent(ruled_out(found.whole))
    seen = f"{bound} % of the time or more would have shown (95 %)"
    yield f"0 of {found.whole}: a test that fails {seen}"


def _again(look: HuntView, found: Findings, style: Style) -> Iterator[str]:
    """Yield the fewest commands whose orders showed every flaky test."""
    left = [case for case in found.flaky if case.bad_in]
    shown = 0
    while left and shown < _COMMANDS:
        number = _best(left, len(look.attempts))
        attempt = next(a for a in look.attempts if a.number == number)
        hit = [case for case in left if _bad_at(case, look.attempts, number)]
        left = [case for case in left if case not in hit]
        title = style.dim("same order:" if not shown else "        or:")
        which = "" if len(found.flaky) == len(hit) else f", {len(hit)} of {len(found.flaky)}"
        yield f"{title} {command(look.hunt, attempt, style)}{GAP}(attempt {number}{which})"
        shown += 1


def _best(cases: Sequence[Case], attempts: int) -> int:
    """Return the number of the attempt in which most of these failed."""
    hits = [sum(_is_bad(case, at) for case in cases) for at in range(attempts)]
    return hits.index(max(hits)) + 1 if any(hits) else cases[0].bad_in


def _is_bad(case: Case, at: int) -> bool:
    return case.bad_in == at + 1 or (at < len(case.letters) and case.letters[at] in hunt.BAD)


def _bad_at(case: Case, attempts: Sequence[Attempt], number: int) -> bool:
    return any(_is_bad(case, at) for at, a in enumerate(attempts) if a.number == number)


def command(asked: Hunt, attempt: Attempt, style: Style) -> str:
    """Return the command that runs the tests in an attempt's order again."""
    words = ["test", "--order-seed", attempt.seed]
    return style.command(*words, *(["--", *asked.run.args] if asked.run.args else []))


def _next(look: HuntView, found: Findings, style: Style) -> Iterator[str]:
    if look.live:
        yield phrases.following(
            style, _command(style, look.hunt), f"{_command(style, look.hunt, '--stop')} to end it"
        )
        return
    runs = {attempt.number: attempt for attempt in look.attempts}
    telling = [runs[case.bad_in] for case in (*found.flaky, *found.failing) if case.bad_in in runs]
    broken = [attempt for attempt in look.attempts if attempt.code]
    if telling:
        yield phrases.following(style, style.command("failures", "--run", telling[0].short))
    elif broken:
        yield phrases.following(style, style.command("progress", "--run", broken[0].short))
    elif look.code:
        yield phrases.following(style, _hunt_again(look.hunt, look.hunt.runs, style))
    elif found.whole < attempts_to_see(_TARGET):
        more = _hunt_again(look.hunt, attempts_to_see(_TARGET), style)
        yield phrases.following(style, f"{more} rules out {hunt_table.percent(_TARGET)} %")


def _hunt_again(asked: Hunt, runs: int, style: Style) -> str:
    args = ["--", *asked.run.args] if asked.run.args else []
    return style.command("flaky", "--runs", str(runs), *args)


def _outcome(attempt: Attempt, style: Style) -> str:
    word = attempt.outcome.replace("-", " ").upper()
    if attempt.outcome is Outcome.PASSED and phrases.failed(Counts(by_result=attempt.counts)):
        return style.warn(f"{word} as a plugin decided")
    return style.good(word) if attempt.outcome is Outcome.PASSED else style.bad(word)


def _words(attempt: Attempt) -> str:
    return attempt.outcome.replace("-", " ")


def _label(asked: Hunt) -> str:
    return printable(shlex.join(asked.run.args), 60) or "all tests"


def _command(style: Style, asked: Hunt, *words: str) -> str:
    return style.command("flaky", "--hunt", asked.short, *words)
