"""Replace what a forked worker must not share with its parent, right after the fork."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any, Optional

import pytest

# From linux/prctl.h, see prctl(2).
_PR_SET_PDEATHSIG = 1
_HOOKS_OF_PARENT = ("pytest_runtest_logreport", "pytest_warning_recorded")
"""Hooks called only in the parent, once per report or warning, as in a serial run."""
_HOOKS_OF_BOTH = ("pytest_runtest_logstart", "pytest_runtest_logfinish")
"""Plugins learn from these which test runs in this process; only the terminal's print something."""


def renew(
    config: pytest.Config, worker: str, count: int, run_uid: str, basetemp: Optional[Path]
) -> None:
    """Turn this process into a worker of its own. Call it first in the child."""
    # The parent's exit handlers are the parent's to run.
    atexit._clear()
    _die_with_parent()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    os.environ.update(
        PYTEST_XDIST_WORKER=worker,
        PYTEST_XDIST_WORKER_COUNT=str(count),
        PYTEST_XDIST_TESTRUNUID=run_uid,
    )
    config.workerinput = {  # type: ignore[attr-defined]  # xdist's name for it
        "workerid": worker, "workercount": count, "testrunuid": run_uid, "mainargv": sys.argv,
    }  # fmt: skip
    _silence(config)
    _renew_random()
    _renew_capture(config)
    _renew_basetemp(config, basetemp)
    asyncio._set_running_loop(None)


def _die_with_parent() -> None:
    """Make the kernel kill this worker when the parent dies, however that happens."""
    ctypes = sys.modules.get("ctypes")  # on Linux the parent imported it before the fork
    if ctypes is None:
        return
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the call
        os._exit(1)


def _silence(config: pytest.Config) -> None:
    """Remove the implementations of hooks that only the parent calls, and what prints."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    for name in (*_HOOKS_OF_PARENT, *_HOOKS_OF_BOTH):
        caller = getattr(config.hook, name, None)
        if caller is None:
            continue
        for implementation in list(caller.get_hookimpls()):
            if name in _HOOKS_OF_PARENT or implementation.plugin is terminal:
                with contextlib.suppress(Exception):
                    caller._remove_plugin(implementation.plugin)
        if caller.is_historic():
            caller._call_history.clear()


def _renew_random() -> None:
    # Otherwise all workers would continue the same random sequence.
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        with contextlib.suppress(Exception):
            numpy.random.seed()


def _renew_capture(config: pytest.Config) -> None:
    """Give the worker its own capture files: the parent's are shared by all."""
    manager: Any = config.pluginmanager.getplugin("capturemanager")
    if manager is None:
        return
    with contextlib.suppress(Exception):
        manager.stop_global_capturing()
    manager.start_global_capturing()


def _renew_basetemp(config: pytest.Config, basetemp: Optional[Path]) -> None:
    factory: Any = getattr(config, "_tmp_path_factory", None)
    if factory is None or basetemp is None:
        return
    basetemp.mkdir(mode=0o700, exist_ok=True)
    factory._basetemp = basetemp
