"""The fixture `leak_check`: compare what exists before and after a test. A pytest plugin.

PYTEST_DONT_REWRITE: see walkaway.isolation.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from walkaway.isolation import leak_watch, xfail_leftovers
from walkaway.isolation.leak_watch import Watch
from walkaway.isolation.leaks import owners, report
from walkaway.isolation.leaks.connections import ConnectionsWatch
from walkaway.isolation.leaks.environment import EnvironmentWatch
from walkaway.isolation.leaks.files import FilesWatch, own_folder
from walkaway.isolation.leaks.pool_checkouts import CheckoutsWatch
from walkaway.isolation.leaks.processes import ProcessesWatch
from walkaway.isolation.leaks.tasks import TasksWatch
from walkaway.isolation.leaks.threads import ThreadsWatch

if TYPE_CHECKING:
    import asyncio

KINDS: Final = (
    "rows", "keys", "connections", "tasks", "threads", "files", "environment", "processes",
)  # fmt: skip
_RUNNER: Final = "_scoped_runner"
"""Suffix of pytest-asyncio's fixtures whose value is the `asyncio.Runner` of a scope."""


class Check:
    """The state of one process: its watches, and what existed before the test."""

    def __init__(self, kinds: frozenset[str]) -> None:
        self._kinds = kinds
        self.tasks: Final = TasksWatch(self.owners)
        self.wider: Final[list[pytest.FixtureDef[Any]]] = []
        self._before: list[tuple[Watch, object]] | None = None

    def begin(self, config: pytest.Config, allowed: frozenset[str]) -> None:
        """Remember what exists."""
        self._before = [
            (watch, watch.before())
            for watch in leak_watch.of(config)
            if watch.kind in self._kinds - allowed
        ]

    def end(self, config: pytest.Config, allowed: frozenset[str]) -> dict[str, list[str]]:
        """Return what was left, by kind, and restore what can be restored."""
        found: dict[str, list[str]] = {}
        known, self._before = self._before or [], None
        there = leak_watch.of(config)
        old = [(watch, before) for watch, before in known if watch in there]
        asked = [watch for watch, _ in known]
        new = [
            (watch, None)
            for watch in there
            if watch.kind in self._kinds - allowed and watch not in asked
        ]
        for watch, before in (*old, *new):
            if left := watch.left(before):
                found.setdefault(watch.kind, []).extend(left)
                watch.restore(before)
        return found

    def earlier(self) -> Sequence[object]:
        """Return what exists just before a wider-scoped fixture is set up during a test."""
        return [watch.before() for watch, _ in self._before or ()]

    def widened(self, earlier: Sequence[object]) -> None:
        """Treat what a wider-scoped fixture has made since ``earlier`` as its own."""
        if self._before is not None:
            self._before = [
                (watch, _widened(watch, before, then))
                for (watch, before), then in zip(self._before, earlier, strict=True)
            ]

    def owners(self) -> list[object]:
        """Return what may own things for longer than a test: what wider-scoped fixtures hold."""
        return owners.of(self.wider)


def _widened(watch: Watch, before: object, earlier: object) -> object:
    join = getattr(watch, "widened", None)
    return watch.before() if join is None else join(before, earlier, watch.before())


_CHECK = pytest.StashKey[Check]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "leak_kinds",
        f"what the leak check looks for: all, none, or some of {', '.join(KINDS)}",
        type="args",
        default=["all"],
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        'allow_leaks("threads", ..., reason="..."): what this test may leave behind '
        f"({', '.join(KINDS)})",
    )
    named = config.getini("leak_kinds")
    if wrong := sorted(set(named) - {*KINDS, "all", "none"}):
        raise pytest.UsageError(
            f"leak_kinds: no kind {', '.join(wrong)}; there are {', '.join(KINDS)}, all and none"
        )
    kinds = KINDS if "all" in named else [kind for kind in named if kind != "none"]
    config.stash[_CHECK] = Check(frozenset(kinds))


@pytest.fixture(scope="session")
def leak_watches(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Internal: watches for what every process has. TMPDIR becomes this worker's own folder.

    Scope: session.
    """
    check = pytestconfig.stash[_CHECK]
    checkouts = CheckoutsWatch()
    with own_folder(tmp_path_factory.getbasetemp() / "tmp") as folder:
        ours: tuple[Watch, ...] = (
            checkouts,
            check.tasks,
            # Threads and processes come before connections: as they end, they close those they have
            # open.
            ThreadsWatch(check.owners),
            ProcessesWatch(check.owners),
            ConnectionsWatch(check.owners),
            FilesWatch(folder),
            EnvironmentWatch(),
        )
        for watch in ours:
            leak_watch.add(pytestconfig, watch)
        yield
        for watch in ours:
            leak_watch.remove(pytestconfig, watch)
        checkouts.stop()


@pytest.fixture(autouse=True)
def leak_check(request: pytest.FixtureRequest, leak_watches: None) -> Iterator[None]:
    """Fail a test in its teardown when it leaves something behind. Autouse.

    The marker `allow_leaks` permits kinds for one test, the ini option `leak_kinds` chooses them
    for all. Override the fixture to switch the check off. Scope: function.
    """
    del leak_watches
    check = request.config.stash[_CHECK]
    allowed = _allowed(request.node)
    check.begin(request.config, allowed)
    yield
    if left := check.end(request.config, allowed):
        xfail_leftovers.fail(report.error_text(request.node.nodeid, left))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Set up the check before every other function-scoped fixture, autouse ones included."""
    names = getattr(item, "fixturenames", [])
    if "leak_check" in names and isinstance(item, pytest.Function):
        defined = item._fixtureinfo.name2fixturedefs  # noqa: SLF001 - pytest has no public way to a fixture's scope
        names.remove("leak_check")
        # `request` has no definition, nor have names added at collection, such as `database_case`.
        place = next(
            (n for n, name in enumerate(names) if name not in defined or _own(defined[name][-1])),
            len(names),
        )
        names.insert(place, "leak_check")


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    check = request.config.stash[_CHECK]
    earlier = [] if _own(fixturedef) else check.earlier()
    result = yield
    if not _own(fixturedef):
        if fixturedef not in check.wider:
            check.wider.append(fixturedef)
        if earlier:
            check.widened(earlier)
    if fixturedef.argname.endswith(_RUNNER):
        runner = cast("asyncio.Runner", result)
        check.tasks.opened(runner, wider=not _own(fixturedef))
        if _own(fixturedef):
            # Finalizers run in reverse order: the test's async fixtures, then this, then the loop's
            # end.
            fixturedef.addfinalizer(lambda: check.tasks.closing(runner))
    return result


def _own(fixturedef: pytest.FixtureDef[Any]) -> bool:
    return fixturedef.scope == "function"


def _allowed(item: pytest.Item) -> frozenset[str]:
    """Return the kinds that the test's marks allow. Fails the test when a mark is malformed."""
    found = set[str]()
    for mark in item.iter_markers("allow_leaks"):
        wrong = [str(kind) for kind in mark.args if kind not in KINDS]
        if wrong or not mark.args:
            problem = f"no kind {', '.join(wrong)}" if wrong else "no kind is named"
            pytest.fail(f"allow_leaks: {problem}; there are {', '.join(KINDS)}", pytrace=False)
        if set(mark.kwargs) != {"reason"} or not mark.kwargs["reason"]:
            pytest.fail(
                'allow_leaks: say why, and nothing else: allow_leaks("threads", reason="...")',
                pytrace=False,
            )
        found.update(cast("tuple[str, ...]", mark.args))
    return frozenset(found)
