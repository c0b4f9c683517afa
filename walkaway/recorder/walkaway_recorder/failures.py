"""The long texts: one line of `failures.jsonl` a failure.

Knows what is kept of a failure and for how many; must not know results or events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from walkaway_recorder import texts
from walkaway_recorder.json_lines import to_json
from walkaway_recorder.originals import keep_builtins
from walkaway_recorder.writer import AppendFile

if TYPE_CHECKING:
    from walkaway_recorder.foreign import Foreign

keep_builtins(globals())

_TEXTS_A_CAUSE = 3
_TEXTS_IN_ALL = 200


class Failures:
    """Writes failures; full texts for the first three of a cause, 200 in all."""

    def __init__(self, file: AppendFile, cwd: str) -> None:
        self.file = file
        self.root = cwd
        self._cwd = cwd
        self._causes: dict[tuple[str, str, str], list[int]] = {}
        self._texts = 0

    def put(
        self,
        head: dict[str, object],
        when: str,
        longrepr: Foreign,
        sections: Foreign = (),
        place: texts.Frame = texts.NOWHERE,
        **tail: object,
    ) -> int | None:
        """Write one failure; return its line, or None when it was dropped.

        `head` is what comes first ("i", "id", "r"), `tail` what comes last ("t");
        `place` stands in where the text names none.
        """
        nodeid = str(head.get("id") or "")
        said = texts.read(longrepr, self.root, self._cwd, place, nodeid)
        cause = self._causes.setdefault(said.cause, [len(self._causes), 0])
        line: dict[str, object] = {"e": "x"}
        line.update(head)
        line.update(w=when, type=said.type, msg=said.message, at=said.at, cause=cause[0])
        if cause[1] < _TEXTS_A_CAUSE and self._texts < _TEXTS_IN_ALL:
            cause[1] += 1
            self._texts += 1
            line["text"] = texts.short_traceback(longrepr)
            line["out"] = texts.outputs(sections)
        line.update(tail)
        return self.file.lines - 1 if self.file.put(to_json(line)) else None
