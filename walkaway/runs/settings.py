"""Settings under the key `walkaway` (invoke.yaml, INVOKE_WALKAWAY_*), checked."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from walkaway.errors import WalkawayError
from walkaway.model import exitcodes
from walkaway.model.run import Limits

CI_DEADLINE_S = 1800.0
DEADLINE_S = 4 * 3600.0

DEFAULTS: dict[str, Any] = {
    "backend": "local",
    "pytest": [],
    "workers": "",
    "deadline_s": 0,
    "stall_s": 600,
    "on_end": [],
    **{f.name: f.default for f in fields(Limits) if f.name not in {"deadline_s", "stall_s"}},
}
"""What `ns.configure` gives Invoke. ``deadline_s`` 0 means the default of the place: CI or not."""

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Settings:
    """The checked settings of one project."""

    pytest: tuple[str, ...] = ()
    workers: str = ""
    on_end: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)


def seconds(value: str, name: str, *, zero: bool = False) -> float:
    """Read `90`, `90s`, `15m` or `1.5h` as seconds; `WalkawayError` 64 for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", value.strip().lower())
    if found:
        number = float(found[1]) * _UNITS[found[2]]
        if number > 0 or zero:
            return number
    least = "0 (never)" if zero else "more than 0"
    message = f"{name} is {value!r}: give seconds, {least}, or 15m, 1.5h."
    raise WalkawayError(message, exitcodes.WRONG_USE)


def read(config: Mapping[str, Any], environ: Mapping[str, str], *, ci: bool) -> Settings:
    """Check what the project configured. `PYTEST_TIMEOUT` is the whole run's limit in seconds."""
    backend = config.get("backend", "local")
    if backend != "local":
        message = f"walkaway.backend is {backend!r}: there is `local`."
        raise WalkawayError(message, exitcodes.WRONG_USE)
    deadline = config.get("deadline_s", 0)
    if environ.get("PYTEST_TIMEOUT"):
        deadline_s = seconds(environ["PYTEST_TIMEOUT"], "PYTEST_TIMEOUT")
    else:
        deadline_s = seconds(str(deadline), "walkaway.deadline_s", zero=True)
        deadline_s = deadline_s or (CI_DEADLINE_S if ci else DEADLINE_S)
    sizes: dict[str, Any] = {}
    for limit in fields(Limits):
        if limit.name.endswith("_bytes"):
            sizes[limit.name] = _size(config.get(limit.name, limit.default), limit.name)
    limits = Limits(
        deadline_s=deadline_s,
        stall_s=seconds(str(config.get("stall_s", 600)), "walkaway.stall_s", zero=True),
        grace_s=seconds(str(config.get("grace_s", 10)), "walkaway.grace_s"),
        **sizes,
    )
    return Settings(
        pytest=_words(config.get("pytest", ()), "pytest"),
        workers=str(config.get("workers", "") or ""),
        on_end=_words(config.get("on_end", ()), "on_end"),
        limits=limits,
    )


def _words(value: object, name: str) -> tuple[str, ...]:
    """Return an argv: a list of words, or one line as INVOKE_WALKAWAY_… gives it."""
    if isinstance(value, str):
        try:
            return tuple(shlex.split(value))
        except ValueError as error:
            message = f"walkaway.{name} is {value!r}: {error}."
            raise WalkawayError(message, exitcodes.WRONG_USE) from error
    if isinstance(value, (list, tuple)) and all(isinstance(word, str) for word in value):
        return tuple(value)
    message = f"walkaway.{name} is {value!r}: give a list of words, the command and its arguments."
    raise WalkawayError(message, exitcodes.WRONG_USE)


def _size(value: object, name: str) -> int:
    try:
        size = int(str(value))
    except ValueError:
        size = -1
    if size < 0:
        message = f"walkaway.{name} is {value!r}: give a number of bytes."
        raise WalkawayError(message, exitcodes.WRONG_USE)
    return size
