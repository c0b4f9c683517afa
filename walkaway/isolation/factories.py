"""Tools for `make_x` fixtures: unique names, and clean-up in reverse order.

Must not know what is being made: rows made through a session and users made through an API look the
same here.

PYTEST_DONT_REWRITE: see walkaway.isolation.
"""

from __future__ import annotations

import inspect
import itertools
import os
import re
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar, cast

import pytest

from walkaway.isolation import identity, xfail_leftovers

T = TypeVar("T")

_PREFIX = re.compile(r"[a-z][a-z0-9_]*")
_LONGEST: Final = 63
"""Longest name in Postgres, in bytes: the strictest limit among the places where names end up."""


class Unique:
    """Generate names that no other test, worker or run has: `user_1f0c2a9b7d_gw0_3`."""

    def __init__(self, who: identity.Identity) -> None:
        self._who = who
        self._count = itertools.count(1)
        self._pid = os.getpid()

    def __call__(self, prefix: str) -> str:
        """Return a new name of `[a-z0-9_]`, safe in e-mail addresses, keys, paths and SQL.

        Raises ValueError when ``prefix`` has other characters or makes the name too long.
        """
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(f"prefix {prefix!r}: lower-case letters, digits and _ only, as `user`")
        pid = os.getpid()
        # A forked child continues its parent's count, so its names carry its pid.
        child = "" if pid == self._pid else f"p{pid}"
        name = f"{prefix}_{self._who.run}_{self._who.worker}{child}_{next(self._count)}"
        if len(name) > _LONGEST:
            raise ValueError(f"prefix {prefix!r} is {len(name) - _LONGEST} characters too long")
        return name

    def email(self, prefix: str = "user") -> str:
        """Return a new address, in a domain that nobody owns and validators accept."""
        return f"{self(prefix)}@example.com"


class CleanUp:
    """Calls to make at the end: last added first, and all of them, even when some fail.

    Use `with CleanUp() as clean_up`, or `async with` when a callable is asynchronous. Failures are
    raised together at the end as an ExceptionGroup. In a fixture, that is the test's teardown
    error.
    """

    def __init__(self) -> None:
        self._calls: list[tuple[Callable[..., object], tuple[object, ...], dict[str, object]]] = []

    def add(self, call: Callable[..., object], *args: object, **kwargs: object) -> None:
        """Call ``call(*args, **kwargs)`` at the end, and await the result if it is awaitable."""
        self._calls.append((call, args, kwargs))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.run()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.run_async()

    def run(self) -> None:
        """Make all the calls now and forget them."""
        count, failures = 0, list[BaseException]()
        while self._calls:
            count += 1
            call, args, kwargs = self._calls.pop()
            try:
                _refuse_awaitable(call, call(*args, **kwargs))
            except BaseException as failure:  # noqa: BLE001 - raised below, after the remaining calls
                failures.append(_with_note(failure, call, args))
        _raise(failures, count)

    async def run_async(self) -> None:
        """Make all the calls now, await what is awaitable, and forget them."""
        count, failures = 0, list[BaseException]()
        while self._calls:
            count += 1
            call, args, kwargs = self._calls.pop()
            try:
                await _value(call(*args, **kwargs))
            except BaseException as failure:  # noqa: BLE001 - raised below, after the remaining calls
                failures.append(_with_note(failure, call, args))
        _raise(failures, count)


class Factory(Generic[T]):
    """The `make(**overrides)` of a `make_x` fixture: creates an object and deletes it afterwards.

    ``fields`` are the keyword arguments of `create`. A callable among them is called for each
    object, unless it is overridden: `email=unique.email`, `owner=make_user`. `delete` gets the
    object. It must accept one that is already gone, because a test may delete what it made.

        with Factory(create, delete, email=unique.email) as make:
            yield make
    """

    def __init__(
        self,
        create: Callable[..., T],
        delete: Callable[[T], object] | None = None,
        /,
        **fields: Any,  # noqa: ANN401 - whatever `create` takes
    ) -> None:
        self._create, self._delete, self._fields = create, delete, fields
        self.clean_up: Final = CleanUp()

    def __call__(self, **overrides: Any) -> T:  # noqa: ANN401 - whatever `create` takes
        """Create one object."""
        given = self._fields | overrides
        for name in self._fields.keys() - overrides.keys():
            if callable(given[name]):
                given[name] = given[name]()
        thing = self._create(**given)
        if self._delete is not None:
            self.clean_up.add(self._delete, thing)
        return thing

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.clean_up.run()


class AsyncFactory(Generic[T]):
    """A `Factory` whose `create`, `delete` and callable fields may be asynchronous.

    async with AsyncFactory(create, delete, email=unique.email) as make:
        yield make        # user = await make(email="a@example.com")
    """

    def __init__(
        self,
        create: Callable[..., Awaitable[T] | T],
        delete: Callable[[T], object] | None = None,
        /,
        **fields: Any,  # noqa: ANN401 - whatever `create` takes
    ) -> None:
        self._create, self._delete, self._fields = create, delete, fields
        self.clean_up: Final = CleanUp()

    async def __call__(self, **overrides: Any) -> T:  # noqa: ANN401 - whatever `create` takes
        """Create one object."""
        given = self._fields | overrides
        for name in self._fields.keys() - overrides.keys():
            if callable(given[name]):
                given[name] = await _value(given[name]())
        thing = cast("T", await _value(self._create(**given)))
        if self._delete is not None:
            self.clean_up.add(self._delete, thing)
        return thing

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.clean_up.run_async()


@pytest.fixture(scope="session")
def unique(pytestconfig: pytest.Config) -> Unique:
    """Generate names that no other test, worker or run uses.

    `unique("user")` returns a new name, `unique.email()` a new address. Scope: session.
    """
    return Unique(identity.of(pytestconfig))


async def _value(made: object) -> object:
    return await made if inspect.isawaitable(made) else made


def _refuse_awaitable(call: Callable[..., object], made: object) -> None:
    if inspect.isawaitable(made):
        if inspect.iscoroutine(made):
            made.close()  # otherwise Python also warns that it was never awaited
        raise TypeError(f"{_name(call)} is asynchronous and was not called: use `async with`")


def _with_note(
    failure: BaseException, call: Callable[..., object], args: tuple[object, ...]
) -> BaseException:
    words = ", ".join(repr(arg)[:200] for arg in args)
    failure.add_note(f"in the clean-up {_name(call)}({words})")
    return failure


def _name(call: Callable[..., object]) -> str:
    return getattr(call, "__qualname__", None) or repr(call)


def _raise(failures: list[BaseException], count: int) -> None:
    """Raise what failed. Ctrl-C and the like are raised as themselves, so that they take effect."""
    if not failures:
        return
    ours = (Exception, pytest.fail.Exception, pytest.skip.Exception)
    for failure in failures:
        if not isinstance(failure, ours):
            raise failure
    first = f"{type(failures[0]).__name__}: {failures[0]}".splitlines()[0]
    message = f"{len(failures)} of {count} clean-ups failed: {first}"
    raise xfail_leftovers.marked(BaseExceptionGroup(message, failures))
