"""Runs in every situation, made by hand: what the views are shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from walkaway.model.events import Event
from walkaway.model.last_start import LastStart, Stage
from walkaway.model.run import Compose, Limits, Origin, Run
from walkaway.model.run_view import (
    Counts,
    Ended,
    RunningTest,
    RunView,
    SinceEnd,
    Stuck,
    Tree,
    TreeState,
)
from walkaway.model.vocabulary import Outcome, Status

ROOT = "/home/kim/shop"
FOLDER = f"{ROOT}/logs/tests/pytest/test-run-20261122-101530-7f3a"
CREATED_S = 1_795_342_530.0
SLOW_TEST = "tests/unit/test_orders.py::TestRefund::test_partial_refund[eur-2]"
QUICK_TEST = "tests/unit/test_text.py::test_slug"

RUN = Run(
    id="20261122-101530-7f3a",
    root=ROOT,
    cwd=ROOT,
    args=("tests/unit", "-m", "not slow"),
    argv=(f"{ROOT}/.venv/bin/python", "-m", "pytest", "tests/unit", "-m", "not slow"),
    created_s=CREATED_S,
    started_boot=100.0,
    label="tests/unit -m 'not slow'",
    origin=Origin("agent", "a"),
    limits=Limits(deadline_s=1800.0),
)


def look(status: Status = Status.RUNNING, **changes: object) -> RunView:
    """Return a look at the sample run; by default a running one of which one test failed."""
    made = RunView(
        run=RUN,
        status=status,
        record=FOLDER,
        log=f"{FOLDER}.log",
        elapsed_s=12.3,
        counts=Counts(45, 120, {"passed": 43, "failed": 1, "skipped": 1}),
        workers=2,
        eta_s=(21.0, 44.2),
        tree=Tree("1a2b3c4", 2),
        flights=(RunningTest(SLOW_TEST, "gw0", 9.4, 0.4), RunningTest(QUICK_TEST, "gw1", 0.2, 0.1)),
        tail=(
            "tests/unit/test_text.py::test_words PASSED          [ 36%]",
            "",
            "tests/unit/test_text.py::test_x FAILED",
        ),
    )
    return replace(made, **changes)  # type: ignore[arg-type] # fields by name, as a test needs them


def ended(outcome: Outcome, code: int, rests_on: str, **more: object) -> RunView:
    """Return a look at the sample run after its end; keys that `Ended` lacks are the look's."""
    own = {name: more.pop(name) for name in list(more) if name in Ended.__dataclass_fields__}
    verdict = replace(Ended(outcome, code, rests_on), **own)  # type: ignore[arg-type] # as above
    base: dict[str, object] = {
        "elapsed_s": 42.4,
        "counts": Counts(120, 120, {"passed": 117, "failed": 3}),
        "eta_s": None,
        "flights": (),
        "tail": (),
        "ended": verdict,
    }
    return look(Status.DONE, **(base | more))


PARTLY = Counts(45, 120, {"passed": 44, "failed": 1})
NONE_BAD = Counts(45, 120, {"passed": 45})
NONE_BAD_AT_ALL = Counts(120, 120, {"passed": 120})
NOTHING = Counts()
STACK = (
    'File "/usr/lib/python3.11/selectors.py", line 415 in select',
    'File "/usr/lib/python3.11/socket.py", line 706 in readinto',
    f'File "{ROOT}/.venv/lib/python3.11/site-packages/http/client.py", line 286 in read',
    f'File "{ROOT}/app/payment.py", line 88 in charge',
    f'File "{ROOT}/tests/unit/test_orders.py", line 41 in test_partial_refund',
    f'File "{ROOT}/.venv/lib/python3.11/site-packages/_pytest/python.py", line 166 in call',
)
NO_RECORD = LastStart(
    Stage.REFUSED, 69, "No Compose file in /home/kim/shop.\nName one: walkaway.compose_file.",
    "inv test-async --backend compose -- tests/unit", CREATED_S - 12.0,
)  # fmt: skip
LOST = tuple(f"tests/unit/test_stock.py::test_count[{n}]" for n in range(7))

IN_COMPOSE = RUN._replace(backend="compose", compose=Compose())

