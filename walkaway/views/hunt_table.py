"""Table of a hunt's tests whose results varied: a row per test, a column per attempt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from walkaway.model import hunt
from walkaway.model.hunt_summary import Case, Findings
from walkaway.text import Style, middle

_ROWS = 20
_FEW = 5


def cases(title: str, cases: Sequence[Case], style: Style) -> Iterator[str]:
    """Yield a row per test: a letter per attempt, failures of reports, the rate's interval, id."""
    if cases and title:
        yield title
    shown = cases[:_ROWS]
    counts = [f"{case.failures}/{case.reports}" for case in shown]
    rates = [_rate(case) for case in shown]
    wide, rate_wide = (max(map(len, column), default=0) for column in (counts, rates))
    for case, count, rate in zip(shown, counts, rates, strict=True):
        letters = "".join(_letter(letter, style) for letter in case.letters)
        name = middle(case.id, max(40, style.width - len(case.letters) - wide - rate_wide - 8))
        yield f"  {letters}  {count:>{wide}} {rate:<{rate_wide}}  {name}"
    if len(cases) > len(shown):
        yield f"  + {len(cases) - len(shown):,} more: --json has them all"


def _letter(letter: str, style: Style) -> str:
    if letter == hunt.ABSENT:
        return hunt.NOT_RUN
    return style.bad(letter) if letter in hunt.BAD else letter


def _rate(case: Case) -> str:
    low, high = case.interval
    return f"{percent(case.rate)} % ({percent(low)}-{percent(high)} %)"


def percent(share: float) -> str:
    value = 100 * share
    digits = 1 if 0 < value < 9.95 else 0  # noqa: PLR2004 - two digits in all
    return f"{value:.{digits}f}".removesuffix(".0")


def named(title: str, cases: Sequence[Case], style: Style) -> Iterator[str]:
    """Yield a short list. It accuses no test, so the full list is only in the JSON."""
    for case in cases[:_FEW]:
        if case is cases[0]:
            yield title
        letters = "".join(_letter(letter, style) for letter in case.letters)
        yield f"  {letters}  {middle(case.id, max(40, style.width - len(letters) - 4))}"
    if len(cases) > _FEW:
        yield f"  + {len(cases) - _FEW:,} more"


def key(found: Findings, style: Style) -> Iterator[str]:
    shown = [*found.flaky[:_ROWS], *found.failing[:_FEW], *found.unsteady[:_FEW]]
    used = {letter for case in [*shown, *found.partial[:_FEW]] for letter in case.letters}
    if hunt.ABSENT in used:
        used.add(hunt.NOT_RUN)
    meanings = [f"{letter} {meaning}" for letter, meaning in hunt.MEANING.items() if letter in used]
    if meanings:
        interval = ", 95 % interval" if found.flaky else ""
        yield style.dim(f"  ({', '.join(meanings)}; a column an attempt{interval})")
