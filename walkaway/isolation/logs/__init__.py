"""Structured logging of tests, a pytest plugin.

Each record carries its run, worker, test and phase.

It writes text to `logs/tests/test-debug.log` and JSON lines into the run's record, where `inv log
--test NODEID` finds them. Without Walkaway the JSON lines go beside the text. A project that wants
none of it overrides the fixture `configure_logging`.

PYTEST_DONT_REWRITE: a conftest.py may import `requests` from here before the plugin is loaded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from walkaway.isolation.logs import lines, log_folder, request_ids
from walkaway.isolation.logs.current_test import Current
from walkaway.isolation.logs.files import LinesFile, TextFile
from walkaway.isolation.logs.log_handler import Listening, Ours

_TELLER = pytest.StashKey["Teller"]()


class _Handler(Ours):
    """Writes records. Its failures never fail a test."""

    def __init__(self, at: log_folder.LogFolder, current: Current) -> None:
        super().__init__()
        self._current = current
        self._clock = at.clock
        self._lines = LinesFile(at.lines)
        self._text = TextFile(at.text) if at.text else None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            current = self._current
            found = lines.fields_of(record, self._clock, request_ids.request_id.get())
            self._lines.put(current.node, lines.as_json(found, current, self._clock))
            if self._text is not None:
                self._text.put(current.node, lines.as_text(found, current, self._clock))
        except Exception:  # noqa: BLE001 - failing to record never fails a test
            return

    def write_to(self, path: Path) -> None:
        """Write lines into this file from now on."""
        self._lines.close()
        self._lines = LinesFile(path)

    def shut(self) -> None:
        """Close the files. Not named `close`: dictConfig calls that in the middle of a test."""
        self._lines.close()
        if self._text is not None:
            self._text.close()


class Teller:
    """Tracks the running test and writes its records. One per pytest."""

    def __init__(self, config: pytest.Config) -> None:
        self.place = log_folder.of(config)
        self.current = Current(self.place.run, self.place.worker)
        self._handler = _Handler(self.place, self.current)
        self._handler.setLevel(_level(config))
        self._listening = Listening(self._handler, self._handler.level, config)
        self._fresh = False

    def listen(self) -> None:
        """Start writing."""
        log_folder.prepare(self.place)
        self._listening.begin()
        # The present phase will reset the root logger's level when it ends, if `log_level` is set.
        self._fresh = True

    def become_worker(self, config: pytest.Config) -> None:
        """In a forked worker: write a file of its own, since an index belongs to one process."""
        self.place = log_folder.of(config)
        self.current.worker = self.place.worker
        self._handler.write_to(self.place.lines)

    def stop(self) -> None:
        """Stop writing."""
        self._listening.end()
        self._handler.shut()

    # -- hooks

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.current.start(nodeid)
        self._listening.again()
        request_ids.forget()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        self.current.setup()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self) -> None:
        self.current.phase = "call"
        if self._fresh:
            self._fresh = False
            self._listening.again()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self) -> None:
        self.current.phase = "teardown"

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        self.current.finish()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        log_folder.FILE,
        "file for the tests' log as text, relative to the rootdir; empty: none",
        default=log_folder.DEFAULT_FILE,
    )
    parser.addini(
        log_folder.LEVEL, "lowest level that is written to the tests' log", default="INFO"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    teller = config.stash[_TELLER] = Teller(config)
    request_ids.enter(teller.current)
    config.pluginmanager.register(teller, "walkaway-logs")


@pytest.hookimpl(optionalhook=True)
def pytest_forks_worker_begins(config: pytest.Config) -> None:
    config.stash[_TELLER].become_worker(config)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    teller = config.stash.get(_TELLER, None)
    if teller is not None:
        teller.stop()
        request_ids.leave(teller.current)


@pytest.fixture(scope="session", autouse=True)
def configure_logging(pytestconfig: pytest.Config) -> None:
    """Write what the tests log, as text and as JSON lines. Autouse.

    Override it to write nothing. Writing lasts to the end of the session, so what other fixtures
    log in their teardown is included. Scope: session.
    """
    pytestconfig.stash[_TELLER].listen()


@pytest.fixture
def next_request_id() -> Callable[[], str]:
    """A function that returns ids for this test's requests, such as `wk-1f6f0c8b2a9e-1.3`.

    Scope: function.
    """
    return request_ids.new_id


@pytest.fixture(scope="session")
def services_log(pytestconfig: pytest.Config) -> Path:
    """Path of the log file for services that the tests start, one for all workers.

    It is in the run's record, where `inv log --test` looks; without Walkaway it is beside the
    tests' lines. Append to it. Scope: session.
    """
    return services_file(pytestconfig)


def services_file(config: pytest.Config) -> Path:
    """Return the same path where no fixtures exist yet: from a `trylast` `pytest_configure` on."""
    found = config.stash[_TELLER].place
    log_folder.prepare(found)
    return found.services


def _level(config: pytest.Config) -> int:
    name = str(config.getini(log_folder.LEVEL)).strip().upper()
    level = logging.getLevelNamesMapping().get(name)
    if level is None and name.isdecimal():
        level = int(name)
    if level is None:
        message = f"{log_folder.LEVEL} is {name!r}: give a level such as INFO, or a number"
        raise pytest.UsageError(message)
    return max(1, level)
