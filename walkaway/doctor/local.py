"""Check what every run needs, in Compose or not: Python, pytest, records folder, worker slots."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from walkaway.doctor import Around, Checked, Finding, judged, packages, skipped, unknown
from walkaway.errors import WalkawayError
from walkaway.process import runtime_folder
from walkaway.record.store import FOLDER, Records
from walkaway.runs import command
from walkaway.text import many
from walkaway.worker_slots import queue, worker_count

_PYTEST = (7, 0)
_VERSION = re.compile(r"pytest (?:version )?(\d+)\.(\d+)\S*")
_ANSWER_S = 15.0
_NAMED = 5


def pytest(around: Around) -> Checked:
    """Find the pytest that a local run would start, and ask for its version."""
    subject = "pytest"
    python = f"Python {sys.version.split()[0]}"
    if around.in_compose:
        return skipped(subject, f"{python} here; the tests run in Compose with its own")
    try:
        argv = command.find_pytest(around.conf.pytest, around.root, around.environ)
    except WalkawayError as error:
        why, _, mend = error.message.partition("\n")
        mend = mend or "name one that is there as walkaway.pytest in invoke.yaml"
        return judged(subject, f"{python}, no pytest", [Finding(why, mend)])
    printed = _run((*argv, "--version"), around.root, around.environ)
    found = _VERSION.search(printed)
    if found is None:
        mend = f"see why: {' '.join(argv)} --version"
        return unknown(subject, f"{argv[0]} does not say which pytest it has", mend)
    note = command.environment_note(around.conf.pytest, argv, around.root, around.environ)
    says = f"{python}, {found[0]} by {argv[0]}{f'; python: {note}' if note else ''}"
    findings = [
        _lacking(argv[0], entry) for entry in packages.lacking(argv, around.root, around.environ)
    ]
    if (int(found[1]), int(found[2])) < _PYTEST:
        mend = f"{argv[0]} -m pip install --upgrade 'pytest>=7'"
        findings.append(Finding(f"{found[0]} is too old: 7.0 or newer is needed", mend))
    facts = {"argv": list(argv), "version": found[0].split()[-1], "python": note}
    return judged(subject, says, findings, facts)


def _lacking(python: str, entry: packages.Lacking) -> Finding:
    names = ", ".join(entry.names[:_NAMED])
    more = f" and {len(entry.names) - _NAMED:,} more" if len(entry.names) > _NAMED else ""
    says = f"{python} lacks what {entry.source} names: {names}{more}"
    return Finding(says, shlex.join(entry.install))


def _run(argv: Sequence[str], root: Path, environ: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            list(argv), cwd=root, env=dict(environ), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_ANSWER_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")


def records(around: Around) -> Checked:
    """Check that the records folder can be written to and that locks work there."""
    subject = "records"
    folder = Records(around.root).folder
    try:
        Records(around.root).prepare()
        honoured = _honoured(folder)
    except (WalkawayError, OSError) as error:
        why = error.message.splitlines()[0] if isinstance(error, WalkawayError) else str(error)
        mend = f"sudo chown -R {os.getuid()}:{os.getgid()} {FOLDER.parts[0]}"
        return judged(subject, f"{FOLDER} cannot be written to", [Finding(why, mend)])
    if honoured:
        return judged(subject, f"{FOLDER} can be written to, and locks are honoured there")
    says = f"locks are not honoured in {FOLDER}"
    finding = Finding(
        f"{says}: whether a run lives cannot be told",
        "move the checkout to a local disk (FUSE and some network mounts have no flock)",
    )
    return judged(subject, says, [finding])


def _honoured(folder: Path) -> bool:
    """Lock a file and try to lock it again through a second descriptor.

    Return whether the second lock was refused. `OSError` when the file cannot be made.
    """
    with tempfile.NamedTemporaryFile(prefix=".doctor-", dir=folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with Path(file.name).open("rb") as other:
                fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return False


def slots(around: Around) -> Checked:
    """Check the worker slots that all runs on this machine share."""
    subject = "worker slots"
    total = worker_count.slots(around.conf.worker_slots)
    if total == 0:
        return skipped(subject, "walkaway.worker_slots is 0: runs start as they come")
    where = runtime_folder.path(around.environ)
    try:
        fd = runtime_folder.open_folder(around.environ)
    except OSError as error:
        says = f"they cannot be shared with other runs: {where}: {error.strerror}"
        mend = f"rm -r {where}, or name another folder in {runtime_folder.OVERRIDE}"
        return judged(subject, "not shared", [Finding(says, mend)])
    with contextlib.suppress(OSError):
        os.close(fd)
    found = queue.who(around.environ)
    taken = sum(holder.workers for holder in found if not holder.waits)
    waiting = sum(holder.waits for holder in found)
    says = f"{taken} of {total} taken on this machine, {many(waiting, 'run')} waiting"
    facts = {"total": total, "taken": taken, "runs": [holder._asdict() for holder in found]}
    return judged(subject, says, [], facts)
