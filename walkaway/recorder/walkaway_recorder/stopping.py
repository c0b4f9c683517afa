"""Stop a run with xdist: workers end after their current test, and their reports still count.

By itself xdist ignores its workers after INT, while they go on for up to five seconds. Knows
xdist's session and its workers' commands (3.5 to 3.8); must not know results.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Generator

import pytest

from walkaway_recorder import event_kinds
from walkaway_recorder.guard import Exit, Foreign, Guard
from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    from walkaway_recorder.events import Events

keep_builtins(globals())

#: The controller's command to a worker: your current test is your last one.
_COMMAND = "walkaway_stop"
#: How long a test may go on before it is interrupted, as in xdist; at most half the grace.
_PATIENCE_S = 5.0
#: The share of the grace period for which workers are waited for.
_SHARE = 0.8
_GRACE_S = 10.0
_PAUSE_S = 0.05
#: A worker's answer, sent in one of xdist's own events: no test has this number.
_UNDERSTOOD = [-1]
_HANDLED = frozenset({"logstart", "logfinish", "testreport", "warning_recorded"})
_ENDS = frozenset({"workerfinished", "errordown", "internal_error"})


class Stopping:
    """The controller's side: defers INT to between two xdist events, then drains the workers."""

    def __init__(self, events: Events, folder: str) -> None:
        self._events = events
        self._guard = Guard(events.note)
        self._folder = folder
        self._asked = 0
        self._waiting = False

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, Any, None]:
        dsession = session.config.pluginmanager.get_plugin("dsession")
        if dsession is None:
            yield
            return
        before: Foreign = None
        with self._guard:
            before = self._listen(dsession)
        try:
            outcome = yield
            kind = outcome.excinfo[0] if outcome.excinfo else None
            if kind is KeyboardInterrupt or kind is Exit:
                with self._guard:
                    self._drain(session.config, dsession)
        finally:
            if before is not None:
                signal.signal(signal.SIGINT, before)

    def _listen(self, dsession: Foreign) -> Foreign:
        """Defer INT until the current event is processed, or its report would be lost.

        A second INT is not deferred. Returns the handler to restore, None if nothing was changed.
        """
        ours = threading.current_thread() is threading.main_thread()
        if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return None
        get = dsession.queue.get

        def next_event(*args: Foreign, **kwargs: Foreign) -> Foreign:
            __tracebackhide__ = True
            if self._asked:
                raise KeyboardInterrupt
            self._waiting = True
            try:
                return get(*args, **kwargs)
            finally:
                self._waiting = False

        dsession.queue.get = next_event
        return signal.signal(signal.SIGINT, self._on_int)

    def _on_int(self, _number: int, _frame: object) -> None:
        self._asked += 1
        if self._waiting or self._asked > 1:
            raise KeyboardInterrupt

    # -- after the interrupt

    def _drain(self, config: pytest.Config, dsession: Foreign) -> None:
        """Make the workers end after their current test, and process what they still report."""
        if dsession.sched is None or not dsession.sched.collection_is_completed:
            return  # no worker has begun a test
        nodes = set(dsession._active_nodes)  # noqa: SLF001 - xdist's only list of them
        self._asked = max(1, self._asked)
        self._events.put(event_kinds.DRAINING)
        for node in nodes:
            with suppress(OSError):
                node.sendcommand(_COMMAND)
                node.shutdown()
        now = time.monotonic()
        grace = _grace_s(self._folder)
        patient = now + min(_PATIENCE_S, grace / 2)
        until = now + grace * _SHARE
        deaf = set(nodes)
        while nodes and now < until:
            try:
                self._handle_event(config, dsession, nodes, deaf)
                impatient = False
            except KeyboardInterrupt:
                impatient = True
            now = time.monotonic()
            if impatient or now >= patient:
                patient = until
                for node in nodes:
                    _interrupt(node)
        self._events.put(event_kinds.DRAINED, left=_names(nodes), deaf=_names(deaf))

    def _handle_event(
        self, config: pytest.Config, dsession: Foreign, nodes: set[Foreign], deaf: set[Foreign]
    ) -> None:
        """Process one event from a worker, if there is one.

        A worker that has ended is removed from `nodes`; `deaf` holds those that may still start
        another test.
        """
        try:
            name, data = type(dsession.queue).get(dsession.queue, timeout=_PAUSE_S)
        except queue.Empty:
            return
        if name in _HANDLED:
            getattr(dsession, f"worker_{name}")(**data)
        elif name in _ENDS:
            nodes.discard(data["node"])
            deaf.discard(data["node"])
            if name == "workerfinished":  # an orderly end: plugins collect the worker's data here
                config.hook.pytest_testnodedown(node=data["node"], error=None)
        elif name == "unscheduled" and data["indices"] == _UNDERSTOOD:
            deaf.discard(data["node"])
        elif name == "workerready":
            data["node"].shutdown()


def _names(nodes: set[Foreign]) -> list[str]:
    return sorted(str(node.gateway.id) for node in nodes)


def _grace_s(folder: str) -> float:
    """Return the run's grace period between INT and TERM, in seconds."""
    try:
        with open(os.path.join(folder, "run.json"), encoding="utf-8") as file:
            return max(0.5, float(json.load(file)["limits"]["grace_s"]))
    except (OSError, ValueError, KeyError, TypeError):
        return _GRACE_S


def _interrupt(node: Foreign) -> None:
    """Send INT to a worker, which ends its current test as in a serial run."""
    process = getattr(getattr(node.gateway, "_io", None), "popen", None)
    if process is not None:
        with suppress(OSError):
            process.send_signal(signal.SIGINT)  # does nothing once the process was reaped


# -- the worker's side


class _Over:
    """Skips all tests that are still in the worker's queue."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self) -> bool:
        return True


def obey_stop(config: pytest.Config) -> None:
    """Make a worker understand the controller's command that its current test is the last."""
    for plugin in config.pluginmanager.get_plugins():
        if hasattr(plugin, "handle_command") and hasattr(plugin, "torun"):
            plugin.handle_command = _obeying(config, plugin, plugin.handle_command)
            return


def _obeying(
    config: pytest.Config, interactor: Foreign, handle: Callable[..., None]
) -> Callable[..., None]:
    def handle_command(command: Foreign) -> None:
        ours = False
        with suppress(Exception):
            ours = isinstance(command, tuple) and command[0] == _COMMAND
            if ours and not config.pluginmanager.has_plugin("walkaway-over"):
                config.pluginmanager.register(_Over(), "walkaway-over")
                interactor.sendevent("unscheduled", indices=_UNDERSTOOD)
        if not ours:
            handle(command)

    return handle_command
