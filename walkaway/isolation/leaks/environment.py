"""What the test changed about its process: variables, folder, import path, signals, locale."""

from __future__ import annotations

import locale
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

_SIGNALS: Final = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
_PYTESTS: Final = "PYTEST_"
"""pytest itself changes PYTEST_CURRENT_TEST, and so do its plugins theirs."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a test finds and is to leave."""

    variables: Mapping[str, str]
    cwd: str
    path: tuple[str, ...]
    signals: tuple[Any, ...]
    locale: str
    zone: tuple[str, str]


class EnvironmentWatch:
    """All of it can be put back, and is."""

    kind = "environment"

    def before(self) -> Surroundings:
        return Surroundings(
            _variables(),
            _cwd(),
            tuple(sys.path),
            tuple(map(signal.getsignal, _SIGNALS)),
            locale.setlocale(locale.LC_ALL),
            time.tzname,
        )

    def widened(self, before: object, earlier: object, now: object) -> Surroundings:
        """Return ``before`` with what a wider fixture has changed during the test."""
        old, then, new = (cast("Surroundings", each) for each in (before, earlier, now))
        changed = {
            name: new.variables.get(name)
            for name in then.variables.keys() | new.variables.keys()
            if then.variables.get(name) != new.variables.get(name)
        }
        variables = {
            name: value for name, value in {**old.variables, **changed}.items() if value is not None
        }

        def of(name: str) -> Any:  # noqa: ANN401 - any field
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
            _changed(name, old.variables.get(name), new.variables.get(name))
            for name in sorted(old.variables.keys() | new.variables.keys())
            if old.variables.get(name) != new.variables.get(name)
        ]
        if old.cwd != new.cwd:
            found.append(f"working folder {new.cwd or '(removed)'}, was {old.cwd}")
        if old.path != new.path:
            found.append(f"sys.path {_difference(old.path, new.path)}")
        for number, was, now in zip(_SIGNALS, old.signals, new.signals, strict=True):
            if was != now:
                found.append(f"handler of {signal.Signals(number).name}")
        if old.locale != new.locale:
            found.append(f"locale {new.locale}, was {old.locale}")
        if old.zone != new.zone:
            found.append(f"time zone {'/'.join(new.zone)}, was {'/'.join(old.zone)}")
        return found

    def mend(self, before: object) -> None:
        old, new = cast("Surroundings", before), self.before()
        for name in new.variables.keys() - old.variables.keys():
            del os.environ[name]
        for name, value in old.variables.items():
            if new.variables.get(name) != value:
                os.environ[name] = value
        if old.cwd != new.cwd and old.cwd:
            os.chdir(old.cwd)
        if old.path != new.path:
            sys.path[:] = old.path
        for number, was, now in zip(_SIGNALS, old.signals, new.signals, strict=True):
            if was != now and was is not None:  # None: not set from Python
                signal.signal(number, was)
        if old.locale != new.locale:
            locale.setlocale(locale.LC_ALL, old.locale)
        if old.zone != time.tzname:
            time.tzset()


def _variables() -> dict[str, str]:
    return {name: os.environ[name] for name in os.environ if not name.startswith(_PYTESTS)}


def _cwd() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - no Path for every test
    except FileNotFoundError:
        return ""


def _changed(name: str, was: str | None, now: str | None) -> str:
    # The value may be a secret, and stays out of reports.
    if was is None:
        return f"variable {name} set"
    return f"variable {name} {'removed' if now is None else 'changed'}"


def _difference(was: tuple[str, ...], now: tuple[str, ...]) -> str:
    added, gone = [p for p in now if p not in was], [p for p in was if p not in now]
    words = [f"+ {entry}" for entry in added] + [f"- {entry}" for entry in gone]
    return ", ".join(words) or "in another order"