ENDINGS: dict[str, RunView] = {
    "passed": ended(
        Outcome.PASSED, 0, "pytest ended with 0, 120 of 120 tests reported",
        counts=Counts(120, 120, {"passed": 117, "skipped": 3}),
    ),
    "passed-with-a-note": ended(
        Outcome.PASSED, 0, "pytest ended with 0, 120 of 120 tests reported",
        counts=Counts(120, 120, {"passed": 120}),
        notes=("a process of the run was killed because memory ran out",),
    ),
    "passed-edited": ended(
        Outcome.PASSED, 0, "pytest ended with 0, 120 of 120 tests reported",
        counts=Counts(120, 120, {"passed": 120}),
        tree=Tree("1a2b3c4", 0, ("app/orders.py", "app/stock.py", "tests/x.py", "setup.py"), 4),
    ),
    "passed-unsupervised": ended(
        Outcome.PASSED, 0, "the recorder's last event says that pytest ended with 0",
        counts=Counts(120, 120, {"passed": 120}), supervised=False, recorded=False,
        notes=("its supervisor died; pytest's end comes from the recorder's last event",),
    ),
    "failed": ended(Outcome.FAILED, 1, "pytest ended with 1, 120 of 120 tests reported"),
    "failed-in-many-ways": ended(
        Outcome.FAILED, 1, "pytest ended with 1, 115 of 120 tests reported",
        counts=Counts(
            115, 120, {"passed": 100, "failed": 12, "error": 2, "crashed": 1, "subfailed": 4}, 1
        ),
        notes=("5 tests never reported",), lost=5, lost_ids=LOST[:5],
        crashed=("tests/unit/test_image.py::test_resize",),
    ),
    "failed-at-the-first": ended(
        Outcome.FAILED, 1, "pytest ended with 1, 45 of 120 tests reported", counts=PARTLY,
        not_run=75, stopping="stopping after 1 failures",
    ),
    "failed-without-a-failure": ended(
        Outcome.FAILED, 1, "pytest ended with 1, 120 of 120 tests reported",
        counts=Counts(120, 120, {"passed": 120}),
        notes=("no test failed: something else in pytest's run made it end with 1",),
    ),
    "failed-for-warnings": ended(
        Outcome.FAILED, 6, "pytest ended with 6, 120 of 120 tests reported",
        counts=Counts(120, 120, {"passed": 120}), because="1 warning of 0 allowed",
        said=("tests/unit/test_text.py:3: UserWarning: slug() is old",),
    ),
    "failed-for-flaky-tests": ended(
        Outcome.FAILED, 7, "pytest ended with 7, 120 of 120 tests reported",
        counts=Counts(120, 120, {"passed": 120}), because="2 tests passed only on a rerun",
        flaky=(SLOW_TEST, QUICK_TEST),
    ),
    "failed-for-coverage": ended(
        Outcome.FAILED, 1, "pytest ended with 1, 120 of 120 tests reported",
        counts=Counts(120, 120, {"passed": 120}), because="coverage 67 % of 99 % required",
    ),
    "failed-and-uncovered": ended(
        Outcome.FAILED, 1, "pytest ended with 1, 120 of 120 tests reported",
        because="coverage 67 % of 99 % required",
    ),
    "failed-by-a-plugin": ended(
        Outcome.FAILED, 17, "pytest ended with 17, 120 of 120 tests reported",
        counts=Counts(120, 120, {"passed": 120}),
        because='pytest ended with 17 ("gate: 3 secrets found")',
        said=("gate: looking", "gate: 3 secrets found"),
    ),
    "failed-in-two-passes": ended(
        Outcome.FAILED, 1,
        f"pytest ended with 1 in pass 1, with 0 in pass 2, {SLOW_TEST} crashed, "
        "120 of 120 tests reported",
        counts=Counts(120, 120, {"passed": 119, "crashed": 1}), crashed=(SLOW_TEST,),
        notes=("2 passes: tests lost with a crashed worker were run again",),
    ),
    "passed-by-a-plugin": ended(
        Outcome.PASSED, 0, "pytest ended with 0, 120 of 120 tests reported",
        because="pytest ended with 0 although 3 tests failed: a plugin decided so",
        notes=("pytest ended with 0 although 3 tests failed: a plugin decided so",),
    ),
    "interrupted": ended(
        Outcome.INTERRUPTED, 130, "Ctrl-C", counts=PARTLY, not_run=75, may_have_run=75,
    ),
    "internal-error": ended(
        Outcome.INTERNAL_ERROR, 3, "pytest ended with 3", counts=NOTHING, elapsed_s=0.8,
        said=("INTERNALERROR> Traceback (most recent call last):", "INTERNALERROR> KeyError: 'db'"),
    ),
    "usage-error": ended(
        Outcome.USAGE_ERROR, 4, "pytest ended with 4", counts=NOTHING, elapsed_s=0.3,
        said=("ERROR: file or directory not found: tests/unti", "", "no tests ran in 0.00s"),
    ),
    "usage-error-of-an-option": ended(
        Outcome.USAGE_ERROR, 4, "pytest ended with 4", counts=NOTHING, elapsed_s=0.3,
        said=("python -m pytest: error: unrecognized arguments: --bogus", "  rootdir: /home/kim"),
    ),
    "no-tests": ended(
        Outcome.NO_TESTS, 5, "pytest ended with 5", counts=NOTHING, elapsed_s=0.3,
        said=("plugins: xdist-3.8.0", "collected 120 items / 120 deselected / 0 selected"),
    ),
    "nothing-run": ended(
        Outcome.NOTHING_RUN, 0, "pytest ended with 0, no test was to be run",
        counts=Counts(0, 120), elapsed_s=0.9, not_run=120,
    ),
    "collection-error": ended(
        Outcome.COLLECTION_ERROR, 2, "pytest ended with 2, 2 collection errors",
        counts=Counts(0, 0, {}, 2), elapsed_s=1.2,
    ),
    "incomplete": ended(
        Outcome.INCOMPLETE, 65, "pytest ended with 0, 7 tests of 120 not reported",
        counts=Counts(113, 120, {"passed": 113}), lost=7, lost_ids=LOST,
    ),
    "crashed": ended(
        Outcome.CRASHED, 139, "pytest was ended by SIGSEGV", counts=NONE_BAD,
        crashed=(SLOW_TEST,), lost=74, lost_ids=LOST,
    ),
    "killed": ended(
        Outcome.KILLED, 137, "pytest was ended by SIGKILL", counts=NONE_BAD, crashed=(SLOW_TEST,),
    ),
    "out-of-memory": ended(
        Outcome.OUT_OF_MEMORY, 137, "pytest was ended by SIGKILL, out of memory", counts=PARTLY,
        crashed=(SLOW_TEST,),
    ),
    "timed-out": ended(
        Outcome.TIMED_OUT, 124, "deadline of 1800 s", counts=PARTLY, elapsed_s=1803.0, not_run=75,
        may_have_run=1,
        stuck=(Stuck(SLOW_TEST, "gw0", 600.0, 0.4, STACK),),
    ),
    "stalled": ended(
        Outcome.STALLED, 124, "no event for 600 s while the tree was idle", counts=NONE_BAD,
        elapsed_s=700.0, not_run=70,
        stuck=tuple(
            Stuck(f"tests/unit/test_pool.py::test_take[{n}]", f"gw{n}", 600.0, None, STACK[:2])
            for n in range(5)
        ),
    ),
    "output-limit": ended(
        Outcome.OUTPUT_LIMIT, 124, "1024 MB in pytest's capture file", counts=NONE_BAD, not_run=75,
        stuck=(Stuck(QUICK_TEST, "", 3.0, 0.1, ()),),
    ),
    "disk-full": ended(
        Outcome.DISK_FULL, 124, "60 MB left on the disk", counts=NONE_BAD, not_run=75,
    ),
    "stopped": ended(
        Outcome.STOPPED, 2, "stop requested by inv stop (terminal)", counts=NONE_BAD, not_run=75,
    ),
    "not-started": ended(
        Outcome.NOT_STARTED, 69, "the command ended with 1 and the recorder never loaded",
        counts=NOTHING, elapsed_s=0.1,
        said=("/home/kim/shop/.venv/bin/python: No module named pytest",),
    ),
    "not-started-in-compose": ended(
        Outcome.NOT_STARTED, 69, "Service redis is unhealthy.", run=IN_COMPOSE,
        counts=NOTHING, elapsed_s=4.1,
        said=("its health check: exit 1, 3 failures in a row", "  it is ill"),
    ),
    "built": ended(
        Outcome.NOTHING_RUN, 0, "the image was built", counts=NOTHING, elapsed_s=24.7,
        run=IN_COMPOSE._replace(label="build --no-cache", compose=Compose(only_build=True)),
    ),
    "failed-in-compose": ended(
        Outcome.FAILED, 1, "pytest ended with 1, 120 of 120 tests reported", run=IN_COMPOSE,
    ),
    "vanished": ended(
        Outcome.VANISHED, 70, "nothing shows how pytest ended: no exit status, no final event",
        counts=NONE_BAD, supervised=False, recorded=False,
        notes=("its supervisor and pytest are gone; the last event is 340 s old",),
    ),
}  # fmt: skip

