"""Which tests another pass runs after a worker's crash."""

from __future__ import annotations

from walkaway.model import ledger
from walkaway.model.observed import Observed
from walkaway.runs import judge, second_pass


def test_a_test_that_was_running_when_its_worker_died_is_not_run_again() -> None:
    names = [f"tests/a.py::test_{n}" for n in range(4)]
    book = ledger.build(
        names,
        [
            {"e": "loaded", "t": 0.0, "pass": 1},
            {"e": "collected", "t": 0.1, "n": 4, "unique": 4},
            {"e": "loop", "t": 0.1},
            {"e": "s", "t": 0.2, "i": 0, "w": "gw0"},
            {"e": "s", "t": 0.2, "i": 1, "w": "gw1"},
            {"e": "wdown", "t": 0.3, "w": "gw0", "m": "Not properly terminated"},
            {"e": "f", "t": 0.4, "i": 1, "w": "gw1", "r": "passed"},
            {"e": "end", "t": 0.5, "exit": 1},
        ],
    )
    facts = judge.gather(book, Observed(exit_code=1))
    assert second_pass.lost_with_a_worker(book, facts) == [2, 3]
