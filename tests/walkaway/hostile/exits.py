"""Tests, fixtures and plugins that end pytest before its end, or change what it ends with."""

from tests.walkaway.hostile.case import Case, Ended

_GONE = Ended("crashed 65", hostile="crashed", after="lost", last="lost", elsewhere="lost")
_WORKER = Ended(hostile="crashed")
_INTERRUPTED = Ended(
    "interrupted 2", hostile="no-result", after="not-run", last="not-run", elsewhere="not-run"
)


def _signalled(word: str, number: int) -> Ended:
    return Ended(
        f"{word} {128 + number}", hostile="crashed", after="lost", last="lost", elsewhere="lost"
    )


CASES = [
    Case("exits-at-once", "os._exit(0)", _GONE, _WORKER, bare=0, bare_spread=1),
    Case("exits-at-once-with-1", "os._exit(1)", _GONE, _WORKER),
    Case("exits-by-sys", "sys.exit(0)", Ended(hostile="failed")),
    Case(
        # xdist 3.8 makes an internal error of it.
        "exits-by-pytest-with-0",
        "pytest.exit('done', returncode=0)",
        Ended("incomplete 65", hostile="lost", after="lost", last="lost", elsewhere="lost"),
        Ended(
            "internal-error 3", hostile="lost", after="lost", last="lost", elsewhere="passed|lost"
        ),
        bare=0,
        bare_spread=3,
    ),
    Case(
        "interrupts-by-exception",
        "raise KeyboardInterrupt",
        _INTERRUPTED,
        # xdist 3.8 tells it as a crash of that worker, and ends the session.
        Ended(hostile="crashed", after="not-run", last="not-run", elsewhere="passed|not-run"),
        bare=2,
    ),
    Case("raises-an-unheard-of-exception", "raise GeneratorExit('gone')", Ended(hostile="failed")),
    Case(
        "kills-itself",
        "os.kill(os.getpid(), 9)",
        _signalled("killed", 9),
        _WORKER,
        bare=-9,
        bare_spread=1,
    ),
    Case(
        "terminates-itself",
        "os.kill(os.getpid(), 15)",
        _signalled("killed", 15),
        _WORKER,
        bare=-15,
        bare_spread=1,
    ),
    Case("aborts", "os.abort()", _signalled("crashed", 6), _WORKER, bare=-6, bare_spread=1),
    Case(
        "reads-through-a-null-pointer",
        "import ctypes\nctypes.string_at(0)",
        _signalled("crashed", 11),
        _WORKER,
        bare=-11,
        bare_spread=1,
    ),
    Case(
        # After the last report: nothing is lost but the exit status.
        "exits-at-once-at-the-sessions-end",
        conftest="""
        def pytest_sessionfinish(session):
            if not hasattr(session.config, "workerinput"):
                os._exit(0)
        """,
        ended=Ended("failed 1|incomplete 65"),
        bare=0,
    ),
    Case(
        # Pytest's own word was 1.
        "exits-at-once-after-pytests-end",
        conftest="import atexit\natexit.register(os._exit, 0)",
        ended=Ended("failed 1|incomplete 65"),
        bare=0,
    ),
    Case(
        # The one way to be green with a failure: a plugin's word, which pytest takes too.
        "forgives-every-failure",
        conftest="""
        def pytest_sessionfinish(session):
            session.exitstatus = 0
        """,
        ended=Ended("passed 0"),
        bare=0,
    ),
    Case(
        "raises-after-pytests-end",
        conftest="def pytest_unconfigure(config): raise RuntimeError('late')",
        ended=Ended("failed 1"),
    ),
    Case(
        "exits-while-conftest-is-imported",
        conftest="sys.exit(0)",
        ended=Ended("incomplete 65", *["absent"] * 5),
        bare=0,
    ),
    Case(
        "exits-while-a-module-is-imported",
        above="sys.exit(0)",
        ended=Ended("internal-error 3", *["absent"] * 5),
        bare=3,
    ),
    Case(
        "exits-at-once-in-teardown",
        """
        @pytest.fixture
        def closing():
            yield
            os._exit(0)
        def test_hostile(closing): pass
        """,
        _GONE,
        _WORKER,
        bare=0,
        bare_spread=1,
    ),
    Case(
        "exits-from-a-thread",
        "threading.Thread(target=os._exit, args=(0,)).start()\ntime.sleep(30)",
        _GONE,
        _WORKER,
        bare=0,
        bare_spread=1,
    ),
]