SINCE: dict[str, RunView] = {
    "same": replace(ENDINGS["passed"], since_end=SinceEnd(0.4, TreeState.SAME, nchanged=0)),
    "changed": replace(
        ENDINGS["passed"],
        since_end=SinceEnd(661.0, TreeState.CHANGED, ("tests/unit/test_a.py",), 1),
    ),
    "much-changed": replace(
        ENDINGS["failed"],
        since_end=SinceEnd(90_000.0, TreeState.CHANGED, tuple(f"app/m{n}.py" for n in range(9)), 9),
    ),
    "changed-somewhere": replace(
        ENDINGS["passed-edited"], since_end=SinceEnd(7300.0, TreeState.CHANGED)
    ),
    "unknown": replace(ENDINGS["failed"], since_end=SinceEnd(12.0, TreeState.UNKNOWN)),
}
LIVE: dict[str, RunView] = {
    "running": look(),
    "running-well": look(
        counts=Counts(45, 120, {"passed": 45}), workers=0, tail=(),
        flights=(RunningTest(QUICK_TEST, "", 0.2, None),),
    ),
    "running-edited": look(
        tree=Tree("1a2b3c4", 0, ("app/orders.py", "app/stock.py"), 2), flights=(), tail=(),
    ),
    "running-silent": look(silent_s=95.0, busy=1.9, eta_s=None),
    "running-adopted": look(supervised=False, adopted_now=True),
    "running-unsupervised": look(supervised=False, silent_s=31.0),
    "running-staying": look(
        counts=NONE_BAD_AT_ALL, flights=(), eta_s=None, silent_s=41.0,
        staying=("Thread-1 (pump) started in tests/unit/test_pool.py:12",),
    ),
    "running-ending": look(ending="deadline of 1800 s"),
    "running-on-many-workers": look(
        workers=16,
        flights=tuple(RunningTest(f"tests/t.py::test_{n}", f"gw{n}", 2.0, 1.9) for n in range(12)),
        tail=tuple(f"tests/t.py::test_{n} PASSED" for n in range(12)),
        counts=Counts(1045, 12000, {"passed": 1045}, 0, 3, 40),
    ),
    "collecting": look(
        Status.PREPARING, phase="collecting", counts=NOTHING, flights=(), tail=(), eta_s=None,
    ),
    "queued": look(Status.QUEUED, counts=NOTHING, flights=(), tail=(), eta_s=None, elapsed_s=3.0),
    "queued-for-slots": look(
        Status.QUEUED, counts=NOTHING, flights=(), tail=(), eta_s=None, elapsed_s=3.0,
        phase="for 2 of the machine's 4 worker slots, behind 1c2d in /home/kim/blog and 2 more",
    ),
    "building-in-compose": look(
        Status.PREPARING, run=IN_COMPOSE, phase="building the image", counts=NOTHING, flights=(),
        eta_s=None, tail=("#8 [system 2/3] RUN apt-get install chromium", "#8 12.1 Unpacking …"),
    ),
    "engine-silent": look(run=IN_COMPOSE, engine_silent=True, silent_s=41.0, eta_s=None, tail=()),
    "engine-silent-ending": look(
        run=IN_COMPOSE, engine_silent=True, silent_s=41.0, eta_s=None, tail=(),
        ending="stop requested by inv stop (claude)",
    ),
    "unknown-engine": look(
        Status.UNKNOWN, run=IN_COMPOSE, eta_s=None, flights=(),
        why_unknown="the Docker engine does not answer; the last event is 41 s old",
    ),
    "unknown": look(
        Status.UNKNOWN, why_unknown="it was started on another host (ci-7)", eta_s=None, flights=(),
    ),
    "unknown-early": look(
        Status.UNKNOWN, why_unknown="the record's locks are not visible from here",
        counts=NOTHING, eta_s=None, flights=(), tail=(),
    ),
}  # fmt: skip

