"""The event file: one line per event, a checkpoint every 64 KB.

Knows the clock, the counters and the file; must not know pytest.
"""

from __future__ import annotations

from typing import Callable

from walkaway_recorder import event_kinds, previous_passes
from walkaway_recorder.guard import Exit
from walkaway_recorder.json_lines import to_json
from walkaway_recorder.originals import keep_builtins
from walkaway_recorder.writer import AppendFile

keep_builtins(globals())

CHECKPOINT_BYTES = 64 * 1024
_NOTED_ERRORS = 5
_TOTALS = frozenset({event_kinds.CHECKPOINT, event_kinds.END})


class Events:
    """Writes events and keeps the counters that go into checkpoints and the end event."""

    def __init__(
        self, file: AppendFile, clock: Callable[[], float], epoch: float, pass_no: int
    ) -> None:
        self.file = file
        self.pass_no = pass_no
        before = previous_passes.totals(file.fd) if pass_no > 1 else {}
        #: How many reports the run owes, and results by name; over all passes so far.
        self.expected: int = before.get("n", 0)
        self.counts: dict[str, int] = before.get("c", {})
        self.dropped_before: int = before.get("dropped", 0)
        #: Modules and classes skipped as a whole during collection, in the first pass.
        self.skipped_whole: int = before.get("sw", 0)
        self.collection_errors = 0
        self.warnings = 0
        #: Our own errors, and the text of the first one.
        self.errors = 0
        self.first_error = ""
        #: Returns what else goes into a checkpoint; set by `Recording`.
        self.more: Callable[[], dict[str, object]] = dict
        self.clock = clock
        self.epoch = epoch
        #: The size at which the next checkpoint is due; the first one follows `collected`.
        self._checkpoint_at = float("inf")

    def now(self) -> float:
        """Return the seconds since the run's start."""
        return self.clock() - self.epoch

    def put(self, kind: str, /, **fields: object) -> None:
        """Write one event."""
        event: dict[str, object] = {"e": kind, "t": round(self.now(), 3)}
        event.update(fields)
        self.file.put(to_json(event))
        if self.file.size >= self._checkpoint_at and kind not in _TOTALS:
            self.checkpoint()

    def count(self, result: str, n: int = 1) -> None:
        """Add `n` to the count of a result; a negative `n` takes some back."""
        self.counts[result] = self.counts.get(result, 0) + n
        if not self.counts[result]:
            del self.counts[result]

    def finished(self, result: str) -> None:
        """Count a test whose result was written; write a checkpoint if one is due."""
        self.counts[result] = self.counts.get(result, 0) + 1
        if self.file.size >= self._checkpoint_at:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Write the counters, so that readers need only the end of the file."""
        # Set first: after an error the next try is not at once either.
        self._checkpoint_at = self.file.size + CHECKPOINT_BYTES
        self.put(event_kinds.CHECKPOINT, **self._totals(), **self._more())
        self._checkpoint_at = self.file.size + CHECKPOINT_BYTES

    def end(self, status: int) -> None:
        """Write the last line, with pytest's true final status."""
        if not self.file.put(self._end(status)):
            # Build it again: its count of dropped events has risen.
            self.file.put_over(self._end(status))

    def _end(self, status: int) -> bytes:
        try:
            event: dict[str, object] = {
                "e": event_kinds.END,
                "t": round(self.now(), 3),
                "exit": status,
            }
            event.update(self._totals())
            event.update(self._more())
            return to_json(event)
        except Exception as error:  # the status must be written in any case
            self.note(error)
            return b'{"e":"end","exit":%d,"re":%d}\n' % (status, self.errors)

    def _more(self) -> dict[str, object]:
        try:
            return self.more()
        except Exception as error:
            self.note(error)
            return {}

    def note(self, error: BaseException) -> None:
        """Note our own error: it must be visible and must not affect the tests.

        Raises nothing but pytest.exit's exception.
        """
        self.errors += 1
        try:
            text = describe(error)
            self.first_error = self.first_error or text
            if self.errors <= _NOTED_ERRORS:
                self.put(event_kinds.RECORDER_ERROR, m=text)
        except Exit:
            raise
        except Exception:  # the counter shows it
            return

    def _totals(self) -> dict[str, object]:
        totals: dict[str, object] = {
            "n": self.expected,
            "c": self.counts,
            "sw": self.skipped_whole,
            "ce": self.collection_errors,
            "wn": self.warnings,
            "pass": self.pass_no,
        }
        if self.errors:
            totals.update(re=self.errors, rem=self.first_error[:300])
        return totals


def describe(error: BaseException) -> str:
    """Return an error's type, message and place, at most 2,000 characters."""
    return f"{type(error).__name__}: {error}{_where(error)}"[:2000]


def _where(error: BaseException) -> str:
    trace, place = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f" ({code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} in {code.co_name})"
        trace = trace.tb_next
    return place
