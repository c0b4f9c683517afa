"""The controller's side of pytest-xdist: who runs what, who came up, who went down.

Knows xdist's names (3.5 to 3.8), each looked up with care; must not know results.
"""

from collections import Counter
from typing import Any, Callable, Dict, List

import pytest

from .events import Events
from .ids import Ids

Exit = pytest.exit.Exception

#: What the controller hands to each of its workers.
STACKS = "walkaway_stacks"
SELECT = "walkaway_select"

_MANY_RESTARTS = "1000000"


def choose_restarts(config: pytest.Config, pass_no: int) -> None:
    """Let crashed workers stay down in pass 1 and come back in the passes after it.

    A restarted worker makes loadgroup hang and other modes lose tests; what it leaves
    over is the second pass's. The user's own --max-worker-restart stands.
    """
    if getattr(config.option, "maxworkerrestart", "") is None:
        config.option.maxworkerrestart = "0" if pass_no == 1 else _MANY_RESTARTS


class Workers:
    """Follows xdist's workers and what they collected; idle in a serial run."""

    def __init__(self, events: Events, ids: Ids, given: Dict[str, object]) -> None:
        #: True once xdist distributes this run.
        self.on = False
        #: The worker whose start is just being told, "" for none.
        self.starting = ""
        self._events = events
        self._ids = ids
        self._given = given
        self._session: Any = None
        self._each = False
        self._nodes: List[str] = []
        self._pending: Dict[str, List[str]] = {}
        self._told = False

    def of(self, report: Any) -> str:
        """Return the worker that a report comes from."""
        node = getattr(report, "node", None)
        return str(node.gateway.id) if node is not None else ""

    def should_stop(self) -> object:
        """Return why xdist stops early, or something false."""
        return getattr(self._session, "shouldstop", None)

    def collected(self, nodeids: List[str], deselected: int = 0) -> None:
        """Write down the ids that this pass is to report."""
        self._told = True
        self._ids.add(nodeids)
        counts = Counter(nodeids)
        number = self._ids.number
        self._events.put(
            "collected",
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
        # Registered before xdist's own trylast hook, so called before its workers start.
        try:
            dsession = session.config.pluginmanager.get_plugin("dsession")
            if dsession is None:
                return
            self.on = True
            self._session = dsession
            self._each = session.config.option.dist == "each"
            dsession.worker_logstart = self._naming(dsession.worker_logstart)
        except Exit:
            raise
        except Exception as error:
            self._events.note(error)

    def _naming(self, logstart: Callable[..., None]) -> Callable[..., None]:
        def worker_logstart(node: Any, *args: Any, **kwargs: Any) -> None:
            self.starting = str(node.gateway.id)
            try:
                logstart(node, *args, **kwargs)
            finally:
                self.starting = ""

        return worker_logstart

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        try:
            self._nodes.append(str(node.gateway.id))
            node.workerinput.update(self._given)
        except Exit:
            raise
        except Exception as error:
            self._events.note(error)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:
        try:
            process = getattr(getattr(node.gateway, "_io", None), "popen", None)
            self._events.put("wup", w=str(node.gateway.id), pid=getattr(process, "pid", 0))
        except Exit:
            raise
        except Exception as error:
            self._events.note(error)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        try:
            worker = str(node.gateway.id)
            self._events.put("wdown", w=worker, m=None if error is None else str(error)[:2000])
            if self._each and not self._told and worker in self._nodes:
                self._nodes.remove(worker)
                self._tell_each()
        except Exit:
            raise
        except Exception as own:
            self._events.note(own)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: List[str]) -> None:
        try:
            if self._told:
                self._ids.add(ids)  # a worker that collected differently
            elif self._each:
                self._pending[str(node.gateway.id)] = list(ids)
                self._tell_each()
            else:
                self.collected(list(ids))
        except Exit:
            raise
        except Exception as error:
            self._events.note(error)

    def _tell_each(self) -> None:
        """With --dist=each every worker reports every test of its own: wait for all."""
        if self._nodes and all(worker in self._pending for worker in self._nodes):
            self.collected([nodeid for ids in self._pending.values() for nodeid in ids])
