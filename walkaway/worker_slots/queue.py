"""The queue for worker slots, shared by all of this user's runs on this machine, first come first.

Without it, five suites at once can load a machine until their tests time out. Each run has one
file in the runtime folder, locked while its supervisor lives: `NUMBER.wait` while it is queued,
renamed to `NUMBER.hold` once it has its slots. When a supervisor is killed its lock is released,
and the file no longer counts. Every change is made under `turns.lock`, held for about a
millisecond. Narrow runs do not overtake a wide run at the head of the queue.

A failure here never fails tests: the run then goes on without a bound. Light: the supervisor
imports it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping

from walkaway.worker_slots import slot_files
from walkaway.worker_slots.slot_files import HOLD, WAIT, Holder

_GIVE_UP_S = 30.0
"""How long others may hold `turns.lock`, in turn or suspended, before we go on without it."""
_PAUSE_S, _MOST_PAUSE_S = 0.05, 1.0
"""Time between two attempts per run queued ahead, and its maximum, so fifty waiting runs cost
nothing."""
_MOST_LOST = 5


class Turn:
    """One run's place in the queue: call `try_take` repeatedly until it returns True.

    ``total``: the machine's slots (`worker_count.slots`), 0 for no bound. ``requested``: workers of
    this run, capped at ``total``. A run started inside another run must not ask: it would wait for
    its own parent.
    """

    def __init__(
        self, total: int, requested: int, run: str, checkout: str, environ: Mapping[str, str]
    ) -> None:
        self.total = total
        self.workers = min(max(1, requested), total) if total else 0
        self.taken = total == 0
        self.note = ""
        """Why the run goes on unbounded; empty otherwise."""
        self._me = Holder(run, checkout, os.getpid(), self.workers, waits=False)
        self._environ = dict(environ)
        self._fd = -1
        self._name = ""
        self._ahead: list[Holder] = []
        self._failing_since = 0.0
        self._lost = 0
        self._look_at = 0.0

    def try_take(self) -> bool:
        """Take the slots if it is this run's turn and they are free. Does not block for long."""
        if self.taken or time.monotonic() < self._look_at:
            return self.taken
        return self._attempt(at_once=False)

    def take_at_once(self) -> None:
        """Count this run's workers whatever others hold: an adopted run is already running."""
        while not self.taken:
            self._attempt(at_once=True)

    def behind(self) -> list[Holder]:
        """Return who held slots or was queued ahead at the last attempt, oldest first."""
        return list(self._ahead)

    def release(self) -> None:
        """Give up the slots or the place in the queue. May be called again."""
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
            # The folder may just have been deleted; the next attempt makes it again.
            self._lost += isinstance(error, FileNotFoundError)
            if self._lost in {0, _MOST_LOST}:
                where = f"{error.filename}: " if error.filename else ""
                self._without(f"{where}{error.strerror or error}")
        return self.taken

    def _look(self, folder: int, *, at_once: bool) -> None:
        """Join the queue if not in it; take the slots if it is our turn. Call under the lock."""
        entries = slot_files.entries(folder, self._fd)
        if self._fd >= 0 and os.fstat(self._fd).st_nlink == 0:
            self._forget()  # somebody deleted our file
        if self._fd < 0:
            number = 1 + max((entry.number for entry in entries), default=0)
            self._name = f"{number:010}{WAIT}"
            self._fd = slot_files.make(folder, self._name, self._me)
        # The mtime shows others that we still look; monotonic, so no clock change affects it.
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
    """Return every run that has slots or is queued, oldest first. For display only.

    Empty also when the folder or its lock is not available.
    """
    try:
        with slot_files.folder(environ) as folder, slot_files.locked(folder) as locked:
            return (
                [entry.holder for entry in sorted(slot_files.entries(folder, -1))] if locked else []
            )
    except OSError:
        return []
