"""The collection: the only code that knows Invoke. Flags in, core called, lines out, exit code."""

from __future__ import annotations

from walkaway.tasks.groups import ns

__all__ = ["ns"]
