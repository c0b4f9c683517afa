"""A Compose run's hold on its checkout's environments: a lease, or a share in slot 0."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from walkaway.environment import leases
from walkaway.environment.project import WITHOUT_SERVICES, Project
from walkaway.model import journal_kinds
from walkaway.model.run import Compose, Run
from walkaway.record.journal import Journal

_RETRY_S = 1.0


class Leasing:
    """Waits for an environment, knows its slot, and gives it back."""

    def __init__(self, run: Run, wanted: Compose, journal: Journal) -> None:
        self._run = run
        self._root = Path(run.root)
        self._wanted = wanted
        self._journal = journal
        self._lease: leases.Lease | None = None
        self._share: leases.Share | None = None
        self._occupied: dict[int, str] = {}
        """Slots in use by a run without a supervisor, with that run's id."""
        self._again_at = 0.0
        self.error = ""
        """Why no environment can be leased at all; empty otherwise."""

    @property
    def slot(self) -> int:
        """The number of the leased environment; 0 without services."""
        return self._lease.slot if self._lease else WITHOUT_SERVICES

    @property
    def left_by(self) -> str:
        """The run that last had the environment and never gave it back clean; else empty."""
        return self._lease.left_by if self._lease else ""

    @property
    def project(self) -> Project:
        """The Compose project of the run."""
        return Project(self._root, self.slot, self._wanted.service, self._wanted.files)

    def waiting(self) -> str:
        """Try to get the lease or share; return what the run waits for.

        Empty when the run has what it needs, or never will (then `error` says why).
        """
        if self._lease is not None or self._share is not None or self._wanted.only_build:
            return ""
        try:
            return self._join() if not self._wanted.services else self._take()
        except OSError as error:
            where = error.filename or self._root
            self.error = f"no environment can be leased: {where}: {error.strerror or error}"
            return ""

    def _join(self) -> str:
        self._share = leases.share(self._root)
        return "" if self._share else "for another run's clean-up to end"

    def _take(self) -> str:
        slots = self._wanted.slots
        self._lease = leases.take(self._root, slots, self._run.id, frozenset(self._occupied))
        if self._lease is not None:
            self._journal.write(journal_kinds.ENVIRONMENT_LEASED, slot=self._lease.slot)
            return ""
        having = [*leases.holders(self._root, slots), *self._occupied.values()]
        behind = ", ".join(name.rpartition("-")[2] for name in having) or "another run"
        if time.monotonic() >= self._again_at:
            self._occupied = {}  # the runs without a supervisor may be gone by now
        what = "the environment" if slots == 1 else f"one of {slots} environments"
        return f"for {what}, held by {behind}"

    def give_way(self, run_id: str) -> None:
        """Leave the environment to a run without a supervisor that is still running there."""
        if self._lease is not None:
            self._occupied[self._lease.slot] = run_id
            self._again_at = time.monotonic() + _RETRY_S
            self._lease.give_back(clean=False, to=run_id)
            self._lease = None

    def take_over(self, slot: int) -> None:
        """Take over the lease or share of a supervisor that died."""
        with contextlib.suppress(OSError):
            if slot:
                self._lease = leases.take_slot(self._root, slot, self._run.id)
            elif not self._wanted.services:
                self._share = leases.share(self._root)

    def last(self) -> bool:
        """Return whether nobody else has a share, so that the network can be removed."""
        return self._share is not None and self._share.last()

    def used(self, *, ran: bool) -> bool:
        """Return whether the environment must be reset; ``ran``: tests ran in it."""
        return self._lease is not None and (ran or bool(self._lease.left_by))

    def give_back(self, *, clean: bool) -> None:
        """End lease and share; ``clean``: the environment was reset."""
        if self._share is not None:
            self._share.leave()
        if self._lease is not None:
            self._lease.give_back(clean=clean)
