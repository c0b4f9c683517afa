"""The records folder of a checkout, and where things lie in one record."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
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
    """Paths of one record. Nothing here promises that a file exists."""

    folder: Path

    @property
    def id(self) -> str:
        """The run id."""
        return self.folder.name.removeprefix(PREFIX)

    @property
    def log(self) -> Path:
        """All that pytest printed."""
        return self.folder.with_name(self.folder.name + ".log")

    def path(self, name: str) -> Path:
        """Path of a file of the record."""
        return self.folder / name

    def run(self) -> Run:
        """Read run.json; `WalkawayError` 66 when it is not readable."""
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
            f"Use that one, or read {self.path('outcome.json')}"
        )
        raise WalkawayError(message, exit_codes.NO_SUCH_RUN)


@dataclass(frozen=True, slots=True)
class Records:
    """The records folder of one checkout."""

    root: Path

    @property
    def folder(self) -> Path:
        """Where the records lie."""
        return self.root / FOLDER

    def ids(self) -> list[str]:
        """All run ids, oldest first."""
        try:
            names = os.listdir(self.folder)
        except OSError:
            return []
        found = [name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)]
        return sorted(name for name in found if ids.is_id(name))

    def record(self, run_id: str) -> Record:
        """Return the record of a run id, existing or not."""
        return Record(self.folder / (PREFIX + run_id))

    def select(self, selector: str) -> Record:
        """Return the record that a selector means (not `latest`, which needs an origin)."""
        return self.record(ids.select(selector, self.ids()))

    def prepare(self) -> None:
        """Make the folder, which git ignores by itself; `WalkawayError` 73 when that fails."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            ignore = self.folder / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="ascii")
        except OSError as error:
            message = (
                f"Cannot make the records folder {self.folder}: {error.strerror}.\n"
                "No run was started. Mend the folder (owner, space, read-only mount), then again."
            )
            raise WalkawayError(message, exit_codes.CANNOT_RECORD) from error


def write_once(path: Path, data: object) -> None:
    """Write JSON to a temporary file, fsync, and link it to ``path``: whole, or not there.

    `FileExistsError` when the path is taken.
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


def run_as_json(run: Run) -> dict[str, object]:
    """Return the contents of run.json."""
    return asdict(run)
