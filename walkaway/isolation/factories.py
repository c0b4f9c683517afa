"""A kit for `make_x` fixtures: unique names, and things that are removed again, the last first.

Must not know what is made: rows through a session and users through an API are the same here.

PYTEST_DONT_REWRITE: see the package.
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
"""Of a name in Postgres, in bytes; the strictest of those in which names of tests end up."""


class Unique:
    """Names that no other test, worker or run has: `user_1f0c2a9b7d_gw0_3`."""

    def __init__(self, who: identity.Identity) -> None:
        self._who = who
        self._count = itertools.count(1)
        self._pid = os.getpid()

    def __call__(self, prefix: str) -> str:
        """Return a new name of `[a-z0-9_]`: good in e-mail addresses, keys, paths and SQL.

        Raises ValueError for a prefix that would spoil that.
        """
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(f"prefix {prefix!r}: lower-case letters, digits and _ only, as `user`")
        pid = os.getpid()
        # A forked child goes on counting where its parent does.
        child = "" if pid == self._pid else f"p{pid}"
        name = f"{prefix}_{self._who.run}_{self._who.worker}{child}_{next(self._count)}"
        if len(name) > _LONGEST:
            raise ValueError(f"prefix {prefix!r} is {len(name) - _LONGEST} characters too long")
        return name

    def email(self, prefix: str = "user") -> str:
        """Return a new address, in a domain that nobody has and validators accept."""
        return f"{self(prefix)}@example.com"


class CleanUp:
    """What is to be called afterwards: the last first, all of it, whatever fails on the way.

    `with CleanUp() as clean_up`, or `async with` when a callable is asynchronous. Failures are
    raised together at the end, as an ExceptionGroup: in a fixture, the test's teardown error.
    """

    def __init__(self) -> None:
        self._calls: list[tuple[Callable[..., object], tuple[object, ...], dict[str, object]]] = []

    def add(self, call: Callable[..., object], *args: object, **kwargs: object) -> None:
        """Have ``call(*args, **kwargs)`` called; awaited, if it returns something to await."""
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
        """Call everything now, and forget it."""
        count, failures = 0, list[BaseException]()
        while self._calls:
            count += 1
            call, args, kwargs = self._calls.pop()
            try:
                _refuse_awaitable(call, call(*args, **kwargs))
            except BaseException as failure:  # noqa: BLE001 - raised below, after the others' turn
                failures.append(_told(failure, call, args))
        _raise(failures, count)

    async def run_async(self) -> None:
        """Call everything now, awaiting what is to be awaited, and forget it."""
        count, failures = 0, list[BaseException]()
        while self._calls:
            count += 1
            call, args, kwargs = self._calls.pop()
            try:
                await _value(call(*args, **kwargs))
            except BaseException as failure:  # noqa: BLE001 - raised below, after the others' turn
                failures.append(_told(failure, call, args))
        _raise(failures, count)


class Factory(Generic[T]):
    """`make(**overrides)` of a `make_x` fixture: makes a thing, and deletes it afterwards.

    ``fields`` are what `create` is given by name; a callable among them is called for each thing,
    unless it is overridden: `email=unique.email`, `owner=make_user`. `delete` is given the thing,
    and must bear one that is gone: a test may delete what it made.

        with Factory(create, delete, email=unique.email) as make:
            yield make
    """

    def __init__(
        self,
        create: Callable[..., T],
        delete: Callable[[T], object] | None = None,
        /,
        **fields: Any,  # noqa: ANN401 - as `create` takes them
    ) -> None:
        self._create, self._delete, self._fields = create, delete, fields
        self.clean_up: Final = CleanUp()

    def __call__(self, **overrides: Any) -> T:  # noqa: ANN401 - as `create` takes them
        """Make one thing."""
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
        **fields: Any,  # noqa: ANN401 - as `create` takes them
    ) -> None:
        self._create, self._delete, self._fields = create, delete, fields
        self.clean_up: Final = CleanUp()

    async def __call__(self, **overrides: Any) -> T:  # noqa: ANN401 - as `create` takes them
        """Make one thing."""
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
    """`unique("user")` is a new name in every test, worker and run; `unique.email()` an address."""
    return Unique(identity.of(pytestconfig))


async def _value(made: object) -> object:
    return await made if inspect.isawaitable(made) else made


def _refuse_awaitable(call: Callable[..., object], made: object) -> None:
    if inspect.isawaitable(made):
        if inspect.iscoroutine(made):
            made.close()  # else it warns that it was never awaited, on top
        raise TypeError(f"{_name(call)} is asynchronous and was not called: use `async with`")


def _told(
    failure: BaseException, call: Callable[..., object], args: tuple[object, ...]
) -> BaseException:
    words = ", ".join(repr(arg)[:200] for arg in args)
    failure.add_note(f"in the clean-up {_name(call)}({words})")
    return failure


def _name(call: Callable[..., object]) -> str:
    return getattr(call, "__qualname__", None) or repr(call)


def _raise(failures: list[BaseException], count: int) -> None:
    """Raise what failed; Ctrl-C and the like as themselves, or nobody would heed them."""
    if not failures:
        return
    ours = (Exception, pytest.fail.Exception, pytest.skip.Exception)
    for failure in failures:
        if not isinstance(failure, ours):
            raise failure
    first = f"{type(failures[0]).__name__}: {failures[0]}".splitlines()[0]
    message = f"{len(failures)} of {count} clean-ups failed: {first}"
    raise xfail_leftovers.marked(BaseExceptionGroup(message, failures))
