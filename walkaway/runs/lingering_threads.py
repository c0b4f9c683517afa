"""Find what keeps a process open after pytest's end: threads, an exit handler, or a child."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from walkaway.model.events import Event, text, whole
from walkaway.record import reader

_STACK_BYTES = 256 * 1024
_HEAD = re.compile(r"(?:Current thread|Thread) 0x([0-9a-fA-F]+)\b.*most recent call first")
_FRAME = re.compile(r'File "(.*)", line (\d+) in (.*)')
_LIBRARY = re.compile(r"(?:site-packages|dist-packages|/lib/python\d[^/]*|/\.?venv)/|^<")
_NAMED = 3
_FRAMES = 3
_COMMAND = 60


@dataclass(frozen=True, slots=True)
class _Frame:
    path: str
    line: str
    name: str

    @property
    def own(self) -> bool:
        """Whether the frame is in the project's code."""
        return not _LIBRARY.search(self.path)

    def __str__(self) -> str:
        return f"{self.path}:{self.line} in {self.name}"


@dataclass(frozen=True, slots=True)
class Holder:
    """Something that keeps the process open, with its stack, innermost frame first."""

    what: str
    """A description: `Thread-1 (work) started in tests/test_x.py:12`."""
    stack: tuple[str, ...] = ()


def holders(folder: Path, root: str, ended: Event, noticed: Event) -> tuple[Holder, ...]:
    """Return what keeps a run's process open, as far as known.

    ``ended``: the recorder's `end` event; ``noticed``: the supervisor's `linger` event.
    """
    stacks = _newest(folder)
    found: list[Holder] = []
    threads = ended.get("open")
    for thread in threads if isinstance(threads, list) else ():
        if not isinstance(thread, dict) or (stacks and whole(thread, "id") not in stacks):
            continue
        at = text(thread, "at")
        what = text(thread, "name", "a thread") + (f" started in {_inside(at, root)}" if at else "")
        found.append(Holder(what, _places(stacks.get(whole(thread, "id"), ()), root)))
    if not found:
        if stacks:
            found += _main(list(stacks.values())[-1], root)
        found += _children(noticed)
    return tuple(found[:_NAMED])


def _children(noticed: Event) -> list[Holder]:
    """Return the child processes that were running: an exit handler may be waiting for one."""
    found = noticed.get("children")
    pairs = [pair for pair in found if isinstance(pair, list)] if isinstance(found, list) else []
    return [Holder(f"its child {pair[0]} ({_command(str(pair[-1]))})") for pair in pairs if pair]


def _command(text: str) -> str:
    program, _, rest = text.partition(" ")
    return f"{program.rpartition('/')[2]} {rest}"[:_COMMAND].rstrip()


def note(found: Sequence[Holder], linger_s: float) -> str:
    """Return the verdict's note on a process that was ended because it stayed open."""
    who = "; ".join(
        holder.what + (f", at {' < '.join(holder.stack)}" if holder.stack else "")
        for holder in found
    )
    return (
        f"pytest was done, its process stayed open and idle for {linger_s:g} s and was ended"
        f"{': ' + who if who else ''}"
    )


def _main(frames: Sequence[_Frame], root: str) -> list[Holder]:
    """Return where the main thread is: waiting for an unrecorded thread, or in an exit handler."""
    if any(frame.name == "_shutdown" and "threading" in frame.path for frame in frames):
        return [Holder("a thread that was started at the very end", _places(frames, root))]
    own = [frame for frame in frames if frame.own][:1]
    at = "".join(f" in {_inside(str(frame), root)}" for frame in own)
    return [Holder(f"an exit handler{at}", _places(frames, root))] if frames else []


def _newest(folder: Path) -> dict[int, tuple[_Frame, ...]]:
    """Return the newest stacks of pytest's own process by thread id, the main thread last."""
    own = [path for path in (folder / "stacks").glob("*.txt") if _is_own(path)]
    if not own:
        return {}
    newest = max(own, key=lambda path: path.stat().st_mtime_ns)  # each pass has its own process
    lines = reader.tail(newest, _STACK_BYTES).decode("utf-8", "replace").splitlines()
    blocks = _blocks(lines)
    # A dump ends with the main thread.
    ends = [i for i, (number, _) in enumerate(blocks[:-1]) if number == blocks[-1][0]]
    return {n: tuple(frames) for n, frames in blocks[ends[-1] + 1 if ends else 0 :]}


def _is_own(path: Path) -> bool:
    """Return whether a stacks file is pytest's own (`PID START -`), not a worker's."""
    return reader.head(path, 200).split()[2:3] == [b"-"]


def _blocks(lines: Sequence[str]) -> list[tuple[int, list[_Frame]]]:
    blocks: list[tuple[int, list[_Frame]]] = []
    for line in lines:
        head, frame = _HEAD.search(line), _FRAME.search(line)
        if head:
            blocks.append((int(head[1], 16), []))
        elif frame and blocks:
            blocks[-1][1].append(_Frame(frame[1], frame[2], frame[3]))
    return blocks


def _places(frames: Sequence[_Frame], root: str) -> tuple[str, ...]:
    """Return the innermost frame, then frames in the project's code; three at most."""
    own = [frame for frame in frames[1:] if frame.own]
    return tuple(_inside(str(frame), root) for frame in [*frames[:1], *own][:_FRAMES])


def _inside(place: str, root: str) -> str:
    return place.removeprefix(root.rstrip("/") + "/")
