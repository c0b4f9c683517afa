"""The records folder of a checkout, and the paths inside one record."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.model.run import SCHEMA, Run, from_json
from walkaway.record import run_ids as ids

FOLDER = Path("logs/tests/pytest")
PREFIX = "test-run-"


@dataclass(frozen=True, slots=True)
class Record:
    """The paths of one record. A file need not exist."""

    folder: Path

    @property
    def id(self) -> str:
        """The run id."""
        return self.folder.name.removeprefix(PREFIX)

    @property
    def log(self) -> Path:
        """The log file: everything pytest printed."""
        return self.folder.with_name(self.folder.name + ".log")

    def path(self, name: str) -> Path:
        """Return the path of a file in the record."""
        return self.folder / name

    def run(self) -> Run:
        """Read run.json. Raises `WalkawayError` 66 when it cannot be read or has another schema."""
        path = self.path("run.json")
        try:
            data = json.loads(path.read_bytes())
            newer = isinstance(data, dict) and data.get("schema", SCHEMA) != SCHEMA
            return self._of_another_version(data) if newer else from_json(data)
        except (OSError, ValueError) as error:
            message = f"The record of run {self.id} cannot be read: {error}"
            raise WalkawayError(message, exit_codes.NO_SUCH_RUN) from error

    def _of_another_version(self, data: Mapping[str, object]) -> NoReturn:
        version, schema = str(data.get("version"))[:20], str(data["schema"])[:20]
        message = (
            f"Run {self.id} was recorded by another Walkaway ({version}, schema {schema}); "
            f"this one reads schema {SCHEMA}.\n"
            f"Use that version, or read {self.path('outcome.json')}"
        )
        raise WalkawayError(message, exit_codes.NO_SUCH_RUN)


@dataclass(frozen=True, slots=True)
class Records:
    """The records folder of one checkout."""

    root: Path

    @property
    def folder(self) -> Path:
        """The folder that holds the records."""
        return self.root / FOLDER

    def ids(self) -> list[str]:
        """Return all run ids, oldest first."""
        try:
            names = os.listdir(self.folder)
        except OSError:
            return []
        found = [name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)]
        return sorted(name for name in found if ids.is_id(name))

    def record(self, run_id: str) -> Record:
        """Return the record for a run id, whether or not it exists."""
        return Record(self.folder / (PREFIX + run_id))

    def select(self, selector: str) -> Record:
        """Return the record that a selector names. `latest` is not handled: it needs an origin.

        Raises `WalkawayError` 66 when no run matches, 64 when several do.
        """
        return self.record(ids.select(selector, self.ids()))

    def prepare(self) -> None:
        """Make the folder with a .gitignore of its own. Raises `WalkawayError` 73 on failure."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            ignore = self.folder / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="ascii")
        except OSError as error:
            message = (
                f"Cannot make the records folder {self.folder}: {error.strerror}.\n"
                "No run was started. Fix the folder (owner, space, read-only mount), then "
                "try again."
            )
            raise WalkawayError(message, exit_codes.CANNOT_RECORD) from error


def write_once(path: Path, data: object) -> None:
    """Write JSON to a temporary file, fsync it, and link it to ``path``: complete or absent.

    Raises `FileExistsError` when ``path`` exists.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(data, file, ensure_ascii=False, indent=1, default=str)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    finally:
        temporary.unlink()
