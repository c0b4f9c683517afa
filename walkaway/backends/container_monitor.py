"""Asking the engine how a container is, again and again, until it says that it has ended.

`docker wait` tells an end at once; whatever it answers, `docker inspect` decides. Each is a child.
An engine that hangs ends neither, so it is asked for a sign of life beside them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable

from walkaway.environment.container import State
from walkaway.process.children import Helper
from walkaway.process.process_tree import Family
from walkaway.record.journal import Journal

_RETRY_S = 1.0
_PING_S = 5.0
"""Between two signs of life: 17 ms of CPU each."""
_MISSED = 2
"""So many in a row without an answer are silence: a machine may be busy for seconds."""
_INSPECT_EVERY = 12
"""So many pings, then a question about the container: an engine may hang on that one alone."""
_ALIVE = b"1"


class Asking:
    """The questions about one container, and whether the engine answers them."""

    def __init__(self, family: Family, journal: Journal, lock_fd: int, *, away: bool) -> None:
        self._family = family
        self._journal = journal
        self._lock_fd = lock_fd
        self._name = ""
        self._look: Helper | None = None
        self._waiter: Helper | None = None
        self._ping: Helper | None = None
        self._retry_at = 0.0
        self._ping_at = 0.0
        self._pings = 0
        self._mute = False
        """The last question about the container had no answer."""
        self._missed = 0
        """Pings without an answer, in a row."""
        self._told = False
        self.exit_code: int | None = None
        """What `docker wait` said: it hears the end also of a container that is removed then."""
        self.away = away
        """The engine may have been away while the container ran."""

    @property
    def silent(self) -> bool:
        """Whether the engine does not answer."""
        return self._mute or self._missed >= _MISSED

    def about(self, name: str) -> None:
        """Ask about this container from now on."""
        self._name = name
        self.exit_code = None

    def helpers(self) -> list[Helper]:
        """Return the docker commands at work."""
        return [one for one in (self._look, self._waiter, self._ping) if one is not None]

    def end(self) -> None:
        """End them."""
        for helper in self.helpers():
            helper.end()
        self._look = self._waiter = self._ping = None

    def command(self, words: tuple[str, ...]) -> Helper:
        """Start a docker command."""
        helper = Helper(("/usr/bin/env", *words))
        self._family.helpers.add(helper.pid)
        return helper

    def wait(self) -> None:
        """Wait for the container's end."""
        if self._waiter is None:
            self._waiter = self.command(("docker", "wait", self._name))

    def ask(self) -> None:
        """Ask how it is now."""
        self._retry_at = time.monotonic() + _RETRY_S
        if self._look is not None:
            return
        name = self._name

        def work() -> bytes:
            from walkaway.environment import container_calls

            found = container_calls.inspect(name, os.environ)
            return json.dumps(None if found is None else found._asdict()).encode()

        self._look = self._child(work)

    def answered(self) -> None:
        """Note that the engine has answered somebody else."""
        self._mute, self._missed = False, 0
        self._tell()

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
            code = self._waiter.answer.strip()
            self.away |= not code
            self.exit_code = int(code) if code.isdigit() else None
            self._waiter = None
            self.ask()
        wanted = (needed and self._waiter is None) or self._mute
        if wanted and state is None and self._look is None and time.monotonic() >= self._retry_at:
            self.ask()
        self._look_for_life()
        return state

    def _look_for_life(self) -> None:
        if self._ping is not None:
            if self._ping.done:
                self._missed = 0 if self._ping.answer == _ALIVE else self._missed + 1
                self._ping = None
                if self._missed:
                    self._ping_at = time.monotonic() + _RETRY_S
                self._tell()
        elif self._look is None and time.monotonic() >= self._ping_at:
            self._ping_at = time.monotonic() + _PING_S
            self._pings += 1
            if self._waiter is not None and self._pings % _INSPECT_EVERY == 0:
                self.ask()
                return

            def work() -> bytes:
                from walkaway.environment import engine

                return b"" if engine.silent_because(os.environ) else _ALIVE

            self._ping = self._child(work)

    def _child(self, work: Callable[[], bytes]) -> Helper:
        helper = Helper(work, [self._lock_fd])
        self._family.helpers.add(helper.pid)
        return helper

    def _answer(self, helper: Helper) -> State | None:
        try:
            told = json.loads(helper.answer)
        except ValueError:
            told = None
        self._mute = told is None
        self.away |= self._mute
        if not self._mute:
            self._missed = 0
        self._tell()
        return None if told is None else State(**told)

    def _tell(self) -> None:
        """Write down when the engine falls silent, and when it answers again."""
        if self.silent != self._told:
            self._told = self.silent
            self._journal.write("engine", answers=not self.silent)
