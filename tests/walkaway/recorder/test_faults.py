"""Errors in the recorder never improve a result and never affect a test.

Every function of the recorder raises in turn: in every call, and in a single one.
"""

from __future__ import annotations

import textwrap
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support import faulty
from tests.walkaway.support.faults import Server
from walkaway.model.vocabulary import BAD, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.walkaway.support.faults import Ran

RED = """
    import warnings
    import pytest

    def test_pass(): pass
    def test_fail(): assert 0, "this one failed"
    def test_key(): raise KeyError
    @pytest.fixture
    def broken_setup(): raise ValueError("in setup")
    @pytest.fixture
    def broken_teardown():
        yield
        raise ValueError("in teardown")
    def test_setup(broken_setup): pass
    def test_teardown(broken_teardown): pass
    def test_both(broken_teardown): assert 0
    @pytest.mark.skip(reason="not today")
    def test_skip(): pass
    @pytest.mark.xfail(reason="known")
    def test_xfail(): assert 0
    @pytest.mark.xfail
    def test_xpass(): pass
    def test_thread():
        import threading
        threading.Thread(target=int).start()
    def test_warns(record_property):
        warnings.warn("a warning")
        record_property("walkaway_memory", {"peak_bytes": 1, "growth_bytes": 1})
"""
SUBTESTS = """
    def test_subtests(subtests):
        with subtests.test("one"): assert 0
        with subtests.test("two"): pass
"""
GREEN = """
    import pytest
    def test_a(): pass
    def test_b(): pytest.skip("not today")
    @pytest.mark.xfail
    def test_c(): assert 0
    def test_d(): pass
"""
TROUBLED = """
    import os, resource
    def test_a(): pass
    def test_b(): os.closerange(3, 65536)
    def test_c(): assert 0, "after all was closed"
    def test_d(): resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    def test_e(): assert 0, "after files were limited"
    def test_f(): pass
"""
RERAN = """
    import pytest
    seen = []
    def test_pass(): pass
    def test_heals():
        seen.append("heals")
        assert "heals" in seen[1:], "heals"
    def test_fails(): assert 0, "fails"
    @pytest.fixture
    def broken():
        seen.append("broken")
        if seen.count("broken") == 1:
            raise ValueError("broken")
    def test_setup(broken): pass
    def test_subtests(subtests):
        seen.append("subtests")
        with subtests.test("one"): assert seen.count("subtests") > 1
        with subtests.test("two"): pass
    def test_odd(): assert 0, "odd"
    def test_odd_again(): pass
"""
ODD_OUTCOME = """
    import pytest
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(item, call):
        report = (yield).get_result()
        if item.name == "test_odd" and report.when == "call":
            report.outcome = "quarantined"
    def pytest_report_teststatus(report):
        if report.outcome == "quarantined":
            return "quarantined", "Q", "QUARANTINED"
"""
RERUNS = ("-p", "pytest_rerunfailures", "--reruns=1")
UNSENDABLE = """
    import os, pytest
    def test_a(): pass
    def test_name(): raise ValueError(os.fsdecode(b"caf\\xe9"))
    def test_b(): pass
    def test_fails(): assert 0
"""
ODD_ITEM = """
    import pytest
    class Thing:
        def __str__(self): return "the thing failed"
    class Odd(pytest.Item):
        def runtest(self): raise ValueError("boom")
        def repr_failure(self, excinfo): return Thing()
        def reportinfo(self): return self.path, 0, self.name
    class File(pytest.File):
        def collect(self): yield Odd.from_parent(self, name="odd")
    def pytest_collect_file(file_path, parent):
        if file_path.name == "test_odd.py":
            return File.from_parent(parent, path=file_path)
"""
DIFFERS = """
    import os, pytest
    WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
    @pytest.mark.parametrize("name", ["a", "b", WORKER])
    def test_it(name): pass
"""
BROKEN_IN_WORKERS = """
    import os
    if os.environ.get("PYTEST_XDIST_WORKER"):
        import no_such_module
"""
#: Functions that decide over results.
DECIDING = ("ledger.", "reports.", "writer.AppendFile.put", "events.Events.")
SUITES = ("red", "green", "troubled", "picked")
XDIST = ("-p", "xdist.plugin", "-n2")
XDIST_ONE = ("-p", "xdist.plugin", "-n1")
FORKS = ("-p", "walkaway_forks", "--forks=2")
XDIST_THERE = find_spec("xdist") is not None
RERUNS_THERE = find_spec("pytest_rerunfailures") is not None and hasattr(pytest, "Subtests")
needs_reruns = pytest.mark.skipif(not RERUNS_THERE, reason="rerunfailures is not here")
needs_xdist = pytest.mark.skipif(not XDIST_THERE, reason="xdist is not here")
#: Functions that a run of these suites does not come to.
ELSEWHERE = frozenset({
    # After another error alone.
    "__init__._say", "events.Events.note", "events.describe", "events._where",
    "ledger.Ledger._at_best", "ledger.Ledger._spoil", "recording.Recording.broke_off",
    # In a forked child, whose calls nobody counts.
    "forked.Forked.pytest_forks_worker_begins",
    "descriptors.ReopenedFile.close", "node_ids.Ids.close", "writer.AppendFile.close",
    # A second pass, --dist=each, a worker that died.
    "previous_passes.keep_reports", "previous_passes.totals", "node_ids.from_line",
    "reruns.CarriedOver.__init__", "reruns.CarriedOver._carry_over",
    "reruns.CarriedOver.pytest_sessionstart", "reruns.rerun_attempts",
    "xdist.Workers.pytest_xdist_make_scheduler", "xdist.Workers._record_each",
    "crashed_tests.run_no_culprit_again", "crashed_tests.run_no_culprit_again.remove_node",
    "crashed_tests._take_out",
    # Records of earlier runs.
    "usual_durations._key",
    # A stop that comes while workers run; the same tests in another order.
    "stopping._interrupt", "stopping._names", "stopping._grace_s", "stopping.Stopping._drain",
    "stopping.Stopping._handle_event", "stopping.Stopping._on_int", "uncollected._turn",
    # A timeout; a thread that is still there at the end.
    "failure_text.without_foreign_stacks", "threads._text",
    # A spare that is full; an id that was never collected; a run that is broken off.
    "writer.AppendFile.put_over", "ledger.Ledger._new",
    "hooks.Hooks.pytest_internalerror", "hooks.Hooks.pytest_keyboard_interrupt",
})  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("faults"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> Path:
    more = SUBTESTS if hasattr(pytest, "Subtests") else ""
    return _suite(tmp_path_factory.mktemp("red"), RED + more)


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _suite(tmp_path_factory.mktemp("green"), GREEN)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = _suite(tmp_path_factory.mktemp("troubled"), TROUBLED)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -s -p no:logging -p no:faulthandler\n")
    return folder


@pytest.fixture(scope="module")
def picked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite of which tests are chosen and sorted, beside modules that cannot be collected."""
    folder = _suite(tmp_path_factory.mktemp("picked"), GREEN)
    (folder / "test_broken.py").write_text("import nothing_of_that_name\n")
    (folder / "test_skipped.py").write_text("import pytest\npytest.skip('x', True)\n")
    (folder / "pytest.ini").write_text(
        "[pytest]\naddopts = --continue-on-collection-errors -k 'not test_d'\n"
    )
    (folder / "select.txt").write_text("".join(f"test_it.py::test_{n}\n" for n in "abcd"))
    return folder


@pytest.fixture(scope="module")
def reran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite of which a plugin runs tests again, and another has an outcome of its own."""
    folder = _suite(tmp_path_factory.mktemp("reran"), RERAN)
    (folder / "conftest.py").write_text(textwrap.dedent(ODD_OUTCOME))
    return folder


@pytest.fixture(scope="module")
def unsendable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite whose workers have reports that xdist cannot send."""
    folder = _suite(tmp_path_factory.mktemp("unsendable"), UNSENDABLE)
    (folder / "conftest.py").write_text(textwrap.dedent(ODD_ITEM))
    (folder / "test_odd.py").touch()
    return folder


@pytest.fixture(scope="module")
def differing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite of which each worker collects something else."""
    return _suite(tmp_path_factory.mktemp("differing"), DIFFERS)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite whose conftest fails in every worker."""
    folder = _suite(tmp_path_factory.mktemp("broken"), GREEN)
    (folder / "conftest.py").write_text(textwrap.dedent(BROKEN_IN_WORKERS))
    return folder


def _suite(folder: Path, text: str) -> Path:
    (folder / "pytest.ini").touch()
    (folder / "test_it.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


def wrong(ran: Ran, clean: Ran, bare: Ran, *, mends: bool = False) -> list[str]:
    """Return what a run with a fault says that it must not.

    ``mends``: pytest alone ends otherwise than it does with the recorder, and may with a fault.
    """
    found = []
    if not mends and (ran.code, ran.summary) != (bare.code, bare.summary):
        found.append(f"pytest felt it: {ran.code} {ran.summary!r}")
    for name, was in clean.results.items():
        now = ran.results.get(name)
        if now not in {was, None, "unknown", *BAD} or (was in BAD and now not in {None, *BAD}):
            found.append(f"{name} was {was} and is {now}")
    whole = (ran.results, ran.texts) == (clean.results, clean.texts)
    verdict = ran.verdict
    loud = verdict.code != 0 if mends else verdict.outcome in _LOUD
    if verdict.code == 0 and (bare.code != 0 or ran.results != clean.results):
        found.append(f"{verdict.outcome} with {ran.results}")
    if bare.code == 1 and verdict.outcome not in {Outcome.FAILED, *_LOUD}:
        found.append(f"{verdict.outcome} though pytest ended with 1")
    if not whole and not loud and not ran.notes:
        found.append(f"lost in silence: {ran.results}, {ran.texts} texts")
    return found


_LOUD = frozenset(
    {Outcome.NOT_STARTED, Outcome.INCOMPLETE, Outcome.CRASHED, Outcome.COLLECTION_ERROR}
)


def blame(
    server: Server,
    suite: Path,
    chosen: Callable[[str, int], Iterable[int]],
    *args: str,
    every_line: bool = False,
    mends: bool = False,
) -> dict[str, list[str]]:
    """Return what went wrong, by the function that raised and its call (0: all of them).

    ``chosen``: a function's site and how often it is called → which calls raise.
    """
    bare = server.run(suite, args, recorded=False)
    clean = server.run(suite, args, every_line=every_line)
    assert mends or (clean.code, clean.summary) == (bare.code, bare.summary)
    found = {}
    for site, calls in clean.calls.items():
        for nth in chosen(site, calls):
            ran = server.run(suite, args, site=site, nth=nth, every_line=every_line)
            assert ran.fired, site
            if errors := wrong(ran, clean, bare, mends=mends):
                found[f"{site} {nth or 'always'}"] = errors
    return found


def always(site: str, calls: int) -> list[int]:
    del site, calls
    return [0]


def some(site: str, calls: int) -> list[int]:
    """Choose the first call, one in the middle and the last of what decides over results.

    What is called only once: see `always`.
    """
    decides = site.startswith(DECIDING)
    return sorted({1, (calls + 1) // 2, calls}) if decides and calls > 1 else []


def each(site: str, calls: int) -> range:
    del site
    return range(min(calls, 30) + 1)


def test_a_function_that_always_raises_makes_nothing_better(server: Server, red: Path) -> None:
    assert blame(server, red, always) == {}


def always_and_once(calls: int) -> list[int]:
    """Choose all calls, and the middle one if there are several."""
    return [0, (calls + 1) // 2] if calls > 1 else [0]


def test_a_function_that_raises_once_makes_nothing_better(server: Server, red: Path) -> None:
    assert blame(server, red, some) == {}


def test_a_green_run_is_passed_only_with_all_of_its_results(server: Server, green: Path) -> None:
    def deciding(site: str, calls: int) -> list[int]:
        del calls
        return [0] if site.startswith(DECIDING) else []

    assert blame(server, green, deciding) == {}


@pytest.mark.parametrize("suite", ["troubled", "picked"])
def test_nor_does_one_that_raises_where_a_run_is_disturbed_or_chosen(
    server: Server, request: pytest.FixtureRequest, suite: str
) -> None:
    modules = ("descriptors.", "writer.", "spare.", "order.", "hooks.Selection", "hooks.Hooks._tex")

    def chosen(site: str, calls: int) -> list[int]:
        return [0] if calls and site.startswith(modules) else []

    assert blame(server, request.getfixturevalue(suite), chosen) == {}


@needs_xdist
def test_in_xdists_controller_and_workers_it_is_the_same(server: Server, red: Path) -> None:
    few = (
        "ledger.Ledger._finish", "ledger.Ledger._take", "ledger.Ledger._tell", "events.Events.put",
        "xdist.Workers.of", "xdist.Workers.collected", "__init__._serve_worker",
    )  # fmt: skip

    def chosen(site: str, calls: int) -> list[int]:
        return [0, (calls + 1) // 2] if site in few[:3] else [0] if site in few else []

    assert blame(server, red, chosen, *XDIST) == {}


def test_in_the_parent_of_forked_workers_it_is_the_same(server: Server, red: Path) -> None:
    modules = ("forked.", "ledger.Ledger.begin", "ledger.Ledger._finish", "xdist.Workers.of")

    def chosen(site: str, calls: int) -> list[int]:
        return always_and_once(calls) if site.startswith(modules) else []

    assert blame(server, red, chosen, *FORKS) == {}


@needs_xdist
@pytest.mark.parametrize(
    "suite",
    [
        "unsendable",
        *(pytest.param(s, marks=pytest.mark.soak) for s in ("differing", "broken", "picked")),
    ],
)
def test_nor_where_workers_cannot_send_or_collect(
    server: Server, request: pytest.FixtureRequest, suite: str
) -> None:
    modules = ("sendable.", "uncollected.", "xdist.", "__init__._", "record_folder.", "stopping.")

    def chosen(site: str, calls: int) -> list[int]:
        return [0] if calls and site.startswith(modules) else []

    folder = request.getfixturevalue(suite)
    # The one with unsendable reports calls the same functions with one worker as with two.
    args, mends = (XDIST_ONE, True) if suite == "unsendable" else (XDIST, False)
    assert blame(server, folder, chosen, *args, mends=mends) == {}


@needs_reruns
def test_nor_where_a_plugin_runs_tests_again(server: Server, reran: Path) -> None:
    modules = ("ledger.", "failures.Failures", "reports.", "events.Events.count")

    def chosen(site: str, calls: int) -> list[int]:
        return always_and_once(calls) if site.startswith(modules) else []

    assert blame(server, reran, chosen, *RERUNS) == {}


@pytest.mark.soak
@pytest.mark.parametrize("suite", SUITES)
def test_each_call_of_each_function(
    server: Server, request: pytest.FixtureRequest, suite: str
) -> None:
    assert blame(server, request.getfixturevalue(suite), each) == {}


@pytest.mark.soak
@pytest.mark.parametrize("suite", SUITES)
def test_each_line_of_each_function(
    server: Server, request: pytest.FixtureRequest, suite: str
) -> None:
    assert blame(server, request.getfixturevalue(suite), always, every_line=True) == {}


@pytest.mark.soak
@needs_xdist
@pytest.mark.parametrize("suite", ["red", "green"])
def test_each_function_under_xdist(
    server: Server, request: pytest.FixtureRequest, suite: str
) -> None:
    def first_ones(site: str, calls: int) -> range:
        del site
        return range(min(calls, 2) + 1)

    assert blame(server, request.getfixturevalue(suite), first_ones, *XDIST) == {}


def test_every_function_is_reached_or_known_not_to_be(
    server: Server, request: pytest.FixtureRequest
) -> None:
    reached: set[str] = set()
    for name in SUITES:
        reached.update(server.run(request.getfixturevalue(name), ()).calls)
    reached.update(server.run(request.getfixturevalue("red"), FORKS).calls)
    if XDIST_THERE:
        for name in ("red", "unsendable", "differing", "broken", "picked"):
            reached.update(server.run(request.getfixturevalue(name), XDIST).calls)
    if RERUNS_THERE:
        reached.update(server.run(request.getfixturevalue("reran"), RERUNS).calls)
    able = {site for site, may_raise in faulty.sites().items() if may_raise}
    assert able - reached - set(faulty.NOT_MEANT) <= ELSEWHERE