REFUSED = (
    'connection to server at "127.0.0.1", port 5432 failed: Connection refused\n'
    "\tIs the server running on that host and accepting TCP/IP connections?"
)
REFUSED_TEXT = f"""\
tests/conftest.py:31: in database
    connection = connect(settings.database_url)
app/db.py:41: in connect
    return psycopg.connect(url, connect_timeout=3)
.venv/lib/python3.11/site-packages/psycopg/connection.py:119: in connect
    raise last_ex.with_traceback(None)
E   psycopg.OperationalError: {REFUSED.partition(chr(10))[0]}
E   \tIs the server running on that host and accepting TCP/IP connections?"""
ASSERTION_TEXT = """\
tests/unit/test_orders.py:41: in test_partial_refund
    assert order.total == Money(12, "EUR")
E   AssertionError: assert Money(10, 'EUR') == Money(12, 'EUR')
E    +  where Money(10, 'EUR') = <Order 7f>.total"""

LEAK = f"""\
{QUICK_TEST} left 1 thread and 1 file behind
  threads: Thread-2 (pump)
  files: /tmp/shop/cache.db
Clean up in the test or in its fixtures' teardown; if it must stay: \
@pytest.mark.allow_leaks("threads", "files", reason="...")."""
MANY_LINES = "the table differs\n" + "\n".join(f"  row {n}: 1 instead of 2" for n in range(30))


