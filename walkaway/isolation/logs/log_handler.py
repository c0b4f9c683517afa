"""Receive every record from a level on, without changing what other handlers receive.

The root logger's level is lowered to a number recognisable as ours. Records that pass only because
of it are filtered from the other handlers. Anyone who sets a level (`caplog.set_level`,
`log_level`) receives what they asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

_OF_PYTEST = ("caplog_handler", "report_handler", "log_cli_handler", "log_file_handler")


class _Ours(int):
    """A level that differs from an equal plain number by its type."""


class _Undisturbed(logging.Filter):
    """Drops records that would not have passed without our level."""

    def __init__(self, before: Callable[[], int]) -> None:
        super().__init__()
        self._before = before

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= self._before() or not _passes_by_us(record.name)


class Ours(logging.Handler):
    """A handler that receives everything: this pytest's, or that of a pytest around it."""


class Listening:
    """Keeps one handler on the root logger from `begin` to `end`, whatever tests do to logging."""

    def __init__(self, handler: Ours, level: int, config: pytest.Config) -> None:
        self._handler = handler
        self._level = _Ours(level)
        self._before = logging.WARNING
        self._filter = _Undisturbed(lambda: self._before)
        plugin = config.pluginmanager.get_plugin("logging-plugin")
        found = [getattr(plugin, name, None) for name in _OF_PYTEST]
        self._others = [one for one in found if isinstance(one, logging.Handler)]
        self._on = False

    def begin(self) -> None:
        """Attach the handler."""
        self._on = True
        for handler in self._others:
            handler.addFilter(self._filter)
        self.again()

    def again(self) -> None:
        """Attach it again if a test replaced the root logger's handlers or level."""
        if not self._on:
            return
        root = logging.getLogger()
        if self._handler not in root.handlers:
            root.addHandler(self._handler)
        if root.level > self._level:
            self._before = root.level
            root.setLevel(self._level)
        if len(root.handlers) > 1:
            for handler in root.handlers:
                if not isinstance(handler, Ours) and self._filter not in handler.filters:
                    handler.addFilter(self._filter)
                    self._others.append(handler)

    def end(self) -> None:
        """Restore logging as it was."""
        if not self._on:
            return
        self._on = False
        root = logging.getLogger()
        root.removeHandler(self._handler)
        if root.level is self._level:
            root.setLevel(self._before)
        for handler in self._others:
            handler.removeFilter(self._filter)


def _passes_by_us(name: str) -> bool:
    """Return whether a logger takes its level from the root, and the root's level is ours."""
    root = logging.getLogger()
    if not isinstance(root.level, _Ours):
        return False
    found = root.manager.loggerDict.get(name)
    while name and not isinstance(found, logging.Logger):  # a record made by hand has none
        name = name.rpartition(".")[0]
        found = root.manager.loggerDict.get(name)
    logger: logging.Logger | None = found if isinstance(found, logging.Logger) else root
    while logger is not None and logger is not root:
        if logger.level:
            return False
        logger = logger.parent
    return True
