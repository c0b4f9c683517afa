"""The check beside what libraries do to the process: faked time, helpers, timers, threads kept."""

from __future__ import annotations

from tests.walkaway.isolation.leaks.test_leaks import blamed
from tests.walkaway.support.nested import SERIAL, Nested


def test_a_clock_that_is_stopped_for_a_whole_module_does_not_stop_the_check(
    nested: Nested,
) -> None:
    """As freezegun does, in a fixture that is wider than the test."""
    nested.write(
        "test_it.py",
        """
        import threading, time, pytest
        GATE = threading.Event()
        @pytest.fixture(scope="module", autouse=True)
        def stopped():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(time, "monotonic", lambda: 5.0)
                patch.setattr(time, "sleep", lambda _: None)
                yield
        def test_ends_by_itself():
            threading.Timer(0.05, int).start()
        def test_leaks():
            threading.Thread(target=GATE.wait, name="left-thread").start()
        def test_ends():
            GATE.set()
        """,
    )
    ended = nested.run(*SERIAL)
    assert blamed(ended) == {"test_leaks": ("error",)}, ended
    assert "threads: left-thread" in ended.text
