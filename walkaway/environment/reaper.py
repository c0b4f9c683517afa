"""Remove what ended runs and deleted checkouts have left behind. Plans first.

Touches only things that have a name and a label of ours and whose checkout's path we know: the path
must hash to the hash in the name. A path that cannot be examined does not count as gone.
"""

from __future__ import annotations

import os
import platform
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from walkaway.environment import engine, inventory, known_checkouts
from walkaway.environment.inventory import Kind, Thing
from walkaway.environment.project import checkout_hash, path_hash
from walkaway.errors import WalkawayError
from walkaway.process import file_lock
from walkaway.record import evidence, reader
from walkaway.record.store import Records

DAY_S = 86400.0
_REMOVE_S = 60.0


class RecordedState(StrEnum):
    """What a record says about its run."""

    ENDED = "ended"
    LIVE = "live"
    """It runs, or nobody can tell from here."""
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about checkouts and runs, for the plan."""

    here: str
    """Hash of this checkout."""
    paths: Mapping[str, str]
    """Path of each checkout by hash, present or former, as recorded by this user on this host."""
    labels: Callable[[], bool]
    """Whether paths in labels belong to this machine. Called when such a path does not exist."""
    there: Callable[[str], bool]
    """Whether a path is still a checkout's. Also True where it cannot be examined."""
    standing: Callable[[str], RecordedState]
    """What this checkout's record of a run says."""


@dataclass(frozen=True, slots=True)
class Fate:
    """A thing, and why it goes or stays."""

    thing: Thing
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to remove, in order, and what looks left behind but stays."""

    go: tuple[Fate, ...] = ()
    stay: tuple[Fate, ...] = ()


@dataclass(slots=True)
class Reaped:
    """Result of a plan: titles of what is gone, and why the rest is not."""

    removed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def plan(things: Iterable[Thing], known: Known, now_s: float) -> Plan:
    """Decide what goes. Pure, except for the questions in ``known``."""
    things = list(things)
    dead = _dead(things, known)
    busy = {
        thing.checkout: thing.run
        for thing in things
        if thing.run and thing.running and now_s - thing.made_s < DAY_S
    }
    go, stay = [], []
    for thing in things:
        if thing.checkout in dead:
            if thing.checkout in busy:
                why = f"its checkout is gone, but run {busy[thing.checkout]} is still running"
                stay.append(Fate(thing, why))
            else:
                go.append(Fate(thing, f"its checkout is gone: {dead[thing.checkout]}"))
        elif thing.run and thing.checkout == known.here:
            standing = known.standing(thing.run)
            if standing is RecordedState.ENDED:
                go.append(Fate(thing, f"run {thing.run} has ended"))
            elif standing is RecordedState.ABSENT and thing.running:
                stay.append(Fate(thing, f"run {thing.run} left no record, but is still running"))
            elif standing is RecordedState.ABSENT:
                go.append(Fate(thing, f"run {thing.run} left no record"))
    order = list(Kind)
    return Plan(tuple(sorted(go, key=lambda fate: order.index(fate.thing.kind))), tuple(stay))


def _dead(things: Iterable[Thing], known: Known) -> dict[str, str]:
    """Return the paths of checkouts that are gone, by hash."""
    paths = known.paths
    labelled: dict[str, str] = {}
    for thing in things:
        # A label's path must hash to the name: a foreign project may have a name like ours.
        if thing.path and path_hash(thing.path) == thing.checkout:
            labelled[thing.checkout] = thing.path
    gone = {c: path for c, path in {**labelled, **paths}.items() if c != known.here}
    gone = {checkout: path for checkout, path in gone.items() if not known.there(path)}
    if gone.keys() <= paths.keys() or known.labels():
        return gone
    return {checkout: path for checkout, path in gone.items() if checkout in paths}


def after_run(root: Path, environ: Mapping[str, str]) -> Plan:
    """Return what runs of this checkout and deleted checkouts left: the cheap version.

    Makes one call to the engine unless a checkout is gone. `WalkawayError` 69 without an engine.
    """
    found = inventory.containers(environ)
    known = _known(root, environ)
    if _dead(found, known):
        return everything(root, environ)
    return plan(found, known, time.time())


def tidy(root: Path, environ: Mapping[str, str]) -> Reaped:
    """Remove what `after_run` finds. Never fails: the result says when the engine was silent."""
    try:
        return carry_out(after_run(root, environ), environ)
    except WalkawayError as error:
        return Reaped(failed={"engine": error.message.splitlines()[0]})


def everything(root: Path, environ: Mapping[str, str]) -> Plan:
    """Return everything that was left behind. `WalkawayError` 69 without an engine."""
    known = _known(root, environ)
    found = [*inventory.containers(environ), *inventory.others(environ)]
    for checkout in set(known.paths) - {thing.checkout for thing in found}:
        if not known.there(known.paths[checkout]):
            known_checkouts.forget(checkout, environ)
    return plan(found, known, time.time())


def carry_out(planned: Plan, environ: Mapping[str, str]) -> Reaped:
    """Remove what the plan says, and check that it is gone. Continues after a failure.

    `WalkawayError` 69 when the engine stops answering.
    """
    done = Reaped()
    errors: dict[str, str] = {}
    for fate in planned.go:
        thing = fate.thing
        words = ("docker", thing.kind, "rm", *_FLAGS.get(thing.kind, ()), thing.id)
        ended = engine.call(words, environ, _REMOVE_S)
        if ended.code:
            errors[thing.title] = ended.why
    left = set()
    if planned.go:
        left = {
            (t.kind, t.id) for t in (*inventory.containers(environ), *inventory.others(environ))
        }
    for thing in (fate.thing for fate in planned.go):
        if (thing.kind, thing.id) in left:
            done.failed[thing.title] = errors.get(thing.title, "it is still there")
        else:
            done.removed.append(thing.title)
    return done


_FLAGS = {Kind.CONTAINER: ("--force", "--volumes")}


def _known(root: Path, environ: Mapping[str, str]) -> Known:
    known_checkouts.remember(root, environ)
    records = Records(root)
    return Known(
        here=checkout_hash(root),
        paths=known_checkouts.known(environ),
        labels=lambda: _on_this_machine(environ),
        there=_there,
        standing=lambda run_id: _standing(records, run_id),
    )


def _on_this_machine(environ: Mapping[str, str]) -> bool:
    """Return whether the engine's paths are ours: not over a network, not inside a container."""
    try:
        found = engine.call(("docker", "info", "--format", "{{.Name}}"), environ)
    except WalkawayError:
        return False
    return found.code == 0 and found.out.strip() == platform.node()


def _there(path: str) -> bool:
    """Return whether a checkout still exists. True for one that cannot be examined."""
    try:
        found = Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return stat.S_ISDIR(found.st_mode) and os.path.realpath(path) == path


def _standing(records: Records, run_id: str) -> RecordedState:
    record = records.record(run_id)
    if not record.folder.is_dir():
        return RecordedState.ABSENT
    if reader.outcome(record.folder) is not None:
        return RecordedState.ENDED
    free = file_lock.probe(str(record.path("supervisor.lock"))) is file_lock.Hold.FREE
    if free and evidence.of_last_pass(str(record.folder)):
        return RecordedState.ENDED  # everything its container could tell is recorded
    return RecordedState.LIVE
