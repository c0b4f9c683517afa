"""The recorder: a pytest plugin that writes a run's events. PYTEST_DONT_REWRITE.

Loaded by `-p walkaway_recorder` first in argv. Inert without the supervisor's
environment; stacks only in an xdist worker; silent in a pytest inside a test.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Generator

import pytest

from walkaway_recorder import environment, process, sendable
from walkaway_recorder.originals import keep_builtins
from walkaway_recorder.place import announce, from_text
from walkaway_recorder.recording import Recording
from walkaway_recorder.stopping import hear_stop
from walkaway_recorder.xdist import ORDER, RECORD, SELECT, STACKS

keep_builtins(globals())

_recording: Recording | None = None


def _say(text: str) -> None:
    sys.stderr.write(f"walkaway: {text}\n")


def _load() -> None:
    global _recording  # noqa: PLW0603 - one recording a process, from import to exit
    try:
        given = environment.take(os.environ)
        if given is not None:
            process.print_to(f"{given.record}.log")
            _recording = Recording(given)
    except Exception as error:
        environment.wipe(os.environ)
        _say(f"cannot record: {error}")


_load()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, None]:
    """Record what happens between here and the true final status."""
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
    """Return the recording of this pytest; None for a worker, or a pytest.main() inside a test."""
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
    try:
        hear_stop(config)
        if given.get(RECORD):
            announce(config, from_text(given[RECORD]))
            sendable.install(config)
        if given.get(STACKS):
            process.dump_stacks_on_request(given[STACKS], given.get("workerid", "-"))
        if given.get(ORDER):
            from walkaway_recorder.order import Order, let_seed_decide

            let_seed_decide(config, given[ORDER])
            config.pluginmanager.register(Order(given[ORDER]), "walkaway-order")
        if given.get(SELECT):
            from walkaway_recorder.hooks import Selection

            config.pluginmanager.register(
                Selection(given[SELECT], None, aloud=False), "walkaway-selection"
            )
    except OSError as error:
        _say(f"no stacks from this worker: {error}")
