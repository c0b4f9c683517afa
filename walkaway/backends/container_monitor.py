"""Watch a container with `docker wait` and `docker inspect` until it has ended.

`docker wait` reports an end at once; whatever it says, `docker inspect` decides. Each runs in a
child. With a hanging engine neither returns, so the engine is also pinged.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable

from walkaway.environment.container import State
from walkaway.model import journal_kinds
from walkaway.process.children import Helper
from walkaway.process.process_tree import Family
from walkaway.record.journal import Journal

_RETRY_S = 1.0
_PING_S = 5.0
"""Time between two pings; each costs 17 ms of CPU."""
_MISSED = 2
"""This many unanswered pings in a row mean silence: a machine may be busy for seconds."""
_INSPECT_EVERY = 12
"""Every so many pings, inspect the container instead: an engine may hang on that one alone."""
_ALIVE = b"1"


class ContainerMonitor:
    """Queries one container's state and keeps track of whether the engine answers."""

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
        self._unanswered = False
        """The last inspection of the container got no answer."""
        self._missed = 0
        """Unanswered pings in a row."""
        self._journaled = False
        self.exit_code: int | None = None
        """From `docker wait` or the engine's events, which also know a removed container's end."""
        self.away = away
        """The engine may have been away while the container ran."""

    @property
    def silent(self) -> bool:
        """Whether the engine does not answer."""
        return self._unanswered or self._missed >= _MISSED

    def about(self, name: str) -> None:
        """Watch this container from now on."""
        self._name = name
        self.exit_code = None

    def helpers(self) -> list[Helper]:
        """Return the running docker commands."""
        return [one for one in (self._look, self._waiter, self._ping) if one is not None]

    def end(self) -> None:
        """End the running docker commands."""
        for helper in self.helpers():
            helper.end()
        self._look = self._waiter = self._ping = None

    def command(self, words: tuple[str, ...]) -> Helper:
        """Start a docker command."""
        helper = Helper(("/usr/bin/env", *words))
        self._family.helpers.add(helper.pid)
        return helper

    def wait(self) -> None:
        """Start `docker wait` unless it is running."""
        if self._waiter is None:
            self._waiter = self.command(("docker", "wait", self._name))

    def ask(self) -> None:
        """Start an inspection of the container unless one is running."""
        self._retry_at = time.monotonic() + _RETRY_S
        if self._look is not None:
            return
        name = self._name

        def work() -> bytes:
            from walkaway.environment import container_calls

            found = container_calls.inspect(name, os.environ)
            if found is None:
                return b"null"
            died = None if found.status else container_calls.died_with(name, os.environ)
            return json.dumps([found._asdict(), died]).encode()

        self._look = self._child(work)

    def answered(self) -> None:
        """Note that the engine has answered another command."""
        self._unanswered, self._missed = False, 0
        self._journal_silence()

    def turn(self, *, needed: bool) -> State | None:
        """Take one turn; return the container's state if the engine has just reported it.

        ``needed``: the container's state must be watched. An empty state means that there is no
        such container.
        """
        state = None
        if self._look is not None and self._look.done:
            state = self._answer(self._look)
            self._look = None
        if self._waiter is not None and self._waiter.done:
            # An exit code, or the engine went away, perhaps briefly: `docker inspect` decides.
            code = self._waiter.answer.strip()
            self.away |= not code
            self.exit_code = int(code) if code.isdigit() else None
            self._waiter = None
            self.ask()
        due = (needed and self._waiter is None) or self._unanswered
        if due and state is None and self._look is None and time.monotonic() >= self._retry_at:
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
                self._journal_silence()
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
            answer = json.loads(helper.answer)
        except ValueError:
            answer = None
        self._unanswered = answer is None
        self.away |= self._unanswered
        if not self._unanswered:
            self._missed = 0
        self._journal_silence()
        if answer is None:
            return None
        state, died = answer
        if self.exit_code is None:
            self.exit_code = died
        return State(**state)

    def _journal_silence(self) -> None:
        """Journal when the engine falls silent and when it answers again."""
        if self.silent != self._journaled:
            self._journaled = self.silent
            self._journal.write(journal_kinds.ENGINE_ANSWERS, answers=not self.silent)
