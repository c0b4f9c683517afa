"""Read and check the settings under the key `walkaway` (invoke.yaml, INVOKE_WALKAWAY_*)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.model.run import Limits

CI_DEADLINE_S = 1800.0
DEADLINE_S = 4 * 3600.0

BACKENDS = ("local", "compose", "auto")
SLOTS = 2
_DOCKER = ("backend", "compose_file", "service", "slots", "without_services", "worker_slots")
_OTHERS = (*_DOCKER, "pytest", "workers", "on_end", "lint", "check", "check_fast")
KEYS = frozenset({*_OTHERS, *Limits._fields})
_VARIABLES = "INVOKE_WALKAWAY_"
_MOST_S = 1e9
"""Thirty years. A larger number is a typing error, and would soon be no JSON number any more."""

_NEVER = frozenset({"stall_s", "linger_s"})
"""Limits that 0 switches off."""
_SHOWN = 60
_WHOLE = ""
"""Key for the value of `walkaway` itself when it is no mapping."""
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Settings:
    """The checked settings of one project."""

    backend: str = "local"
    compose_file: tuple[str, ...] = ()
    """Compose files, relative to the root; empty: Compose finds its own."""
    service: str = "test"
    """The Compose service that pytest runs in."""
    slots: int = SLOTS
    """Environments of one checkout that may be up at the same time."""
    without_services: tuple[str, ...] = ()
    """Paths whose tests need no services."""
    worker_slots: str = "auto"
    """Workers of all runs on this machine together; 0 means no limit."""
    pytest: tuple[str, ...] = ()
    workers: str = ""
    on_end: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)


def seconds(value: str, name: str, *, zero: bool = False) -> float:
    """Parse `90`, `90s`, `15m` or `1.5h` as seconds. `WalkawayError` 64 for anything else."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([smh]?)", value.strip().lower())
    if found:
        number = float(found[1]) * _UNITS[found[2]]
        if (number > 0 or zero) and number < _MOST_S:
            return number
    least = "0 (never)" if zero else "more than 0"
    message = f"{name} is {_short(value)}: give seconds, {least}, or 15m, 1.5h."
    raise WalkawayError(message, exit_codes.WRONG_USE)


def gather(configured: object, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings under `walkaway`, overridden by INVOKE_WALKAWAY_*. Checks nothing."""
    values: dict[str, Any] = {}
    if isinstance(configured, Mapping):
        values = {str(key): value for key, value in configured.items()}
    elif configured is not None:
        values = {_WHOLE: configured}
    for name, value in environ.items():
        if name.startswith(_VARIABLES) and value:
            values[name.removeprefix(_VARIABLES).lower()] = value
    return values


def read(config: Mapping[str, Any], environ: Mapping[str, str], *, ci: bool) -> Settings:
    """Check the project's settings. `PYTEST_TIMEOUT` is the limit of the whole run in seconds.

    Raises `WalkawayError` 64 for an unknown setting or a wrong value.
    """
    if _WHOLE in config:
        message = (
            f"walkaway is {_short(config[_WHOLE])}: put settings below it, such as deadline_s: 900."
        )
        raise WalkawayError(message, exit_codes.WRONG_USE)
    strangers = sorted(set(config) - KEYS)
    if strangers:
        message = (
            f"walkaway.{strangers[0]} is not a setting.\nSettings are: {', '.join(sorted(KEYS))}."
        )
        raise WalkawayError(message, exit_codes.WRONG_USE)
    return Settings(
        backend=backend(config.get("backend") or "local", "walkaway.backend"),
        compose_file=words(config.get("compose_file") or (), "compose_file"),
        service=_service(config.get("service")),
        slots=_count(config.get("slots"), "slots", SLOTS),
        without_services=words(config.get("without_services") or (), "without_services"),
        worker_slots=workers(config.get("worker_slots") or "auto", "walkaway.worker_slots"),
        pytest=words(config.get("pytest") or (), "pytest"),
        workers=workers(config.get("workers"), "walkaway.workers"),
        on_end=words(config.get("on_end") or (), "on_end"),
        limits=_limits(config, environ, ci=ci),
    )


def _limits(config: Mapping[str, Any], environ: Mapping[str, str], *, ci: bool) -> Limits:
    values: dict[str, Any] = {}
    for key in Limits._fields:
        value = config.get(key)
        name = f"walkaway.{key}"
        if value is None:
            continue
        if key.endswith("_bytes"):
            values[key] = _size(value, name)
        else:
            values[key] = seconds(str(value), name, zero=key in _NEVER)
    if environ.get("PYTEST_TIMEOUT"):
        values["deadline_s"] = seconds(environ["PYTEST_TIMEOUT"], "PYTEST_TIMEOUT")
    values.setdefault("deadline_s", CI_DEADLINE_S if ci else DEADLINE_S)
    return Limits(**values)


def words(value: object, name: str) -> tuple[str, ...]:
    """Return an argv from a list of words, or from one line as in INVOKE_WALKAWAY_…."""
    if isinstance(value, str):
        try:
            return tuple(shlex.split(value))
        except ValueError as error:
            message = f"walkaway.{name} is {_short(value)}: {error}."
            raise WalkawayError(message, exit_codes.WRONG_USE) from error
    if isinstance(value, (list, tuple)) and all(isinstance(word, str) for word in value):
        return tuple(value)
    message = (
        f"walkaway.{name} is {_short(value)}: give a list of words, the command and its arguments."
    )
    raise WalkawayError(message, exit_codes.WRONG_USE)


def backend(value: object, name: str) -> str:
    """Check where pytest runs: local, compose or auto."""
    if value not in BACKENDS:
        message = f"{name} is {_short(value)}: give one of {', '.join(BACKENDS)}."
        raise WalkawayError(message, exit_codes.WRONG_USE)
    return str(value)


def _service(value: object) -> str:
    name = "test" if value is None else str(value)
    if not re.fullmatch("[a-zA-Z0-9][a-zA-Z0-9._-]*", name):
        message = f"walkaway.service is {_short(value)}: give the name of a Compose service."
        raise WalkawayError(message, exit_codes.WRONG_USE)
    return name


def _count(value: object, name: str, default: int) -> int:
    text = str(default) if value is None else str(value)
    if not re.fullmatch("[1-9][0-9]{0,2}", text):
        message = f"walkaway.{name} is {_short(value)}: give a whole number, 1 or more."
        raise WalkawayError(message, exit_codes.WRONG_USE)
    return int(text)


def workers(value: object, name: str, *, empty: bool = True) -> str:
    """Check a number of workers, or `auto`. With ``empty``, it may be missing."""
    text = "" if value is None else str(value)
    known = text == "auto" or re.fullmatch("[0-9]{1,4}", text) or (empty and not text)
    if not known:
        message = f"{name} is {_short(value)}: give a number, or auto."
        raise WalkawayError(message, exit_codes.WRONG_USE)
    return text


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"


def _size(value: object, name: str) -> int:
    try:
        size = int(str(value))
    except ValueError:
        size = -1
    if size < 0:
        message = f"{name} is {_short(value)}: give a number of bytes."
        raise WalkawayError(message, exit_codes.WRONG_USE)
    return size
