"""The test that runs in this process, its attempt and its phase.

One test at a time: what another thread logs meanwhile is attributed to it. Must not know logging.
"""

from __future__ import annotations

import itertools

from walkaway.model import test_key


class Current:
    """The running test. Updates are cheap, because every test makes four."""

    __slots__ = ("_attempts", "_key", "_numbers", "_setups", "node", "phase", "run", "worker")

    def __init__(self, run: str, worker: str) -> None:
        self.run = run
        self.worker = worker
        self.node = ""
        """Node id of the running test; empty between tests."""
        self.phase = ""
        self._setups = 0
        self._key = ""
        self._numbers = itertools.count(1)
        self._attempts: dict[str, int] = {}
        """Node id to the number of attempts so far, for tests that asked for their key."""

    def start(self, nodeid: str) -> None:
        """Start a test."""
        self.node = nodeid
        self.phase = "setup"
        self._setups = 0
        self._key = ""

    def setup(self) -> None:
        """Start an attempt. pytest-rerunfailures makes several per test."""
        self.phase = "setup"
        self._setups += 1
        self._key = ""

    def finish(self) -> None:
        """End the test."""
        self.node = self.phase = self._key = ""

    @property
    def attempt(self) -> int:
        """Number of this attempt, from 1. It counts on when the same node id runs twice."""
        if not self._key:
            self._make_key()
        return self._attempts[self.node]

    @property
    def key(self) -> str:
        """Key of this attempt, made of run, node id and attempt.

        Anyone who knows the three computes the same key.
        """
        if not self._key:
            self._make_key()
        return self._key

    def next_id(self) -> str:
        """Return the id of the next request: `KEY.1`, then `KEY.2`."""
        return f"{self.key}.{next(self._numbers)}"

    def _make_key(self) -> None:
        before = self._attempts.get(self.node, 0)
        # Earlier attempts in this test may not have asked for a key, so the set-ups count as well.
        attempt = max(before + 1, self._setups)
        self._attempts[self.node] = attempt
        self._key = test_key.key(self.run, self.node, attempt)
        self._numbers = itertools.count(1)
