"""Tell other plugins where the record is, so that they can put files of their own into it.

    place = config.pluginmanager.get_plugin("walkaway-place")  # None outside a run

Works in xdist's workers too. It goes through the config, not the environment, so a pytest inside a
test finds nothing. Knows names and numbers; must not know who asks.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    import pytest

keep_builtins(globals())

NAME = "walkaway-place"


class RecordFolder:
    """The record's folder, the zero of its times in seconds on `process.clock`, and the pass."""

    def __init__(self, folder: str, epoch: float, pass_no: int) -> None:
        self.folder = folder
        self.epoch = epoch
        self.pass_no = pass_no


def announce(config: pytest.Config, place: RecordFolder) -> None:
    """Register `place` for this pytest's plugins."""
    config.pluginmanager.register(place, NAME)


def to_text(place: RecordFolder) -> str:
    """Return `place` as text, for `from_text` in a worker."""
    return json.dumps([place.folder, place.epoch, place.pass_no])


def from_text(text: str) -> RecordFolder:
    """Return the place that the controller sent."""
    folder, epoch, pass_no = json.loads(text)
    return RecordFolder(folder, epoch, pass_no)
