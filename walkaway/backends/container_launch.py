"""The child process that builds, brings up and runs a pass's container, reporting its progress."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from typing import Any

from walkaway.backends.backend import Deps
from walkaway.environment import container
from walkaway.model.run import Compose
from walkaway.process import file_lock
from walkaway.process.children import Helper, LineByLine

_MAKING_S = 10.0
"""How long `compose run` is left alone. After that a stop request ends it; then its container is
looked for."""


class Launching:
    """Manages one such child at a time. A dead supervisor's child may go on without it."""

    def __init__(self, deps: Deps, wanted: Compose) -> None:
        self._deps = deps
        self._wanted = wanted
        self._child: Helper | None = None
        self._lines_read = 0
        self._starting = False
        self._starting_at = 0.0

    def begin(self, number: int, slot: int, left_by: str) -> None:
        """Start the child for pass ``number``. ``left_by``: the run that left the slot unclean."""

        def work(send: Any) -> None:  # noqa: ANN401 - a function of bytes
            from walkaway.environment import run_container

            with contextlib.suppress(OSError):
                file_lock.acquire(self._path)  # held until this child exits, even if adopted
            wish = run_container.Wish(
                self._deps.run, self._wanted, self._deps.record, number, slot, left_by
            )
            run_container.launch(wish, lambda message: send(json.dumps(message).encode()))

        self._child = Helper(LineByLine(work), [self._deps.lock_fd], log_fd=self._deps.log_fd)
        self._lines_read = 0
        self._deps.family.helpers.add(self._child.pid)

    @property
    def child(self) -> Helper | None:
        """The child while it is running, else None."""
        return self._child

    @property
    def may_be_signalled(self) -> bool:
        """Whether the child may be signalled: it has not begun making the container, or hangs."""
        if self._child is None:
            return False
        return not self._starting or time.monotonic() - self._starting_at > _MAKING_S

    def lines(self) -> list[Mapping[str, Any]]:
        """Return the messages received since the last call."""
        if self._child is None or not self._child.answer:
            return []
        whole = self._child.answer.rpartition(b"\n")[0].split(b"\n")
        messages = [json.loads(line) for line in whole[self._lines_read :]]
        self._lines_read = len(whole)
        for line in messages:
            if "phase" in line:
                self._starting = line["phase"] == container.STARTING
                self._starting_at = time.monotonic()
        return messages

    def is_over(self) -> bool:
        """Return True once, after the child has ended."""
        if self._child is None or not self._child.done:
            return False
        self._child = None
        self._starting = False
        return True

    def signal(self, number: int) -> None:
        """Signal the child and its process group."""
        if self._child is not None:
            self._child.signal(number)

    def end(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def goes_on_elsewhere(self) -> bool:
        """Return whether a dead supervisor's child is still launching the container."""
        return self._child is None and file_lock.probe(self._path) is file_lock.Hold.HELD

    @property
    def _path(self) -> str:
        return os.path.join(self._deps.record, container.LAUNCHING)
