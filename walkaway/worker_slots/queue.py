"""Worker slots that all runs of this user on this machine share, handed out in order of arrival.

Five suites at once would otherwise load a machine so much that their tests time out. Each run has
one file in the runtime folder, locked for as long as its supervisor lives: `NUMBER.wait` while it
is queued, renamed to `NUMBER.hold` once it has its slots. A killed supervisor's lock is gone, and
with it what the file stood for. Every change is made under `turns.lock`, which is held for a
millisecond; a wide run at the head of the queue is not overtaken by narrow ones.

Failing to bound never fails tests: when anything here cannot be had, the run goes on without.
Light: the supervisor imports it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping

from walkaway.worker_slots import slot_files
from walkaway.worker_slots.slot_files import HOLD, WAIT, Holder

_GIVE_UP_S = 30.0
"""For so long `turns.lock` may be held by others, one after another or one that was suspended."""
_PAUSE_S, _MOST_PAUSE_S = 0.05, 1.0
"""Between two looks of a run, for each that is queued before it: fifty that wait cost nothing."""
_MOST_LOST = 5


class Turn:
    """One run's place among all: ask `try_take` again and again until it is true.

    ``total``: slots of the machine (`workers.slots`), 0 for no bound. ``wanted``: workers of this
    run; it takes ``total`` when that is less. A run that was started inside a run must not ask:
    it would wait for its own parent.
    """

    def __init__(
        self, total: int, wanted: int, run: str, checkout: str, environ: Mapping[str, str]
    ) -> None:
        self.total = total
        self.workers = min(max(1, wanted), total) if total else 0
        self.taken = total == 0
        self.note = ""
        """Why the run goes on without a bound; empty otherwise."""
        self._me = Holder(run, checkout, os.getpid(), self.workers, waits=False)
        self._environ = dict(environ)
        self._fd = -1
        self._name = ""
        self._ahead: list[Holder] = []
        self._failing_since = 0.0
        self._lost = 0
        self._look_at = 0.0

    def try_take(self) -> bool:
        """Take the slots if it is this run's turn and they are free. Never waits long."""
        if self.taken or time.monotonic() < self._look_at:
            return self.taken
        return self._attempt(at_once=False)

    def take_at_once(self) -> None:
        """Count this run's workers whatever others hold: it runs already (adopted)."""
        while not self.taken:
            self._attempt(at_once=True)

    def behind(self) -> list[Holder]:
        """Return who held slots or stood before us at the last attempt, the oldest first."""
        return list(self._ahead)

    def release(self) -> None:
        """Give the slots, or the place in the queue, to others. May be called again."""
        if self._fd >= 0:
            with contextlib.suppress(OSError), slot_files.folder(self._environ) as folder:
                found = os.stat(self._name, dir_fd=folder, follow_symlinks=False)
                if os.path.samestat(found, os.fstat(self._fd)):
                    os.unlink(self._name, dir_fd=folder)
            self._forget()
        self._ahead = []

    def _attempt(self, *, at_once: bool) -> bool:
        try:
            with slot_files.folder(self._environ) as folder, slot_files.locked(folder) as locked:
                if locked:
                    self._failing_since = 0.0
                    self._look(folder, at_once=at_once)
                else:
                    self._wait_for_lock()
        except OSError as error:
            # The folder may just have been deleted: the next attempt makes it again.
            self._lost += isinstance(error, FileNotFoundError)
            if self._lost in {0, _MOST_LOST}:
                where = f"{error.filename}: " if error.filename else ""
                self._without(f"{where}{error.strerror or error}")
        return self.taken

    def _look(self, folder: int, *, at_once: bool) -> None:
        """Under the lock: take a number if we have none, and the slots if it is our turn."""
        entries = slot_files.entries(folder, self._fd)
        if self._fd >= 0 and os.fstat(self._fd).st_nlink == 0:
            self._forget()  # somebody deleted our file
        if self._fd < 0:
            number = 1 + max((entry.number for entry in entries), default=0)
            self._name = f"{number:010}{WAIT}"
            self._fd = slot_files.make(folder, self._name, self._me)
        now_ns = time.monotonic_ns()
        os.utime(self._fd, ns=(now_ns, now_ns))
        before = int(self._name.partition(".")[0])
        ahead = [e for e in entries if not (e.holder.waits and (e.silent or e.number > before))]
        self._ahead = [entry.holder for entry in sorted(ahead)]
        used = sum(holder.workers for holder in self._ahead if not holder.waits)
        queued = sum(holder.waits for holder in self._ahead)
        self._look_at = time.monotonic() + min(_MOST_PAUSE_S, queued * _PAUSE_S)
        if at_once or (queued == 0 and (used == 0 or used + self.workers <= self.total)):
            name = self._name.removesuffix(WAIT) + HOLD
            os.rename(self._name, name, src_dir_fd=folder, dst_dir_fd=folder)
            self._name = name
            self.taken = True
            self._ahead = []

    def _forget(self) -> None:
        slot_files.close(self._fd)
        self._fd, self._name = -1, ""

    def _wait_for_lock(self) -> None:
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if now - self._failing_since > _GIVE_UP_S:
            self._without(f"{slot_files.LOCK} has been held for {_GIVE_UP_S:.0f} s")

    def _without(self, why: str) -> None:
        self.release()
        self.note = f"the machine's worker slots are not shared with other runs: {why}"
        self.taken = True


def who(environ: Mapping[str, str]) -> list[Holder]:
    """Return every run that has slots or is queued, the oldest first. For a look: changes nothing.

    Empty, too, when the folder cannot be looked into.
    """
    try:
        with slot_files.folder(environ) as folder, slot_files.locked(folder) as locked:
            return (
                [entry.holder for entry in sorted(slot_files.entries(folder, -1))] if locked else []
            )
    except OSError:
        return []
