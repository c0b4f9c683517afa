"""Follow pytest-xdist from its controller: which worker runs what, which came up or went down.

Knows xdist's names (3.5 to 3.8) and tolerates missing ones; must not know results.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Callable

import pytest

from walkaway_recorder import environment, event_kinds, uncollected
from walkaway_recorder.guard import Foreign, Guard
from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    from walkaway_recorder.events import Events
    from walkaway_recorder.node_ids import Ids

keep_builtins(globals())

#: Keys of what the controller passes to each of its workers.
STACKS = "walkaway_stacks"
SELECT = "walkaway_select"
ORDER = "walkaway_order"
RECORD = "walkaway_record"

_MANY_RESTARTS = "1000000"


def choose_restarts(config: pytest.Config, pass_no: int) -> None:
    """Leave crashed workers down in pass 1, and restart them in later passes.

    A restarted worker makes loadgroup hang and other modes lose tests. The tests left over
    are run in the second pass. The user's own --max-worker-restart is kept.
    """
    if getattr(config.option, "maxworkerrestart", "") is None:
        config.option.maxworkerrestart = "0" if pass_no == 1 else _MANY_RESTARTS


class Workers:
    """Follows xdist's workers and what they collected; does nothing else in a serial run."""

    def __init__(self, events: Events, ids: Ids, given: dict[str, object]) -> None:
        #: True if xdist distributes this run.
        self.on = False
        #: True if walkaway_forks does: pytest's own report of a start comes with the results.
        self.forked = False
        #: The worker whose test start is being reported right now, "" for none.
        self.starting = ""
        self._events = events
        self._guard = Guard(events.note)
        self._ids = ids
        self._given = given
        self._session: Foreign = None
        self._each = False
        self._nodes: list[str] = []
        self._pending: dict[str, list[str]] = {}
        #: What each worker collected, in the order they reported; shared with the scheduler.
        self._lists: dict[str, list[str]] = {}
        self._ended_early: dict[str, uncollected.CollectionFailure] = {}
        self._recorded = False

    def of(self, report: Foreign) -> str:
        """Return the worker that a report comes from; "" when serial."""
        if self.forked:
            return str(getattr(report, "worker_id", ""))
        node = getattr(report, "node", None)
        return str(node.gateway.id) if node is not None else ""

    def should_stop(self) -> object:
        """Return why xdist stops early, or a false value."""
        return getattr(self._session, "shouldstop", None)

    def nobody_collected(self) -> list[uncollected.CollectionFailure]:
        """Return why no worker could collect, each reason once; empty if one could."""
        return [] if self._lists else list(self._ended_early.values())

    def difference(self, worker: str) -> uncollected.CollectionFailure | None:
        """Return how a worker's tests differ from the first worker's, or None.

        xdist reports such a difference as a collection error with the worker as node id.
        """
        first = next(iter(self._lists), "")
        if worker in {first, ""} or worker not in self._lists:
            return None
        return uncollected.differ(first, self._lists[first], worker, self._lists[worker])

    def collected(self, nodeids: list[str], deselected: int = 0) -> None:
        """Record the ids that this pass should report."""
        self._recorded = True
        self._ids.add(nodeids)
        counts = Counter(nodeids)
        if self._events.pass_no == 1:  # a later pass owes nothing new
            self._events.expected = len(nodeids)
        number = self._ids.number
        self._events.put(
            event_kinds.COLLECTED,
            n=len(nodeids),
            unique=len(counts),
            deselected=deselected,
            dup={str(number[i]): n for i, n in counts.items() if n > 1}
            if len(counts) != len(nodeids)
            else {},
            workers=self._nodes,
        )
        self._events.checkpoint()

    # -- hooks

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        # trylast, like xdist's own hook, which was registered later and starts the workers: of two
        # such hooks pluggy calls the later one last.
        with self._guard:
            dsession = session.config.pluginmanager.get_plugin("dsession")
            if dsession is None:
                return
            environment.wipe(os.environ)  # so that workers start clean; they get what they need
            self.on = True
            self._session = dsession
            self._each = session.config.option.dist == "each"
            dsession.worker_logstart = self._naming(dsession.worker_logstart)

    def _naming(self, logstart: Callable[..., None]) -> Callable[..., None]:
        def worker_logstart(node: Foreign, *args: Foreign, **kwargs: Foreign) -> None:
            with self._guard:
                self.starting = str(node.gateway.id)
            try:
                logstart(node, *args, **kwargs)
            finally:
                self.starting = ""

        return worker_logstart

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Foreign) -> Foreign:
        """Use `load` in later passes: the only mode that survives crashes without loss or hangs.

        The option itself is not changed: workers name tests by it (`loadgroup` adds `@group`).
        """
        if self._events.pass_no == 1 or self._each:
            return None
        with self._guard:
            return import_module("xdist.scheduler").LoadScheduling(config, log)
        return None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Foreign) -> None:
        with self._guard:
            self._nodes.append(str(node.gateway.id))
            node.workerinput.update(self._given)
            node.sendcommand = _patient(node.sendcommand)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Foreign) -> None:
        with self._guard:
            process = getattr(getattr(node.gateway, "_io", None), "popen", None)
            self._events.put(
                event_kinds.WORKER_UP, w=str(node.gateway.id), pid=getattr(process, "pid", 0)
            )

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Foreign, error: object) -> None:
        with self._guard:
            worker = str(node.gateway.id)
            more: dict[str, object] = {}
            if error is not None and worker not in self._lists:
                failure = uncollected.ended_early(str(error))
                self._ended_early.setdefault(failure.errorstring.replace(worker, "gw"), failure)
                more["early"] = failure.errorstring[:300]
            self._events.put(
                event_kinds.WORKER_DOWN,
                w=worker,
                m=None if error is None else str(error)[:2000],
                **more,
            )
            if self._each and not self._recorded and worker in self._nodes:
                self._nodes.remove(worker)
                self._record_each()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Foreign, ids: list[str]) -> None:
        with self._guard:
            self._lists[str(node.gateway.id)] = ids
            if self._recorded:
                self._ids.add(ids)  # a worker that collected differently
            elif self._each:
                self._pending[str(node.gateway.id)] = list(ids)
                self._record_each()
            else:
                self.collected(list(ids))

    def _record_each(self) -> None:
        """Record the collection for --dist=each: wait for all, as every worker runs every test."""
        if self._nodes and all(worker in self._pending for worker in self._nodes):
            self.collected([nodeid for ids in self._pending.values() for nodeid in ids])


def _patient(send: Callable[..., None]) -> Callable[..., None]:
    """Ignore errors when xdist writes to a worker that has just died; its end is reported next.

    Otherwise two crashes at about the same time are an internal error ("cannot send").
    """

    def sendcommand(name: str, **kwargs: Foreign) -> None:
        with suppress(OSError):
            send(name, **kwargs)

    return sendcommand
