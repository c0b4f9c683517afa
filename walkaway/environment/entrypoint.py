"""Detect an entrypoint of the test service that does not run the command it is given. Pure.

A container runs `ENTRYPOINT COMMAND`. Our command is a shell that first leaves a mark in the
record. If the mark is missing, the entrypoint never ran the command.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

MARK = ".reached"
"""File in the record that says that the container's shell started."""
_COLUMNS = 120


def one_line(entrypoint: Sequence[str]) -> str:
    """Return an entrypoint as one line."""
    text = shlex.join(entrypoint)
    return text if len(text) <= _COLUMNS else text[: _COLUMNS - 1] + "…"


def refusal(service: str, entrypoint: Sequence[str], code: int) -> str:
    """Return why no test ran."""
    return (
        f"the entrypoint of service {service} did not run the command it was given: "
        f"{one_line(entrypoint)} (exit {code})"
    )


def advice(entrypoint: Sequence[str]) -> str:
    """Return how to fix the entrypoint."""
    if any("pytest" in word or "py.test" in word for word in entrypoint):
        words = ", ".join(entrypoint)
        return (
            f"In the Compose file: entrypoint: []   In invoke.yaml: walkaway: {{pytest: [{words}]}}"
        )
    return 'End it with: exec "$@"   or, in the Compose file: entrypoint: []'
