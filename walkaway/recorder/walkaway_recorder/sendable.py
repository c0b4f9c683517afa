"""In an xdist worker, make reports sendable that xdist cannot send to its controller.

execnet can send only a few plain types and valid UTF-8 strings. A report that contains a lone
surrogate or any other object raises in the worker, and its failure is lost together with the
worker's other tests (pytest-dev/pytest-xdist#843). Sendable reports are not changed. Knows xdist's
names (3.5 to 3.8); must not know results.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Callable

import pytest

from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    from walkaway_recorder.guard import Foreign

keep_builtins(globals())

_DEPTH = 40
_SENT_AS_THEY_ARE = frozenset({bool, int, float, complex, bytes})
_OWN_REPRESENTATIONS = "_pytest._code.code"


class Sendable:
    """Turns a failure's representation into the text that a serial pytest would print."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Foreign) -> None:
        with suppress(Exception):  # after an error of ours, `_cleaning` still cleans the report
            if report.longrepr is not None:
                _make_plain(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: Foreign) -> None:
        with suppress(Exception):
            if report.longrepr is not None:
                _make_plain(report)


def install(config: pytest.Config) -> None:
    """Wrap the function by which this worker's xdist sends events."""
    manager = config.pluginmanager
    for plugin in manager.get_plugins():
        if type(plugin).__name__ == "WorkerInteractor" and hasattr(plugin, "sendevent"):
            plugin.sendevent = _cleaning(plugin.sendevent)
            manager.register(Sendable(), "walkaway-sendable")


def _cleaning(send: Callable[..., None]) -> Callable[..., None]:
    def sendevent(name: str, **kwargs: Foreign) -> None:
        try:
            send(name, **kwargs)
        except OSError:  # the controller is gone
            raise
        except Exception:  # nothing was sent yet: execnet serializes before it sends
            send(name, **clean(kwargs))

    return sendevent


def _make_plain(report: Foreign) -> None:
    """Replace a representation that is neither text, nor a skip's tuple, nor pytest's own.

    xdist sends one with a `toterminal` method as text and looks for keys in all others.
    """
    longrepr = report.longrepr
    if isinstance(longrepr, (str, tuple)):
        return
    kinds = type(longrepr).__mro__
    if not any(kind.__module__ == _OWN_REPRESENTATIONS for kind in kinds):
        report.longrepr = _text(longrepr)


def clean(value: Foreign, depth: int = 0) -> Foreign:
    """Return a sendable copy of a value: surrogates escaped, unknown objects as text."""
    if value is None or type(value) in _SENT_AS_THEY_ARE:
        return value
    if depth < _DEPTH:
        if isinstance(value, dict):
            return {clean(key, depth + 1): clean(item, depth + 1) for key, item in value.items()}
        for kind in (list, tuple, set, frozenset):
            if isinstance(value, kind):
                return kind(clean(item, depth + 1) for item in value)
    return _text(value)


def _text(value: Foreign) -> str:
    try:
        text = str.__str__(value) if isinstance(value, str) else str(value)
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    except Exception as error:  # a broken __str__ of the tested project
        return f"<unprintable {type(value).__name__}: {type(error).__name__}>"
