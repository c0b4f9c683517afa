"""Take environments down: remove containers, networks and volumes by label until none is left.

`docker compose down` leaves running one-offs behind and exits 0 all the same.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from walkaway.environment import build_state, engine, leases, project_containers
from walkaway.environment import container_calls as containers
from walkaway.environment.project import COMPOSE_PROJECT, PREFIX, Project, checkout_hash
from walkaway.environment.project_containers import Container
from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.process import file_lock
from walkaway.record import evidence
from walkaway.record.store import Records

DOWN_S = 60.0
_STOP_S = 10
"""Time for a run's container to report and leave. Services and shells have nothing to save."""
_LOOK_S = 0.2
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Things:
    """What exists of one or more projects, by name."""

    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.containers, *self.networks, *self.volumes)


def down(project: Project, environ: Mapping[str, str]) -> Things:
    """Remove everything that one environment consists of, and return it.

    `WalkawayError` 69 names what is still there after a minute.
    """
    return _removed(project.root, re.compile(re.escape(project.name)), environ)


def down_all(root: Path, environ: Mapping[str, str]) -> Things:
    """Remove all environments of one checkout, like `down`; touch no other checkout's.

    A run that begins meanwhile waits for its environment until they are gone.
    """
    leased = [leases.take_slot(root, slot, "down") for slot in _slots(root) if slot]
    try:
        return _removed(root, re.compile(re.escape(prefix(root)) + r"\d+"), environ)
    finally:
        for lease in leased:
            if lease is not None:
                lease.give_back(clean=True)


def prefix(root: Path) -> str:
    """Return the common prefix of the names of a checkout's projects."""
    return f"{PREFIX}-{checkout_hash(root)}-"


def live_runs(root: Path, environ: Mapping[str, str], slot: int | None = None) -> list[str]:
    """Return the ids of the runs that use environments of this checkout now, oldest first.

    ``slot`` limits the answer to that slot. A run that is still preparing is known by its lease,
    one whose supervisor died by its container.
    """
    names = re.compile(re.escape(prefix(root)) + (r"\d+" if slot is None else str(slot)))
    rows = project_containers.all_of(prefix(root), environ)
    found = {row.run for row in rows if row.running and names.fullmatch(row.project)}
    for number in _slots(root):
        path = root / build_state.FOLDER / f"{number}.lock"
        if slot in {None, number} and file_lock.probe(str(path)) is file_lock.Hold.HELD:
            with contextlib.suppress(OSError):
                found.add(path.read_text(encoding="utf-8", errors="replace").strip())
    return sorted(found - {""})


def _slots(root: Path) -> list[int]:
    """Return the slots that were ever leased."""
    folder = root / build_state.FOLDER
    names = [path.stem for path in folder.glob("*.lock")] if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isdigit())


def _removed(root: Path, names: re.Pattern[str], environ: Mapping[str, str]) -> Things:
    deadline = time.monotonic() + DOWN_S
    removed: dict[str, set[str]] = {"containers": set(), "networks": set(), "volumes": set()}
    why = ""
    while True:
        found = _there(names, environ)
        if not found.names:
            break
        for kind, known in removed.items():
            known.update(getattr(found, kind))
        if time.monotonic() > deadline:
            more = f" and {len(found.names) - _SHOWN} more" if len(found.names) > _SHOWN else ""
            message = (
                f"Not removed within {DOWN_S:.0f} s: {', '.join(found.names[:_SHOWN])}{more}.\n"
                f"The engine says: {why or 'nothing'}\n"
                "Fix that, then run again: inv down"
            )
            raise WalkawayError(message, exit_codes.NOT_STARTABLE)
        why = _remove(root, found, names, environ) or why
        time.sleep(_LOOK_S if why else 0)
    for path in (root / build_state.FOLDER).glob("[0-9]*.json"):
        slot = path.name.partition(".")[0]
        if slot.isdigit() and names.fullmatch(f"{prefix(root)}{slot}"):
            build_state.forget(root, path.name)
    return Things(**{kind: tuple(sorted(known)) for kind, known in removed.items()})


def _there(names: re.Pattern[str], environ: Mapping[str, str]) -> Things:
    containers = [
        row.name
        for row in project_containers.all_of(PREFIX, environ)
        if names.fullmatch(row.project)
    ]
    return Things(
        tuple(containers),
        tuple(_labelled("network", names, environ)),
        tuple(_labelled("volume", names, environ)),
    )


def _labelled(kind: str, names: re.Pattern[str], environ: Mapping[str, str]) -> list[str]:
    columns = f'{{{{.Name}}}}\t{{{{.Label "{COMPOSE_PROJECT}"}}}}'
    words = ("docker", kind, "ls", "--filter", f"label={COMPOSE_PROJECT}", "--format", columns)
    rows = [row.partition("\t") for row in engine.ask(words, environ).splitlines()]
    return [name for name, _, project in rows if names.fullmatch(project)]


def _interrupt(guests: Sequence[str], environ: Mapping[str, str]) -> None:
    """Let pytest report and leave; stop what does not."""
    if not guests:
        return
    engine.call(("docker", "kill", "--signal", "INT", *guests), environ)
    with contextlib.suppress(engine.NoAnswerError):
        engine.call(("docker", "wait", *guests), environ, _STOP_S)
    engine.call(("docker", "stop", "-t", "1", *guests), environ, _STOP_S + DOWN_S)


def _keep_end(root: Path, row: Container, environ: Mapping[str, str]) -> None:
    """Record how a run's container ended, for its verdict, before it is removed."""
    record = Records(root).record(row.run)
    number = row.name.rpartition("-")[2]
    if record.folder.is_dir() and number.isdigit():
        found = containers.inspect(row.name, environ)
        if found is not None and found.over:
            facts = evidence.facts(int(number), row.name, found._asdict())
            evidence.write(str(record.folder), facts)


def _remove(root: Path, found: Things, names: re.Pattern[str], environ: Mapping[str, str]) -> str:
    """Remove what was found. Return why something could not be removed."""
    rows = project_containers.all_of(PREFIX, environ)
    guests = [row for row in rows if row.run and names.fullmatch(row.project)]
    _interrupt([row.id for row in guests if row.state == "running"], environ)
    for row in guests:
        _keep_end(root, row, environ)
    why = ""
    for words, things in (
        (("rm", "--force", "--volumes"), found.containers),
        (("network", "rm"), found.networks),
        (("volume", "rm", "--force"), found.volumes),
    ):
        if things:
            done = engine.call(("docker", *words, *things), environ, DOWN_S)
            why = _reason(done) if done.code else why
    return why


def _reason(done: engine.Done) -> str:
    """Return the line with the reason: `docker network rm` adds a line without one."""
    lines = [line for line in done.err.splitlines() if line.startswith("Error")]
    return lines[-1] if lines else done.why
