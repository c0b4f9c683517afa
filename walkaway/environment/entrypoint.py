"""An entrypoint of the test service that does not run the command it is given. Pure.

A container runs `ENTRYPOINT COMMAND`. Ours is a shell that leaves a mark in the record first: where
the mark is missing, the entrypoint never came to it.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

MARK = ".reached"
"""In the record: the container's shell was reached."""
_COLUMNS = 120


def shown(entrypoint: Sequence[str]) -> str:
    """Return an entrypoint in one line."""
    text = shlex.join(entrypoint)
    return text if len(text) <= _COLUMNS else text[: _COLUMNS - 1] + "…"


def refusal(service: str, entrypoint: Sequence[str], code: int) -> str:
    """Return why no test was run."""
    return (
        f"the entrypoint of service {service} did not run the command it was given: "
        f"{shown(entrypoint)} (exit {code})"
    )


def advice(entrypoint: Sequence[str]) -> str:
    """Return what to do about it."""
    if any("pytest" in word or "py.test" in word for word in entrypoint):
        words = ", ".join(entrypoint)
        return (
            f"In the Compose file: entrypoint: []   In invoke.yaml: walkaway: {{pytest: [{words}]}}"
        )
    return 'End it with: exec "$@"   or, in the Compose file: entrypoint: []'
