"""Number the node ids and write them to `collected.txt` and its index.

Knows how an id is written as one line; must not know events.
"""

from __future__ import annotations

import os
import re
from typing import Iterable

from walkaway_recorder.descriptors import ReopenedFile, write
from walkaway_recorder.json_lines import text_to_json
from walkaway_recorder.originals import System, keep_builtins, unquoted

keep_builtins(globals())

_CONTROL = re.compile("[\x00-\x1f\x7f]")


def to_line(nodeid: str) -> bytes:
    """Return the line for `nodeid` in a list of ids: as it is, or as JSON if it needs escaping."""
    if not nodeid.startswith('"') and (nodeid.isprintable() or not _CONTROL.search(nodeid)):
        try:
            return nodeid.encode("utf-8", "surrogateescape") + b"\n"
        except UnicodeEncodeError:  # a surrogate that does not stand for a byte
            pass
    return text_to_json(nodeid) + b"\n"


def from_line(line: bytes) -> str:
    """Return the node id in a line that `to_line` made, with or without its newline."""
    text = line.rstrip(b"\n")
    if text.startswith(b'"'):
        try:
            return str(unquoted(text.decode(), 1)[0])
        except ValueError:
            pass
    return text.decode("utf-8", "surrogateescape")


def read_ids(path: str) -> list[str]:
    """Return the ids of a list such as collected.txt, in its order."""
    with open(path, "rb") as file:
        return [from_line(line) for line in file if line != b"\n"]


class Ids:
    """Numbers every node id; a number never changes within a run."""

    def __init__(self, folder: str) -> None:
        self.number: dict[str, int] = {}
        self._text = ReopenedFile(os.path.join(folder, "collected.txt"))
        self._index = ReopenedFile(os.path.join(folder, "collected.idx"))
        self._size = 0
        self._unwritten: list[bytes] = []
        self._written = self._recall()

    def _recall(self) -> int:
        """Read what an earlier pass wrote, cut off a torn end, and return the number of ids."""
        text, index = self._text.fd, self._index.fd
        size = System.fstat(text).st_size
        data = System.pread(text, size, 0) if size else b""
        whole = data[: data.rfind(b"\n") + 1]
        offsets: list[int] = []
        for line in _lines(whole):
            self.number[from_line(line)] = len(offsets)
            offsets.append(self._size)
            self._size += len(line)
        if len(whole) != size:
            System.ftruncate(text, self._size)
        if System.fstat(index).st_size != 8 * len(offsets):
            System.ftruncate(index, 0)
            self._append(self._index, System.pack(f"<{len(offsets)}Q", *offsets), 0)
        return len(offsets)

    def add(self, nodeids: Iterable[str]) -> None:
        """Number the ids not yet known, in this order, and write them together."""
        number = self.number
        for nodeid in nodeids:
            if nodeid not in number:
                line = to_line(nodeid)  # before the number: an error here must not shift the lines
                number[nodeid] = len(number)
                self._unwritten.append(line)
        self.flush()

    def flush(self) -> None:
        """Write what is not on disk yet; what a full disk refuses is retried in the next call."""
        lines = self._unwritten
        if not lines or self._text.fd < 0:
            return
        offset = self._size
        offsets = []
        for line in lines:
            offsets.append(offset)
            offset += len(line)
        if not self._append(self._text, b"".join(lines), self._size):
            return
        index = System.pack(f"<{len(offsets)}Q", *offsets)
        if not self._append(self._index, index, 8 * self._written):
            System.ftruncate(self._text.fd, self._size)
            return
        self._size = offset
        self._written += len(lines)
        self._unwritten = []

    @staticmethod
    def _append(file: ReopenedFile, data: bytes, size: int) -> bool:
        """Append all of `data` to a file of `size` bytes, or nothing."""
        if not file.ours() and not file.reopen():  # a test closed it
            return False
        done = 0
        try:
            if System.fstat(file.fd).st_size != size:  # left by a failed attempt
                System.ftruncate(file.fd, size)
            while done < len(data):
                done += write(file.fd, data[done:])
        except OSError:
            System.ftruncate(file.fd, size)
            return False
        return True

    def close(self) -> None:
        """Close the files (in a forked child)."""
        self._text.close()
        self._index.close()


def _lines(data: bytes) -> list[bytes]:
    # bytes.splitlines would also split at \r; an id's line ends at \n alone.
    return [line + b"\n" for line in data.split(b"\n")[:-1]]
