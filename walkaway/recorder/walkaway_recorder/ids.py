"""Node ids and their numbers: `collected.txt` and its index.

Knows how an id is written as one line; must not know events.
"""

from __future__ import annotations

import json
import os
import re
import struct
from typing import Iterable

from walkaway_recorder.writer import open_kept

_CONTROL = re.compile("[\x00-\x1f\x7f]")


def to_line(nodeid: str) -> bytes:
    """Return the line of `nodeid` in a list of ids: as it is where that is one line."""
    if not nodeid.startswith('"') and (nodeid.isprintable() or not _CONTROL.search(nodeid)):
        try:
            return nodeid.encode("utf-8", "surrogateescape") + b"\n"
        except UnicodeEncodeError:  # a surrogate that stands for no byte
            pass
    return json.dumps(nodeid).encode() + b"\n"


def from_line(line: bytes) -> str:
    """Return the node id that `to_line` wrote, without or with its newline."""
    text = line.rstrip(b"\n")
    if text.startswith(b'"'):
        try:
            return str(json.loads(text))
        except ValueError:
            pass
    return text.decode("utf-8", "surrogateescape")


def read_ids(path: str) -> list[str]:
    """Return the ids of a list such as collected.txt, in its order."""
    with open(path, "rb") as file:
        return [from_line(line) for line in file if line != b"\n"]


class Ids:
    """The number of every id; a number never changes within a run."""

    def __init__(self, folder: str) -> None:
        self.number: dict[str, int] = {}
        self._text = open_kept(os.path.join(folder, "collected.txt"))
        self._index = open_kept(os.path.join(folder, "collected.idx"))
        self._size = 0
        self._unwritten: list[bytes] = []
        self._ftruncate, self._write = os.ftruncate, os.write
        self._written = self._recall()

    def _recall(self) -> int:
        """Take over what an earlier pass wrote; cut off a torn end."""
        size = os.fstat(self._text).st_size
        data = os.pread(self._text, size, 0) if size else b""
        whole = data[: data.rfind(b"\n") + 1]
        offsets: list[int] = []
        for line in _lines(whole):
            self.number[from_line(line)] = len(offsets)
            offsets.append(self._size)
            self._size += len(line)
        if len(whole) != size:
            os.ftruncate(self._text, self._size)
        if os.fstat(self._index).st_size != 8 * len(offsets):
            os.ftruncate(self._index, 0)
            self._append(self._index, struct.pack(f"<{len(offsets)}Q", *offsets), 0)
        return len(offsets)

    def add(self, nodeids: Iterable[str]) -> None:
        """Number the ids not yet known, in this order, and write them in one go."""
        number = self.number
        for nodeid in nodeids:
            if nodeid not in number:
                number[nodeid] = len(number)
                self._unwritten.append(to_line(nodeid))
        self.flush()

    def flush(self) -> None:
        """Write what is not on disk yet; what a full disk refuses waits for the next call."""
        lines = self._unwritten
        if not lines or self._text < 0:
            return
        offset = self._size
        offsets = []
        for line in lines:
            offsets.append(offset)
            offset += len(line)
        if not self._append(self._text, b"".join(lines), self._size):
            return
        index = struct.pack(f"<{len(offsets)}Q", *offsets)
        if not self._append(self._index, index, 8 * self._written):
            self._ftruncate(self._text, self._size)
            return
        self._size = offset
        self._written += len(lines)
        self._unwritten = []

    def _append(self, fd: int, data: bytes, size: int) -> bool:
        """Append all of `data` to a file of `size` bytes, or nothing."""
        done = 0
        try:
            while done < len(data):
                done += self._write(fd, data[done:])
        except OSError:
            self._ftruncate(fd, size)
            return False
        return True

    def close(self) -> None:
        """Close the files (in a forked child)."""
        for fd in (self._text, self._index):
            if fd >= 0:
                os.close(fd)
        self._text = self._index = -1


def _lines(data: bytes) -> list[bytes]:
    # bytes.splitlines would also split at \r; an id's line ends at \n alone.
    return [line + b"\n" for line in data.split(b"\n")[:-1]]
