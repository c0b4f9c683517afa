"""A run's worker slots on this machine: taken before pytest starts, given up when it has ended."""

from __future__ import annotations

import os

from walkaway.model import journal_kinds
from walkaway.model.run import Run
from walkaway.record.journal import Journal
from walkaway.worker_slots import worker_count
from walkaway.worker_slots.queue import Turn

_NAMED = 3


class SlotShare:
    """One run's share of the worker slots. A run inside a run uses its parent's."""

    def __init__(self, run: Run, journal: Journal) -> None:
        self._run = run
        self._journal = journal
        self._turn: Turn | None = None

    def ask(self, *, at_once: bool = False) -> None:
        """Join the queue, once per pass. ``at_once``: take the slots now, as for an adopted run."""
        run = self._run
        total = 0 if run.parent else run.worker_slots
        self._turn = Turn(
            total, worker_count.requested(run.argv, os.environ), run.id, run.root, os.environ
        )
        if at_once:
            self._turn.take_at_once()

    def waiting(self) -> str:
        """Try to take the slots; return an empty string on success, else what the run waits for."""
        turn = self._turn
        if turn is None or turn.try_take():
            if turn is not None and turn.note:
                self._journal.write(journal_kinds.PHASE, name=turn.note)
            return ""
        behind = [
            f"{holder.run.rpartition('-')[2]} in {holder.checkout}" for holder in turn.behind()
        ]
        more = f" and {len(behind) - _NAMED} more" if len(behind) > _NAMED else ""
        who = ", ".join(behind[:_NAMED]) or "other runs"
        return f"for {turn.workers} of the machine's {turn.total} worker slots, behind {who}{more}"

    def leave(self) -> None:
        """Give up the slots."""
        if self._turn is not None:
            self._turn.release()
            self._turn = None
