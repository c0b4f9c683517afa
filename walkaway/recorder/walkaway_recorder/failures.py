"""The long texts of failures: one line of `failures.jsonl` per failure.

Knows what is stored about a failure and for how many; must not know results or events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from walkaway_recorder import event_kinds, failure_text
from walkaway_recorder.json_lines import to_json
from walkaway_recorder.originals import keep_builtins
from walkaway_recorder.spare import Spare
from walkaway_recorder.writer import AppendFile

if TYPE_CHECKING:
    from walkaway_recorder.guard import Foreign

keep_builtins(globals())

_TEXTS_A_CAUSE = 3
_TEXTS_IN_ALL = 200
_TEXTS_OF_ATTEMPTS = 50
_LONG = frozenset({"text", "out"})
_SPARE_CHARS = 500


class Failures:
    """Writes failures, with full texts for the first three of each cause, 200 in total.

    Failures in attempts that a plugin reruns have their own limit: the first of each cause,
    50 in total.
    """

    def __init__(self, file: AppendFile, cwd: str) -> None:
        self.file = file
        #: Takes the short facts about a failure that the file cannot take.
        self.spare: Spare | None = None
        self.root = cwd
        self._cwd = cwd
        self._causes: dict[tuple[str, str, str], list[int]] = {}
        self._texts = 0
        self._attempts: set[int] = set()

    def put(  # noqa: PLR0913 - the parts of a line
        self,
        head: dict[str, object],
        when: str,
        longrepr: Foreign,
        sections: Foreign = (),
        place: failure_text.Frame = failure_text.NOWHERE,
        *,
        again: bool = False,
        **tail: object,
    ) -> int | None:
        """Write one failure; return its line number (from 0), or None when it was dropped.

        `head` is what comes first ("i", "id", "r"), `tail` what comes last ("t"). `place` is used
        where the text names none. `again`: the failure is from an attempt that is rerun.
        """
        nodeid = str(head.get("id") or "")
        failure = failure_text.read(longrepr, self.root, self._cwd, place, nodeid)
        cause = self._causes.setdefault(failure.cause, [len(self._causes), 0])
        line: dict[str, object] = {
            "e": event_kinds.ATTEMPT_FAILURE if again else event_kinds.FAILURE
        }
        line.update(head)
        line.update(w=when, type=failure.type, msg=failure.message, at=failure.at, cause=cause[0])
        if self._has_room(cause, again=again):
            line["text"] = failure_text.short_traceback(longrepr)
            line["out"] = failure_text.outputs(sections, self.root)
        line.update(tail)
        if self.file.put(to_json(line)):
            return self.file.lines - 1
        if self.spare is not None:  # store at least the message
            line = {key: value for key, value in line.items() if key not in _LONG}
            line["msg"] = failure.message[:_SPARE_CHARS]
            self.spare.put(to_json(line))
        return None

    def take_back(self, index: int, lines: list[int]) -> None:
        """Retract these lines of a test: its attempt is rerun, so they no longer count."""
        self.file.put(to_json({"e": event_kinds.RETRACTED, "i": index, "x": lines}))

    def _has_room(self, cause: list[int], *, again: bool) -> bool:
        if again:
            fresh = cause[0] not in self._attempts and len(self._attempts) < _TEXTS_OF_ATTEMPTS
            self._attempts.add(cause[0])
            return fresh
        if cause[1] >= _TEXTS_A_CAUSE or self._texts >= _TEXTS_IN_ALL:
            return False
        cause[1] += 1
        self._texts += 1
        return True
