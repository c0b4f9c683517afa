"""The collection: the only code that knows Invoke. Flags in, core called, lines out, exit code."""

from __future__ import annotations

import sys

# Invoke switches this off for the sake of tasks.py. In a checkout, where nobody else may have
# compiled our modules, each `inv` would do so again: twice its time.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)

from walkaway.tasks import parsing  # noqa: E402 - after the switch, which is for it
from walkaway.tasks.groups import ns  # noqa: E402 - likewise

parsing.install()

__all__ = ["ns"]
