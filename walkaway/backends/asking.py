"""Asking the engine how a container is, again and again, until it says that it has ended.

`docker wait` tells an end at once; whatever it answers, `docker inspect` decides. Each is a child.
"""

from __future__ import annotations

import json
import os
import time

from walkaway.backends.container import State
from walkaway.supervisor.children import Helper
from walkaway.supervisor.family import Family
from walkaway.supervisor.journal import Journal

_RETRY_S = 1.0


class Asking:
    """The questions about one container, and whether the engine answers them."""

    def __init__(self, family: Family, journal: Journal, lock_fd: int, *, away: bool) -> None:
        self._family = family
        self._journal = journal
        self._lock_fd = lock_fd
        self._name = ""
        self._look: Helper | None = None
        self._waiter: Helper | None = None
        self._retry_at = 0.0
        self.silent = False
        self.away = away
        """The engine may have been away while the container ran."""

    def about(self, name: str) -> None:
        """Ask about this container from now on."""
        self._name = name

    def helpers(self) -> list[Helper]:
        """Return the docker commands at work."""
        return [helper for helper in (self._look, self._waiter) if helper is not None]

    def end(self) -> None:
        """End them."""
        for helper in self.helpers():
            helper.end()
        self._look = self._waiter = None

    def command(self, words: tuple[str, ...]) -> Helper:
        """Start a docker command."""
        helper = Helper(("/usr/bin/env", *words))
        self._family.helpers.add(helper.pid)
        return helper

    def wait(self) -> None:
        """Wait for the container's end."""
        self._waiter = self.command(("docker", "wait", self._name))

    def ask(self) -> None:
        """Ask how it is now."""
        self._retry_at = time.monotonic() + _RETRY_S
        if self._look is not None:
            return
        name = self._name

        def work() -> bytes:
            from walkaway.environment import containers

            found = containers.inspect(name, os.environ)
            return json.dumps(None if found is None else found._asdict()).encode()

        self._look = Helper(work, [self._lock_fd])
        self._family.helpers.add(self._look.pid)

    def turn(self, *, needed: bool) -> State | None:
        """Take one turn: what the engine said, if it did just now. ``needed``: nothing else tells.

        An empty state: there is no such container.
        """
        state = None
        if self._look is not None and self._look.done:
            state = self._answer(self._look)
            self._look = None
        if self._waiter is not None and self._waiter.done:
            # An exit code, or the engine went, for a moment perhaps: its own word decides.
            self.away |= not self._waiter.answer.strip()
            self._waiter = None
            self.ask()
        if needed and state is None and not self.helpers() and time.monotonic() >= self._retry_at:
            self.ask()
        return state

    def _answer(self, helper: Helper) -> State | None:
        try:
            told = json.loads(helper.answer)
        except ValueError:
            told = None
        silent = told is None
        self.away |= silent
        if silent != self.silent:
            self.silent = silent
            self._journal.write("engine", answers=not silent)
        return None if told is None else State(**told)
