"""What `doctor` looks at, a module a subject; and what a check gets and answers."""

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
    """What a check came to."""

    OK = "ok"
    BAD = "bad"
    UNKNOWN = "unknown"
    """It could not be made; that is no proof of anything, so not ok."""
    SKIPPED = "skipped"
    """There is nothing to check here."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, and the command, or the change, that mends it."""

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
    """For `--json`."""


def judged(
    subject: str,
    says: str,
    findings: list[Finding] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Checked:
    """Return what a check that was made came to: ok, or bad when it found something."""
    grade = Grade.BAD if findings else Grade.OK
    return Checked(subject, says, tuple(findings or ()), grade, facts or {})


def skipped(subject: str, why: str) -> Checked:
    """Return that there is nothing to check."""
    return Checked(subject, why, grade=Grade.SKIPPED)


def unknown(subject: str, why: str, mend: str) -> Checked:
    """Return that a check could not be made."""
    return Checked(subject, why, (Finding(why, mend),), Grade.UNKNOWN)


class Once:
    """A question that several checks have, asked by the first of them."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._answer: Any = None
        self._error: WalkawayError | None = None
        self._asked = False

    def __call__(self) -> Any:  # noqa: ANN401 - the question's own
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
    """The checkout, its settings, and what several checks want to know of Compose and engine."""

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
        """Return the Compose file's services as Compose understands them.

        `WalkawayError` 69 when it does not: the check of the file says so, the others are skipped.
        """
        found: dict[str, dict[str, Any]] = self._services()
        return found

    def readable(self) -> bool:
        """Tell whether there is anything to check about the services."""
        try:
            return self.conf.service in self.services()
        except WalkawayError:
            return False

    def info(self) -> dict[str, Any]:
        """Return the engine's name, root folder and memory in bytes. `WalkawayError` 69."""
        found: dict[str, Any] = self._info()
        return found

    def on_this_machine(self) -> bool:
        """Tell whether the engine's folders are this machine's."""
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
