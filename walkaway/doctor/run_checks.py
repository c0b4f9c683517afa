"""Run the checks of `doctor`: is this checkout fit to run tests?

The checks are independent, run side by side, and each has a time limit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from walkaway.doctor import (
    Around,
    Checked,
    Grade,
    compose_file,
    disk,
    images,
    leftovers,
    local,
    network,
    unknown,
    versions,
)
from walkaway.environment import engine, project
from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.runs import backend_choice
from walkaway.settings import Settings

LIMIT_S = 45.0
"""Time limit for all checks together. Their own limits are shorter."""
Check = Callable[[Around], Checked]
LOCAL: tuple[tuple[str, Check], ...] = (
    ("pytest", local.pytest),
    ("records", local.records),
    ("runs", leftovers.stale_runs),
    ("disk", disk.checkout),
    ("memory", compose_file.memory),
    ("worker slots", local.slots),
)
COMPOSE: tuple[tuple[str, Check], ...] = (
    ("versions", lambda around: versions.versions(around.environ)),
    ("Compose file", compose_file.file),
    ("images", images.images),
    ("engine's disk", disk.of_engine),
    ("build context", compose_file.build_context),
    ("ports", compose_file.ports_in_use),
    ("leftovers", leftovers.reapable),
    ("network", network.network),
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The results of all checks, in order, and the exit code."""

    checks: tuple[Checked, ...]
    code: int
    seconds: float

    @property
    def fit(self) -> bool:
        """Whether nothing needs fixing, and every check could be made."""
        return self.code == 0


def examine(
    root: Path, conf: Settings, environ: Mapping[str, str], *, ci: bool = False
) -> Diagnosis:
    """Make all checks that apply to this checkout.

    Only the local ones without a Compose file, or where the tests run locally and no engine
    answers.
    """
    begun = time.monotonic()
    has_file = bool(project.compose_file(root, conf.compose_file))
    needed = _in_compose(root, conf, environ, ci=ci)
    silent = ""
    checks = LOCAL
    found: list[Checked] = []
    if needed or has_file:
        silent = engine.silent_because(environ)
        if silent:
            falls_back = conf.backend != backend_choice.LOCAL
            found.append(versions.silent(silent, needed=needed, falls_back=falls_back))
        else:
            checks = (*LOCAL, *COMPOSE)
    around = Around(root, environ, conf, in_compose=needed and not silent)
    found += side_by_side(checks, around, LIMIT_S)
    return Diagnosis(tuple(found), code_of(found, silent=needed and bool(silent)),
                     time.monotonic() - begun)  # fmt: skip


def _in_compose(root: Path, conf: Settings, environ: Mapping[str, str], *, ci: bool) -> bool:
    """Return whether a start would run the tests in Compose, or be refused for lack of it."""
    try:
        return (
            backend_choice.choose(None, conf, root, environ, ci=ci).backend
            == backend_choice.COMPOSE
        )
    except WalkawayError:
        return True


def code_of(found: Sequence[Checked], *, silent: bool) -> int:
    """Return the exit code: 69 if a needed engine is silent, 1 unless all is well."""
    if silent:
        return exit_codes.NOT_STARTABLE
    wrong = any(checked.grade in {Grade.BAD, Grade.UNKNOWN} for checked in found)
    return exit_codes.FAILED if wrong else exit_codes.PASSED


def side_by_side(
    checks: Sequence[tuple[str, Check]], around: Around, limit_s: float
) -> list[Checked]:
    """Make all checks at the same time.

    One that does not return in time is unknown, and abandoned.
    """
    answers: dict[str, Checked] = {}
    faults: list[BaseException] = []

    def make(name: str, check: Check) -> None:
        try:
            answers[name] = check(around)
        except BaseException as error:  # noqa: BLE001 - a bug: raised again in the main thread
            faults.append(error)

    threads = [threading.Thread(target=make, args=row, daemon=True) for row in checks]
    until = time.monotonic() + limit_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        engine.end_calls()
    if faults:
        raise faults[0]
    late = f"no answer within {limit_s:.0f} s"
    return [
        answers.get(name) or unknown(name, late, "inv doctor    when the machine is less busy")
        for name, _ in checks
    ]
