"""Walkaway: start any test suite, walk away, and never lose the verdict.

``from walkaway import ns`` in a ``tasks.py`` gives the complete collection of Invoke tasks. The
attribute is created on first use, because the supervisor imports this package too and must stay
small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invoke.collection import Collection

    ns: Collection

__all__ = ["__version__", "ns"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import the Invoke collection only when somebody asks for it."""
    if name == "ns":
        from walkaway.tasks import ns

        return ns
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
