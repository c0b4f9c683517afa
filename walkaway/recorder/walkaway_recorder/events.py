"""The event file: one line an event, a checkpoint every 64 KB.

Knows the clock, the counters and the file; must not know pytest.
"""

from __future__ import annotations

from typing import Callable

from walkaway_recorder.writer import AppendFile, to_json

CHECKPOINT_BYTES = 64 * 1024
_NOTED_ERRORS = 5


class Events:
    """Writes events and keeps the counters that checkpoints and the end carry."""

    def __init__(
        self, file: AppendFile, clock: Callable[[], float], epoch: float, pass_no: int
    ) -> None:
        self.file = file
        self.pass_no = pass_no
        self.counts: dict[str, int] = {}
        self.reported = 0
        self.collection_errors = 0
        self.warnings = 0
        self.errors = 0
        #: What a checkpoint tells beside the counters; set by who knows it.
        self.more: Callable[[], dict[str, object]] = dict
        self._clock = clock
        self._epoch = epoch
        self._since_checkpoint = 0
        self._checkpoints = False

    def now(self) -> float:
        """Return seconds since the run was started."""
        return self._clock() - self._epoch

    def put(self, kind: str, /, **fields: object) -> None:
        """Write one event."""
        event: dict[str, object] = {"e": kind, "t": round(self.now(), 3)}
        event.update(fields)
        self.put_line(to_json(event))

    def put_line(self, line: bytes) -> None:
        """Write an event that is a line already (the hot path)."""
        self.file.put(line)
        self._since_checkpoint += len(line)
        if self._since_checkpoint >= CHECKPOINT_BYTES and self._checkpoints:
            self.checkpoint()

    def started(self, index: int, worker: str) -> float:
        """Write that a test starts; return when. `worker` is a piece of JSON or empty."""
        t = self._clock() - self._epoch
        self.put_line(f'{{"e":"s","t":{t:.3f},"i":{index}{worker}}}\n'.encode())
        return t

    def finished(
        self, index: int, result: str, durations: tuple[float, float, float], more: str
    ) -> None:
        """Write and count a test's result; seconds of setup, call and teardown.

        `more` is what follows in JSON, each piece with its comma before it.
        """
        self.reported += 1
        self.counts[result] = self.counts.get(result, 0) + 1
        setup, call, teardown = durations
        self.put_line(
            f'{{"e":"f","t":{self._clock() - self._epoch:.3f},"i":{index},"r":"{result}","d":['
            f"{setup * 1000:.2f},{call * 1000:.2f},{teardown * 1000:.2f}]{more}}}\n".encode()
        )

    def checkpoint(self) -> None:
        """Write the counters, so that readers need only the end of the file."""
        self._checkpoints = True
        self._since_checkpoint = 0
        self.put("k", **self._totals(), **self.more())
        self._since_checkpoint = 0

    def end(self, status: int) -> None:
        """Write the last line, with pytest's true final status."""
        self.put("end", exit=status, **self._totals(), **self.more())

    def note(self, error: BaseException) -> None:
        """Note an error of our own: it must show, and must not touch the tests."""
        self.errors += 1
        if self.errors <= _NOTED_ERRORS:
            self.put("re", m=f"{type(error).__name__}: {error}{_where(error)}"[:2000])

    def _totals(self) -> dict[str, object]:
        return {
            "n": self.reported,
            "c": self.counts,
            "ce": self.collection_errors,
            "wn": self.warnings,
            "pass": self.pass_no,
        }


def _where(error: BaseException) -> str:
    trace, place = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f" ({code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} in {code.co_name})"
        trace = trace.tb_next
    return place
