"""Find the lines of a time window in a time-ordered file without reading the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

Read = Callable[[int, int], bytes]
"""(offset, size) → bytes."""
TimeOf = Callable[[bytes], float | None]
_PROBE_BYTES = 64 * 1024
_LONGEST_PROBE_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 20


class Timed:
    """A time-ordered file.

    ``read_bytes`` counts what was read; ``cut`` is True when a limit cut the window short.
    """

    def __init__(self, read: Read, size: int, time_of: TimeOf) -> None:
        self._read_raw = read
        self._size = size
        self._time_of = time_of
        self.read_bytes = 0
        self.cut = False

    def window(self, since: float, until: float, most_bytes: int) -> Iterator[bytes]:
        """Yield the lines from ``since`` to ``until``, without newlines, and some around them.

        Lines slightly out of order do no harm: callers ask for a wider window. Reads at most
        ``most_bytes``, plus what the search takes (about 2 MB for a terabyte).
        """
        offset = self._first(since)
        rest = b""
        while offset < self._size:
            if most_bytes <= 0:
                self.cut = True
                return
            data = self._read(offset, min(_BLOCK_BYTES, most_bytes))
            if not data:
                return
            offset += len(data)
            most_bytes -= len(data)
            lines = (rest + data).split(b"\n")
            rest = lines.pop()
            yield from lines
            last = next((t for line in reversed(lines) if (t := self._time_of(line))), None)
            if last is not None and last > until:
                return
        if rest:
            yield rest  # an unfinished line, or a file that ends without a newline

    def _first(self, since: float) -> int:
        """Return the offset of a line's start, at or before the first line at ``since``."""
        low, high = 0, self._size
        while high - low > _PROBE_BYTES:
            middle = (low + high) // 2
            found = self._timed_after(middle, high)
            if found is not None and found[0] < since:
                low = found[1]
            else:
                high = middle
        return low

    def _timed_after(self, offset: int, high: int) -> tuple[float, int] | None:
        """Return time and end offset of the first line after ``offset`` that has a time."""
        step = _PROBE_BYTES
        while True:
            data = self._read(offset, step)
            start = data.find(b"\n") + 1
            while start > 0:
                end = data.find(b"\n", start)
                when = self._time_of(data[start:end]) if end >= 0 else None
                if when is not None:
                    return when, offset + end + 1
                start = end + 1
            if step >= _LONGEST_PROBE_BYTES or offset + step >= high:
                return None
            step *= 4

    def _read(self, offset: int, size: int) -> bytes:
        data = self._read_raw(offset, size)
        self.read_bytes += len(data)
        return data


def holding(
    path: Path, text: bytes, time_of: TimeOf, bounds: tuple[float, float], most_bytes: int
) -> tuple[list[bytes], bool]:
    """Return the lines within ``bounds`` that contain ``text``, and whether a limit cut them off.

    ``bounds`` is (since, until). ([], False) when the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            read, size = partial(_pread, file.fileno()), os.fstat(file.fileno()).st_size
            timed = Timed(read, size, time_of)
            found = [line for line in timed.window(*bounds, most_bytes) if text in line]
            return found, timed.cut
    except OSError:
        return [], False


def _pread(fd: int, offset: int, size: int) -> bytes:
    return os.pread(fd, size, offset)
