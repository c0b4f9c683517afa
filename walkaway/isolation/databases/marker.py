"""Parse the marker `database`, which chooses how a test's database is isolated.

Pure but for pytest's types. A meaningless marker is refused at collection, with what to write
instead.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

import pytest

NAME = "database"
HELP = (
    'database("rollback"|"truncate"|"clone"|"separate", shared=False): how the test\'s database is '
    "isolated from other tests; shared: the one that the services use"
)
SESSIONS = frozenset({"db_session", "transactional_db", "clean_db"})
"""Fixtures that follow the strategy."""


class Strategy(Enum):
    """From cheap to expensive. `walkaway.isolation.databases` says what each one isolates."""

    NONE = "none"
    ROLLBACK = "rollback"
    TRUNCATE = "truncate"
    CLONE = "clone"
    SEPARATE = "separate"


@dataclass(frozen=True, slots=True)
class Choice:
    strategy: Strategy
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Test:
    """What else about a test matters, besides the marker."""

    serial: bool
    fixtures: Collection[str]


def choice(mark: pytest.Mark | None, test: Test) -> Choice:
    """Return the choice made by a test's closest marker, if any, and its fixtures.

    Raises:
        ValueError: The marker makes no sense; the text says what to write.
    """
    cleaned = "clean_db" in test.fixtures
    if mark is None:
        return Choice(Strategy.TRUNCATE if cleaned else Strategy.ROLLBACK)
    strategy, shared = _read(mark)
    if cleaned and strategy not in {Strategy.NONE, Strategy.TRUNCATE}:
        raise ValueError(f'clean_db means "truncate", not {strategy.value!r}: use transactional_db')
    if shared:
        return _with_services(Strategy.TRUNCATE if cleaned else strategy, serial=test.serial)
    if strategy is Strategy.NONE:
        raise ValueError(f"no strategy, write one of {_ALL}, or shared=True")
    return Choice(strategy)


def _read(mark: pytest.Mark) -> tuple[Strategy, bool]:
    unknown = sorted(set(mark.kwargs) - {"shared", "strategy"})
    if unknown:
        raise ValueError(f"no such argument: {', '.join(unknown)}; there is shared=True")
    shared = mark.kwargs.get("shared", False)
    if not isinstance(shared, bool):
        raise ValueError(f"shared is True or False, not {shared!r}")  # noqa: TRY004 - callers catch one kind
    given = [*mark.args, *(mark.kwargs[name] for name in ("strategy",) if name in mark.kwargs)]
    if len(given) > 1:
        raise ValueError(f"one strategy, not {len(given)}: {', '.join(map(repr, given))}")
    if not given:
        return Strategy.NONE, shared
    found = [each for each in Strategy if each.value == given[0] and each is not Strategy.NONE]
    if not found:
        raise ValueError(f"no such strategy: {given[0]!r}; write one of {_ALL}")
    return found[0], shared


def _with_services(strategy: Strategy, *, serial: bool) -> Choice:
    if strategy is Strategy.ROLLBACK:
        raise ValueError(
            "a rollback does not undo what the services committed: write shared=True alone, "
            "and make data that is unique"
        )
    if strategy is Strategy.SEPARATE:
        raise ValueError("the services do not know a separate database: leave shared=True out")
    if strategy is not Strategy.NONE and not serial:
        raise ValueError(
            f"{strategy.value!r} takes the services' database from under other tests: "
            "mark it serial too, or write shared=True alone and make data that is unique"
        )
    return Choice(strategy, shared=True)


_ALL = ", ".join(repr(each.value) for each in Strategy if each is not Strategy.NONE)
