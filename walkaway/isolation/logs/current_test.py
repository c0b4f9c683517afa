"""Which test is at work in this process, at which attempt, in which phase.

One test at a time: what another thread says meanwhile is said during it. Must not know logging.
"""

from __future__ import annotations

import itertools

from walkaway.model import test_key


class Current:
    """The test at work; cheap to move, since every test does so four times."""

    __slots__ = ("_attempts", "_key", "_numbers", "_setups", "node", "phase", "run", "worker")

    def __init__(self, run: str, worker: str) -> None:
        self.run = run
        self.worker = worker
        self.node = ""
        """Empty between tests."""
        self.phase = ""
        self._setups = 0
        self._key = ""
        self._numbers = itertools.count(1)
        self._attempts: dict[str, int] = {}
        """Of the tests that asked for their key: how many attempts they had."""

    def start(self, nodeid: str) -> None:
        """Begin a test."""
        self.node = nodeid
        self.phase = "setup"
        self._setups = 0
        self._key = ""

    def setup(self) -> None:
        """Begin an attempt at it: pytest-rerunfailures makes several."""
        self.phase = "setup"
        self._setups += 1
        self._key = ""

    def finish(self) -> None:
        """End the test."""
        self.node = self.phase = self._key = ""

    @property
    def attempt(self) -> int:
        """Which attempt at this test it is, from 1; a node id may also be run twice."""
        if not self._key:
            self._make_key()
        return self._attempts[self.node]

    @property
    def key(self) -> str:
        """What stands for this attempt: the same wherever run, node id and attempt are."""
        if not self._key:
            self._make_key()
        return self._key

    def next_id(self) -> str:
        """Return the id of the next request: `KEY.1`, then `KEY.2`."""
        return f"{self.key}.{next(self._numbers)}"

    def _make_key(self) -> None:
        before = self._attempts.get(self.node, 0)
        # What came before in this very test may not have asked.
        attempt = max(before + 1, self._setups)
        self._attempts[self.node] = attempt
        self._key = test_key.key(self.run, self.node, attempt)
        self._numbers = itertools.count(1)
