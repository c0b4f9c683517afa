"""What a Compose run saves in its record before its containers go, and its clean-up at the end."""

from __future__ import annotations

import contextlib
import json
import os
import select
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from walkaway.environment import container, entrypoint
from walkaway.environment.container import State
from walkaway.environment.project import Project
from walkaway.model import journal_kinds
from walkaway.process import proc_table
from walkaway.process.children import Helper
from walkaway.record import evidence

SERVICE_LOG = "services.log"
_JOURNAL_BYTES = 1 << 20
_LOGS_S = 30.0
_CLEAN_S = 180.0
_LOG_LINES = "20000"
_LOG_CHARS = 16 << 20
_OWN_LINES = "50"
_SAID_LINES = 6
_OWN_S = 10.0
_OWN_CHARS = 16 * 1024
_LEASE = b'{"e":"%b"' % journal_kinds.ENVIRONMENT_LEASED.encode()


def slot_of(record: str) -> int:
    """Return the slot that the run's supervisor last journaled; 0 when it leased none."""
    slot = 0
    with open(os.path.join(record, "supervisor.jsonl"), "rb") as file:
        for line in file.read(_JOURNAL_BYTES).split(b"\n"):
            if line.startswith(_LEASE):
                try:
                    slot = int(json.loads(line)["slot"])
                except (ValueError, KeyError, TypeError):
                    continue
    return slot


def seen_from_here(state: State) -> tuple[int, int] | None:
    """Return PID and start time of a container's first process; None when it is not visible here.

    An engine in a virtual machine has its own kernel, and its PIDs mean other processes here.
    """
    try:
        with open(f"/proc/{state.pid}/cgroup", encoding="utf-8", errors="replace") as file:
            if state.pid and state.id and state.id in file.read():
                return state.pid, proc_table.start_ticks(state.pid)
    except OSError:
        pass
    return None


def loaded(record: str) -> bool:
    """Return whether the recorder wrote anything at all."""
    try:
        return os.path.getsize(os.path.join(record, "events.jsonl")) > 0
    except OSError:
        return False


def reached(record: str) -> bool:
    """Return whether the container reached our command.

    Its shell leaves a mark file; where it cannot, the log holds its complaint about not being able
    to write the log.
    """
    if os.path.exists(os.path.join(record, entrypoint.MARK)):
        return True
    try:
        with open(f"{record}.log", "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _OWN_CHARS))
            return f"{container.LOG}: ".encode() in file.read()
    except OSError:
        return True


def last_lines(record: str) -> list[str]:
    """Return the last lines of the run's log, without our own command, which some programs echo."""
    from walkaway.record import reader

    lines = reader.log_lines(Path(f"{record}.log"), _SAID_LINES)
    return [line for line in lines if container.LOG not in line]


def own_words(log_fd: int, name: str) -> None:
    """Append to the run's log what the container printed to its own output instead."""

    def work() -> bytes:
        from walkaway.environment import engine

        words = ("docker", "logs", "--tail", _OWN_LINES, name)
        done = engine.call(words, os.environ, _OWN_S)
        if done.code == 0:
            os.write(log_fd, (done.out + done.err)[-_OWN_CHARS:].encode(errors="replace"))
        return b"1"

    _wait(work, _OWN_S + 5.0)


def write(record: str, state: State, name: str, number: int) -> None:
    """Store the container's facts for pass ``number`` in evidence.json."""
    evidence.write(record, evidence.facts(number, name, state._asdict()))


def ended(record: str, number: int) -> State:
    """Return how a pass's container ended, from evidence.json; an empty state when not recorded.

    `down --force` writes it there before it removes a container.
    """
    known = evidence.of_pass(record, number)
    return State(**{key: known[key] for key in State._fields if key in known})


def service_logs(project: Project, record: str, state: State) -> None:
    """Save the services' logs since the container's start; bounded in lines and time."""

    def work() -> bytes:
        from walkaway.environment import engine
        from walkaway.model.log_lines import in_order

        environ = project.environ(os.environ)
        # `--ansi never`: Compose 2.26 otherwise erases the line before each one, even with
        # `--no-color`.
        words = ("--ansi", "never", "logs", "--no-color", "--timestamps", "--tail", _LOG_LINES)
        done = engine.call(
            project.compose(*words, "--since", state.started_at), environ, _LOGS_S,
            cwd=project.root,
        )  # fmt: skip
        if done.out:
            logged = in_order(done.out)[-_LOG_CHARS:]
            Path(record, SERVICE_LOG).write_text(logged, encoding="utf-8", errors="replace")
        return b"1"

    _wait(work, _LOGS_S + 5.0)


def clean_up(  # noqa: PLR0913 - what there is to clean, each by its name
    project: Project, run_id: str, names: Sequence[str], image: str, *, fresh: bool, network: bool
) -> bool:
    """Remove a run's containers; return True when everything was done.

    ``image``: the image they ran, empty if they did not; files they wrote as root are given back
    to the record's owner. ``fresh``: reset the services. ``network``: remove the project's
    network, which nobody uses.

    A later run's reaper removes what is left; the outcome is already stored.
    """

    def work() -> bytes:
        from walkaway.environment import container_calls, ownership, reaper, reset
        from walkaway.record.store import Records

        environ = project.environ(os.environ)
        if image:
            with contextlib.suppress(OSError):
                owner = Records(project.root).record(run_id).folder.stat()
                who = owner.st_uid, owner.st_gid
                ownership.give_back(project.root, run_id, image, who, environ)
        gone = container_calls.remove(names, environ)
        if network:
            gone = container_calls.remove_networks(project.name, environ) and gone
        if fresh:
            reset.reset(project, environ)
        reaper.tidy(project.root, environ)  # leftovers of dead runs
        return b"1" if gone else b""

    return _wait(work, _CLEAN_S) == b"1"


def _wait(work: Callable[[], bytes], bound_s: float) -> bytes:
    """Do ``work`` in a child; return its answer, empty when it failed or took too long."""
    helper = Helper(work)
    until = time.monotonic() + bound_s
    while not helper.done and time.monotonic() < until:
        if select.select([helper.fd], [], [], 0.5)[0]:
            helper.read()
    helper.end()
    os.waitpid(helper.pid, 0)
    return helper.answer


def sizes(folder: str) -> dict[str, int]:
    """Return the size in bytes of every file in a folder, by name."""
    try:
        return {entry.name: entry.stat().st_size for entry in os.scandir(folder)}
    except OSError:
        return {}
