"""Leak watch for process state: variables, working folder, sys.path, signals, locale, time zone."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # a C module without a stub
import locale
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

_SIGNALS: Final = tuple(map(int, signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}))
_PYTESTS: Final = "PYTEST_"
"""Prefix of the variables that pytest and its plugins set."""
_CURRENT: Final = (b"PYTEST_CURRENT_TEST", "PYTEST_CURRENT_TEST")
"""pytest changes this variable in every phase, so it is left out."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The process state that a test finds and must leave unchanged."""

    variables: Mapping[Any, Any]
    cwd: str
    path: tuple[str, ...]
    signals: tuple[Any, ...]
    locale: str
    zone: tuple[str, str]


class EnvironmentWatch:
    """A `Watch` for process state. `restore` restores all of it."""

    kind = "environment"

    def before(self) -> Surroundings:
        return Surroundings(
            _variables(),
            _cwd(),
            tuple(sys.path),
            # _signal's function: the one in signal makes an Enum of each handler, 25 µs per test.
            tuple(map(_signal.getsignal, _SIGNALS)),
            locale.setlocale(locale.LC_ALL),
            time.tzname,
        )

    def widened(self, before: object, earlier: object, now: object) -> Surroundings:
        """Return ``before`` plus what a wider-scoped fixture has changed during the test."""
        old, then, new = (cast("Surroundings", each) for each in (before, earlier, now))
        changed = {name: new.variables.get(name) for name in _differing(then, new)}
        variables = {
            name: value for name, value in {**old.variables, **changed}.items() if value is not None
        }

        def of(name: str) -> Any:  # noqa: ANN401 - the type of any field
            same = getattr(then, name) == getattr(new, name)
            return getattr(old if same else new, name)

        return Surroundings(
            variables, of("cwd"), of("path"), of("signals"), of("locale"), of("zone")
        )

    def left(self, before: object) -> Sequence[str]:
        old, new = cast("Surroundings", before), self.before()
        if old == new:
            return []
        found = [
            _changed(os.fsdecode(name), old.variables.get(name), new.variables.get(name))
            for name in sorted(_differing(old, new))
        ]
        if old.cwd != new.cwd:
            found.append(f"working folder {new.cwd or '(removed)'}, was {old.cwd}")
        if old.path != new.path:
            found.append(f"sys.path {_difference(old.path, new.path)}")
        found += [f"handler of {signal.Signals(number).name}" for number, _ in _handlers(old, new)]
        if old.locale != new.locale:
            found.append(f"locale {new.locale}, was {old.locale}")
        if old.zone != new.zone:
            found.append(f"time zone {'/'.join(new.zone)}, was {'/'.join(old.zone)}")
        return found

    def restore(self, before: object) -> None:
        old, new = cast("Surroundings", before), self.before()
        for name in _differing(old, new):
            value = old.variables.get(name)
            if value is None:
                del os.environ[os.fsdecode(name)]
            else:
                os.environ[os.fsdecode(name)] = os.fsdecode(value)
        if old.cwd != new.cwd and old.cwd:
            os.chdir(old.cwd)
        if old.path != new.path:
            sys.path[:] = old.path
        for number, was in _handlers(old, new):
            if was is not None:  # None: the handler was not set from Python
                signal.signal(number, was)
        if old.locale != new.locale:
            locale.setlocale(locale.LC_ALL, old.locale)
        if old.zone != time.tzname:
            time.tzset()


def _variables() -> dict[Any, Any]:
    """Return a copy of os's internal dict, in bytes: decoding it all would cost 30 µs per test."""
    found: dict[Any, Any] = dict(getattr(os.environ, "_data", os.environ))
    for name in _CURRENT:
        found.pop(name, None)
    return found


def _differing(old: Surroundings, new: Surroundings) -> set[Any]:
    was, now = old.variables, new.variables
    return {
        name
        for name in was.keys() | now.keys()
        if was.get(name) != now.get(name) and not os.fsdecode(name).startswith(_PYTESTS)
    }


def _handlers(old: Surroundings, new: Surroundings) -> Iterator[tuple[int, Any]]:
    """Yield each signal whose handler changed, with its earlier handler."""
    for number, was, now in zip(_SIGNALS, old.signals, new.signals, strict=True):
        if was != now and not _timer_is_over(number, was, now):
            yield number, was


def _timer_is_over(number: int, was: object, now: object) -> bool:
    """Return whether pytest-timeout took its handler back, as it does once the test has failed."""
    return (
        number == signal.SIGALRM
        and getattr(was, "__module__", "") == "pytest_timeout"
        and now == signal.SIG_DFL
        and not signal.getitimer(signal.ITIMER_REAL)[0]
    )


def _cwd() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - no Path object for every test
    except FileNotFoundError:
        return ""


def _changed(name: str, was: object, now: object) -> str:
    # The value may be a secret, so it stays out of the report.
    if was is None:
        return f"variable {name} set"
    return f"variable {name} {'removed' if now is None else 'changed'}"


def _difference(was: tuple[str, ...], now: tuple[str, ...]) -> str:
    added, gone = [p for p in now if p not in was], [p for p in was if p not in now]
    words = [f"+ {entry}" for entry in added] + [f"- {entry}" for entry in gone]
    return ", ".join(words) or "in another order"
