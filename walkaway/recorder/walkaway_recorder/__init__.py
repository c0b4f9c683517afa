"""The recorder: a pytest plugin that writes a run's events. PYTEST_DONT_REWRITE.

Loaded by `-p walkaway_recorder`, first in argv. Does nothing without the supervisor's
variables. Writes no events in an xdist worker, and none in a pytest inside a test.
Standard library and pytest only; must not import the rest of Walkaway.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.machinery import PathFinder
from typing import Any, Callable, Generator

import pytest


class _Direct(PathFinder):
    """Python's own import, ahead of pytest's assertion rewriter.

    The rewriter takes every module of a `-p` plugin, with a cache of its own. Where none may be
    written (PYTHONDONTWRITEBYTECODE, a read-only mount), each process then compiles all of them:
    70 ms.
    """


_rewriters = [type(finder).__module__ == "_pytest.assertion.rewrite" for finder in sys.meta_path]
sys.meta_path.insert(_rewriters.index(True) if any(_rewriters) else len(_rewriters), _Direct)
try:
    from walkaway_recorder import environment, process, sendable
    from walkaway_recorder.forked import offer_plugin
    from walkaway_recorder.originals import keep_builtins
    from walkaway_recorder.record_folder import announce, from_text
    from walkaway_recorder.recording import Recording
    from walkaway_recorder.stopping import obey_stop
    from walkaway_recorder.xdist import ORDER, RECORD, SELECT, STACKS
finally:
    sys.meta_path.remove(_Direct)

keep_builtins(globals())

_recording: Recording | None = None


def _say(text: str) -> None:
    sys.stderr.write(f"walkaway: {text}\n")


def _load() -> None:
    global _recording  # noqa: PLW0603 - one recording a process, from import to exit
    try:
        given = environment.take(os.environ)
        if given is not None:
            offer_plugin()
            process.print_to(f"{given.record}.log")
            _recording = Recording(given)
    except Exception as error:
        with suppress(Exception):
            environment.wipe(os.environ)
        _say(f"cannot record: {error}")


_load()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, None]:
    """Record everything up to pytest's true final status, which only this wrapper sees."""
    recording = _begin(config)
    outcome = yield
    if recording is not None:
        try:
            if outcome.excinfo is None:
                recording.end(outcome.get_result())
            else:
                recording.broke_off(outcome.excinfo[1])
        except Exception as error:
            _say(f"cannot record pytest's end: {error}")


def _begin(config: pytest.Config) -> Recording | None:
    """Return this pytest's recording; None in a worker or for a pytest.main() inside a test."""
    try:
        worker = getattr(config, "workerinput", None)
        if worker is not None:
            _serve_worker(config, worker)
        elif _recording is not None and _recording.begin(config):
            return _recording
    except Exception as error:
        _say(f"cannot record: {error}")
    return None


def _serve_worker(config: pytest.Config, given: dict[str, str]) -> None:
    """Do everything the controller asks of this worker; one failure does not stop the others."""
    asked: list[Callable[[], object]] = [lambda: obey_stop(config)]
    if given.get(RECORD):
        asked.append(lambda: sendable.install(config))
        asked.append(lambda: announce(config, from_text(given[RECORD])))
    if given.get(STACKS):
        name = given.get("workerid", "-")
        asked.append(lambda: process.dump_stacks_on_request(given[STACKS], name))
    if given.get(ORDER):
        asked.append(lambda: _order(config, given[ORDER]))
    if given.get(SELECT):
        asked.append(lambda: _select(config, given[SELECT]))
    for serve in asked:
        try:
            serve()
        except Exception as error:  # noqa: PERF203 - five at most
            _say(f"from this worker: {error}")


def _order(config: pytest.Config, order: str) -> None:
    from walkaway_recorder.order import Order, let_seed_decide

    let_seed_decide(config, order)
    config.pluginmanager.register(Order(order), "walkaway-order")


def _select(config: pytest.Config, path: str) -> None:
    from walkaway_recorder.hooks import Selection

    selection = Selection(path, None, aloud=False)
    config.pluginmanager.register(selection, "walkaway-selection")
