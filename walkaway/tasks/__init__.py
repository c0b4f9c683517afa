"""The collection: the only code that knows Invoke. Flags in, core called, lines out, exit code."""

from __future__ import annotations

from invoke.collection import Collection

from walkaway.runs.settings import DEFAULTS
from walkaway.tasks import looks, quality, start

__all__ = ["ns"]

_TASKS = (
    start.test,
    start.test_async,
    looks.progress,
    looks.wait,
    looks.failures,
    looks.results,
    looks.log,
    looks.stop,
    looks.runs,
    quality.lint,
    quality.check,
)

ns = Collection(*_TASKS)
ns.configure({"walkaway": DEFAULTS})
