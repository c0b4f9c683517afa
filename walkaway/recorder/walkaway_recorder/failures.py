"""The long texts: one line of `failures.jsonl` a failure.

Knows what is kept of a failure and for how many; must not know results or events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from walkaway_recorder import failure_text
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
    """Writes failures; full texts for the first three of a cause, 200 in all.

    Failures of attempts that a plugin reruns have texts of their own: the first of a cause,
    50 in all.
    """

    def __init__(self, file: AppendFile, cwd: str) -> None:
        self.file = file
        #: Takes the short facts of a failure that the file does not take.
        self.spare: Spare | None = None
        self.root = cwd
        self._cwd = cwd
        self._causes: dict[tuple[str, str, str], list[int]] = {}
        self._texts = 0
        self._attempts: set[int] = set()

    def put(  # noqa: PLR0913 - what a line is made of
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
        """Write one failure; return its line, or None when it was dropped.

        `head` is what comes first ("i", "id", "r"), `tail` what comes last ("t");
        `place` stands in where the text names none; `again` says that the failure is of an attempt
        that is rerun.
        """
        nodeid = str(head.get("id") or "")
        said = failure_text.read(longrepr, self.root, self._cwd, place, nodeid)
        cause = self._causes.setdefault(said.cause, [len(self._causes), 0])
        line: dict[str, object] = {"e": "a" if again else "x"}
        line.update(head)
        line.update(w=when, type=said.type, msg=said.message, at=said.at, cause=cause[0])
        if self._has_room(cause, again=again):
            line["text"] = failure_text.short_traceback(longrepr)
            line["out"] = failure_text.outputs(sections, self.root)
        line.update(tail)
        if self.file.put(to_json(line)):
            return self.file.lines - 1
        if self.spare is not None:  # at least what it says
            line = {key: value for key, value in line.items() if key not in _LONG}
            line["msg"] = said.message[:_SPARE_CHARS]
            self.spare.put(to_json(line))
        return None

    def take_back(self, index: int, lines: list[int]) -> None:
        """Say that these lines of a test are of an attempt that is rerun: they no longer count."""
        self.file.put(to_json({"e": "back", "i": index, "x": lines}))

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