def entry(nodeid: str, cause: int, **keys: object) -> Event:
    """Return a line of failures.jsonl as a reader sees it."""
    base: Event = {"e": "x", "i": 0, "id": nodeid, "r": "failed", "w": "call", "cause": cause}
    made: Event = json.loads(json.dumps(base | keys))
    return made


def cascade(count: int = 38) -> Iterator[Event]:
    """Return the failures of a broken database: one cause, as many tests as there are."""
    for n in range(count):
        told: dict[str, object] = {"text": REFUSED_TEXT, "out": []} if n < 3 else {}
        nodeid = f"tests/integration/test_orders.py::test_order_{n}"
        yield entry(
            nodeid, 0, r="error", w="setup", type="psycopg.OperationalError", msg=REFUSED,
            at="app/db.py:41 in connect", **told,
        )  # fmt: skip


def mixture() -> Iterator[Event]:
    """Return failures of four causes, as they come."""
    yield entry(
        SLOW_TEST, 0, type="AssertionError", text=ASSERTION_TEXT,
        msg="assert Money(10, 'EUR') == Money(12, 'EUR')\n +  where Money(10, 'EUR') = <Order 7f>",
        at="tests/unit/test_orders.py:41 in test_partial_refund",
        out=[
            ["Captured stdout call", "".join(f"request {n}\n" for n in range(9))],
            ["Captured log call", "WARNING  app.orders:orders.py:77 rounding 12 to 10\n"],
        ],
    )  # fmt: skip
    yield from ({**event, "cause": 1} for event in cascade(5))
    yield entry(
        "tests/unit/test_image.py::test_resize", 2, r="crashed", w="crash", type="",
        msg="worker 'gw1' crashed while running 'tests/unit/test_image.py::test_resize'", at="",
        text="", out=[],
    )  # fmt: skip
    yield entry(
        "tests/unit/test_broken.py", 3, r="error", w="collect", type="ModuleNotFoundError",
        msg="No module named 'pyyaml'", at="tests/unit/test_broken.py:3",
        text="ImportError while importing test module '/home/kim/shop/tests/unit/test_broken.py'.\n"
        "Hint: make sure your test modules/packages have valid Python names.\nTraceback:\n"
        "tests/unit/test_broken.py:3: in <module>\n    import pyyaml\n"
        "E   ModuleNotFoundError: No module named 'pyyaml'",
    )  # fmt: skip


def untraced() -> Iterator[Event]:
    """Failures without a traceback: a leak, and a message that is longer than what is shown."""
    for number, (nodeid, said) in enumerate(((QUICK_TEST, LEAK), (SLOW_TEST, MANY_LINES))):
        yield entry(nodeid, number, type="Failed", msg=said, at=nodeid, text=said)
