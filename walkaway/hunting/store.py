"""A hunt's record, `hunt-ID/` beside the runs: the request, each attempt's results, the outcome.

Results are copied here when an attempt ends, so the hunt survives the rotation of its runs. Only
the driver, which holds driver.lock, writes tests.txt, attempts.jsonl and outcome.json.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from walkaway.errors import WalkawayError
from walkaway.model import events, exit_codes, journal_kinds
from walkaway.model.hunt import Attempt, Hunt, attempt_from_json, hunt_from_json
from walkaway.model.run import Origin
from walkaway.record import reader
from walkaway.record import run_ids as ids
from walkaway.record.store import Records
from walkaway.runs import last_start, origin
from walkaway.runs.second_pass import id_line

PREFIX = "hunt-"
LOCK = "driver.lock"
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class HuntRecord:
    """One hunt's record: its paths, and methods that read and append its files."""

    folder: Path

    @property
    def id(self) -> str:
        """The hunt's id, which has the form of a run id."""
        return self.folder.name.removeprefix(PREFIX)

    def path(self, name: str) -> Path:
        """Return the path of a file in the record."""
        return self.folder / name

    def hunt(self) -> Hunt:
        """Read hunt.json. Raises `WalkawayError` 66 when it cannot be read."""
        try:
            return hunt_from_json(json.loads(self.path("hunt.json").read_bytes()))
        except (OSError, ValueError) as error:
            message = f"The record of hunt {self.id} cannot be read: {error}"
            raise WalkawayError(message, exit_codes.NO_SUCH_RUN) from error

    def readable(self) -> bool:
        """Tell whether hunt.json is whole: a damaged one must not hide the hunts before it."""
        try:
            self.hunt()
        except WalkawayError:
            return False
        return True

    def attempts(self) -> list[Attempt]:
        """Return the attempts that have ended, each once, by number."""
        try:
            data = self.path("attempts.jsonl").read_bytes()
        except OSError:
            return []
        found = (attempt_from_json(event) for event in events.parse(data))
        by_number = {attempt.number: attempt for attempt in found if attempt is not None}
        return [by_number[number] for number in sorted(by_number)]

    def tests(self) -> list[str]:
        """Return the node ids in tests.txt; the letters of every attempt are in this order."""
        try:
            data = self.path("tests.txt").read_bytes()
        except OSError:
            return []
        return [reader.decode_id(line) for line in data.split(b"\n")[:-1]]

    def outcome(self) -> dict[str, Any] | None:
        """Return the contents of outcome.json, or None while there is none."""
        return self.json("outcome.json")

    def json(self, name: str) -> dict[str, Any] | None:
        """Return the JSON object in a file; None when there is none."""
        try:
            data = json.loads(self.path(name).read_bytes())
        except (OSError, ValueError):
            return None
        return data if isinstance(data, dict) else None

    def add_tests(self, nodeids: list[str]) -> None:
        """Append node ids to tests.txt."""
        lines = "".join(map(id_line, nodeids))
        _append(self.path("tests.txt"), lines.encode("utf-8", "surrogateescape"))

    def add_attempt(self, attempt: Attempt) -> None:
        """Append an ended attempt to attempts.jsonl."""
        data = json.dumps(
            {"e": journal_kinds.ATTEMPT_ENDED, **asdict(attempt)}, separators=(",", ":")
        )
        _append(self.path("attempts.jsonl"), data.encode() + b"\n")

    def repair(self) -> None:
        """Cut off a line that a driver's death left incomplete. Only the driver may call this."""
        for name in ("tests.txt", "attempts.jsonl"):
            with contextlib.suppress(FileNotFoundError):
                data = self.path(name).read_bytes()
                if not data.endswith(b"\n"):
                    os.truncate(self.path(name), data.rfind(b"\n") + 1)


@dataclass(frozen=True, slots=True)
class Hunts:
    """The hunts of one checkout."""

    records: Records

    def ids(self) -> list[str]:
        """Return all hunt ids, oldest first."""
        try:
            found = [path.name for path in self.records.folder.glob(PREFIX + "*")]
        except OSError:
            return []
        return sorted(i for i in (name.removeprefix(PREFIX) for name in found) if ids.is_id(i))

    def record(self, hunt_id: str) -> HuntRecord:
        """Return the record for a hunt id, whether or not it exists."""
        return HuntRecord(self.records.folder / (PREFIX + hunt_id))

    def choose(self, selector: str, origin: Origin) -> HuntRecord:
        """Return the hunt that --hunt names; `latest`: this origin's latest, else the newest.

        Raises `WalkawayError` 66 when none matches, 64 when several do.
        """
        known = self.ids()
        if selector == "latest" and known:
            newest = [self.record(hunt_id) for hunt_id in reversed(known)]
            whole = [record for record in newest if record.readable()]
            mine = (record for record in whole if record.hunt().origin.key == origin.key)
            return next(mine, (whole or newest)[0])
        part = selector.strip().lower().removeprefix(PREFIX)
        exact = [i for i in known if i == part or i.endswith("-" + part)]
        found = exact or [i for i in known if part and part in i]
        if len(found) == 1:
            return self.record(found[0])
        shown = ", ".join(reversed((found or known)[-_SHOWN:]))
        if found:
            message = (
                f"--hunt {selector!r} matches {len(found)} hunts: {shown}.\nGive more of the id."
            )
            raise WalkawayError(message, exit_codes.WRONG_USE)
        there = f"There are: {shown}." if known else "There is none yet. Start one: inv flaky"
        message = f"No hunt {selector!r} in this checkout.\n{there}"
        raise WalkawayError(message, exit_codes.NO_SUCH_RUN)


def last_start_of(root: Path, environ: Mapping[str, str], kind: str) -> last_start.MarkPlace:
    """Return where this origin's last start is marked. ``kind`` is `run` or `hunt`."""
    records = Records(root)
    place = last_start.of_runs(records, origin.detect(environ).key, environ)
    if kind != "hunt":
        return place
    hunts = Hunts(records)
    return replace(
        place,
        kind="hunt",
        ids=hunts.ids,
        origin_of=lambda hunt_id: hunts.record(hunt_id).hunt().origin.key,
    )


def _append(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        while data:
            data = data[os.write(fd, data) :]
    finally:
        os.close(fd)
