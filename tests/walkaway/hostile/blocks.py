"""Tests that never come back. Bare pytest does not either, so only the recorded run is made."""

from tests.walkaway.hostile.case import Case, Ended


def _blocks(name: str, hostile: str, result: str = "no-result") -> Case:
    """Alone one test has reported when this one blocks; over workers the other one's, too."""
    rest = {"hostile": result, "after": "not-run", "last": "not-run"}
    # A worker that cannot answer may have gone on.
    unheard = {"hostile": result, "after": "not-run|no-result", "last": "not-run|no-result"}
    return Case(
        f"blocks-{name}",
        hostile,
        Ended("timed-out 124", **rest, elsewhere="not-run"),
        Ended("timed-out 124", **unheard),
        bare=None,
        deadline_s=1,
        reported=1,
        reported_spread=2,
    )


CASES = [
    _blocks("in-a-sleep", "time.sleep(600)"),
    _blocks(
        "deaf-to-signals",
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(600)
        """,
    ),
    _blocks(
        "swallowing-every-exception",
        """
        while True:
            try:
                time.sleep(600)
            except BaseException:
                pass
        """,
    ),
    _blocks(
        # A lock taken twice, in C: no signal handler of Python runs any more.
        "with-the-interpreters-lock",
        """
        import ctypes
        library, lock = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
        library.pthread_mutex_lock(lock)
        library.pthread_mutex_lock(lock)
        """,
    ),
    _blocks("by-stopping-itself", "os.kill(os.getpid(), signal.SIGSTOP)"),
    _blocks(
        "in-a-deadlock",
        "lock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    ),
    _blocks(
        "in-teardown",
        """
        @pytest.fixture
        def closing():
            yield
            time.sleep(600)
        def test_hostile(closing): pass
        """,
        # Its call has passed; an interrupt in the teardown is the run's, as in pytest's own report.
        "passed|no-result",
    ),
    Case(
        "blocks-in-an-import",
        above="time.sleep(600)",
        ended=Ended("timed-out 124", *["absent"] * 5),
        bare=None,
        deadline_s=1,
        reported=0,
    ),
]
