"""The checks of `doctor`, one module per subject, and the types that a check takes and returns.

Nothing here prints. Must not know Invoke or views.
"""

from __future__ import annotations

import json
import platform
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from walkaway.environment import engine
from walkaway.environment.project import Project
from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.settings import Settings

_CONFIG_S = 15.0
_INFO_S = 10.0
_INFO = '{"name":{{json .Name}},"root":{{json .DockerRootDir}},"memory":{{json .MemTotal}}}'


class Grade(StrEnum):
    """Result of a check."""

    OK = "ok"
    BAD = "bad"
    UNKNOWN = "unknown"
    """The check could not be made. That proves nothing, so it is not ok."""
    SKIPPED = "skipped"
    """There is nothing to check here."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, and the command or change that fixes it."""

    says: str
    mend: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check says, in one line, and what it found."""

    subject: str
    says: str
    findings: tuple[Finding, ...] = ()
    grade: Grade = Grade.OK
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Details for `--json`."""


def judged(
    subject: str,
    says: str,
    findings: list[Finding] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Checked:
    """Return the result of a check that was made: ok, or bad if it found something."""
    grade = Grade.BAD if findings else Grade.OK
    return Checked(subject, says, tuple(findings or ()), grade, facts or {})


def skipped(subject: str, why: str) -> Checked:
    """Return that there is nothing to check."""
    return Checked(subject, why, grade=Grade.SKIPPED)


def unknown(subject: str, why: str, mend: str) -> Checked:
    """Return that a check could not be made."""
    return Checked(subject, why, (Finding(why, mend),), Grade.UNKNOWN)


class Once:
    """A question that several checks share. The first one asks it."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._answer: Any = None
        self._error: WalkawayError | None = None
        self._asked = False

    def __call__(self) -> Any:  # noqa: ANN401 - whatever the question returns
        """Return the answer, or raise the `WalkawayError` that came instead."""
        with self._lock:
            if not self._asked:
                try:
                    self._answer = self._ask()
                except WalkawayError as error:
                    self._error = error
                self._asked = True
        if self._error is not None:
            raise self._error
        return self._answer


class Around:
    """The checkout, its settings, and what several checks ask about Compose and the engine."""

    def __init__(
        self, root: Path, environ: Mapping[str, str], conf: Settings, *, in_compose: bool
    ) -> None:
        self.root = root
        self.conf = conf
        self.in_compose = in_compose
        """Whether the tests run in Compose."""
        self.project = Project(root, 1, conf.service, conf.compose_file)
        self.environ = self.project.environ(environ)
        self._services = Once(self._read)
        self._info = Once(self._asked)

    def services(self) -> dict[str, dict[str, Any]]:
        """Return the Compose file's services as Compose resolves them.

        `WalkawayError` 69 when it cannot. The check of the file reports that, and the others are
        skipped.
        """
        found: dict[str, dict[str, Any]] = self._services()
        return found

    def readable(self) -> bool:
        """Return whether the Compose file can be read and has the test service."""
        try:
            return self.conf.service in self.services()
        except WalkawayError:
            return False

    def info(self) -> dict[str, Any]:
        """Return the engine's name, root folder and memory in bytes.

        `WalkawayError` 69 if it fails.
        """
        found: dict[str, Any] = self._info()
        return found

    def on_this_machine(self) -> bool:
        """Return whether the engine's folders are on this machine."""
        return str(self.info().get("name")) == platform.node()

    def _read(self) -> dict[str, dict[str, Any]]:
        argv = self.project.compose("--profile", "*", "config", "--format", "json")
        done = engine.call(argv, self.environ, _CONFIG_S, cwd=self.root)
        if done.code:
            raise WalkawayError(f"Compose cannot read it: {done.why}", exit_codes.NOT_STARTABLE)
        services: dict[str, dict[str, Any]] = json.loads(done.out).get("services") or {}
        return services

    def _asked(self) -> dict[str, Any]:
        text = engine.ask(("docker", "info", "--format", _INFO), self.environ, _INFO_S)
        found: dict[str, Any] = json.loads(text)
        return found


NO_FILE = "the Compose file cannot be read"
