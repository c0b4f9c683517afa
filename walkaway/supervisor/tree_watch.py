"""Watch the source tree during a run: what the run started on, and whether somebody edits it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

from walkaway.model import journal_kinds
from walkaway.process.children import Helper
from walkaway.process.process_tree import Family
from walkaway.record.journal import Journal

_SCRIPT = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
    "runs",
    "source_tree.py",
)
_SHOWN = 20
_EVERY_S = 10.0
_KEPT = "tree.json"
_KEPT_BYTES = 256 * 1024
"""If the list of changed files does not fit, only the fingerprint is stored (in the journal)."""
_SHARE = 100
"""The pause between two fingerprints is at least this many times what one takes."""


class Trees:
    """Takes fingerprints in a child process: first in parallel with pytest's start, then again."""

    def __init__(self, root: str, journal: Journal, family: Family) -> None:
        self._root = root
        self._journal = journal
        self._family = family
        self._asked_at = 0.0
        self._next = float("inf")
        self._first: dict[str, str] | None = None
        self._fingerprint = ""
        self._head = ""
        self._last = b""
        self.helper: Helper | None = None

    def begin(self) -> None:
        """Start a child that takes a fingerprint; `helper` delivers it."""
        if self.helper is not None and not self.helper.done:
            return
        self._asked_at = self._journal.now()
        command = (sys.executable, "-I", "-S", _SCRIPT, self._root)
        self.helper = Helper(command)
        self._family.helpers.add(self.helper.pid)

    def refresh(self, now: float) -> None:
        """Take another fingerprint when it is time."""
        if now >= self._next and (self.helper is None or self.helper.done):
            self.begin()

    def take(self) -> None:
        """Journal the helper's fingerprint if it is the first or differs from the last."""
        helper, self.helper = self.helper, None
        now = self._journal.now()
        self._next = now + max(_EVERY_S, _SHARE * (now - self._asked_at))
        try:
            fingerprint, head, dirty = json.loads(helper.answer if helper else b"")
            self._last = helper.answer if helper else b""
        except (ValueError, TypeError):
            fingerprint, head, dirty = "", "", {}
        if self._first is not None and fingerprint == self._fingerprint:
            return
        event: dict[str, Any] = {"fp": fingerprint, "head": head, "n": len(dirty) if head else 0}
        event["dirty"] = sorted(dirty)[:_SHOWN] if head else []
        if self._first is None:
            self._first, self._head = dirty, head
        else:
            first = self._first
            changed = sorted(p for p in {*first, *dirty} if first.get(p) != dirty.get(p))
            if head != self._head:
                changed.insert(0, f"HEAD ({self._head} -> {head})")
            event["changed"], event["nchanged"] = changed[:_SHOWN], len(changed)
        self._fingerprint = fingerprint
        self._journal.write(journal_kinds.SOURCE_TREE, **event)

    def keep(self, record: str) -> None:
        """Write the last state of the tree to tree.json, for later comparison."""
        if not self._fingerprint or not 0 < len(self._last) <= _KEPT_BYTES:
            return
        path = os.path.join(record, _KEPT)
        with contextlib.suppress(OSError):
            with open(path + ".new", "wb") as file:
                file.write(self._last)
            os.replace(path + ".new", path)
