"""The child that builds, brings up and runs a pass's container, and tells how far it is."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from typing import Any

from walkaway.backends import Deps
from walkaway.environment import container
from walkaway.process import file_lock
from walkaway.process.children import Helper, Tells

_MAKING_S = 10.0
"""What `compose run` may take before it is ended on request; its container is looked for then."""


class Launching:
    """At most one such child; that of a supervisor which is gone may go on without it."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._child: Helper | None = None
        self._told = 0
        self._starting = False
        self._starting_at = 0.0

    def begin(self, number: int, slot: int, left_by: str) -> None:
        """Start the child for pass ``number``."""

        def work(tell: Any) -> None:  # noqa: ANN401 - a function of bytes
            from walkaway.environment import run_container

            with contextlib.suppress(OSError):
                file_lock.acquire(self._path)  # until we are gone, whoever supervises then
            wish = run_container.Wish(self._deps.run, self._deps.record, number, slot, left_by)
            run_container.launch(wish, lambda told: tell(json.dumps(told).encode()))

        self._child = Helper(Tells(work), [self._deps.lock_fd], log_fd=self._deps.log_fd)
        self._told = 0
        self._deps.family.helpers.add(self._child.pid)

    @property
    def child(self) -> Helper | None:
        """The child while it is at work."""
        return self._child

    @property
    def may_be_told(self) -> bool:
        """Whether the child may be signalled: it has not begun to make the container, or hangs."""
        if self._child is None:
            return False
        return not self._starting or time.monotonic() - self._starting_at > _MAKING_S

    def lines(self) -> list[Mapping[str, Any]]:
        """Return what it has told since the last call."""
        if self._child is None or not self._child.answer:
            return []
        whole = self._child.answer.rpartition(b"\n")[0].split(b"\n")
        told = [json.loads(line) for line in whole[self._told :]]
        self._told = len(whole)
        for line in told:
            if "phase" in line:
                self._starting = line["phase"] == container.STARTING
                self._starting_at = time.monotonic()
        return told

    def is_over(self) -> bool:
        """Tell once that it is gone."""
        if self._child is None or not self._child.done:
            return False
        self._child = None
        self._starting = False
        return True

    def signal(self, number: int) -> None:
        """Signal the child and what it started."""
        if self._child is not None:
            self._child.signal(number)

    def end(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def goes_on_elsewhere(self) -> bool:
        """Tell whether the child of a supervisor that is gone goes on with what it began."""
        return self._child is None and file_lock.probe(self._path) is file_lock.Hold.HELD

    @property
    def _path(self) -> str:
        return os.path.join(self._deps.record, container.LAUNCHING)
