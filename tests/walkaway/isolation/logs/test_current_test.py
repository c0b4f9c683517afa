"""Which attempt of which test is at work. Pure."""

from __future__ import annotations

from walkaway.isolation.logs.current_test import Current


def test_attempts_that_asked_for_no_key_count() -> None:
    current = Current("run", "gw0")
    current.start("test_a.py::test_a")
    current.setup()
    current.setup()
    assert current.attempt == 2
