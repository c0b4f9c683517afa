"""Files of a record that are written once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from walkaway.record import store


def test_a_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def noting(name: str, call: Callable[..., None]) -> Callable[..., None]:
        def noted(*args: object) -> None:
            done.append(name)
            call(*args)

        return noted

    monkeypatch.setattr(os, "fsync", noting("flushed", os.fsync))
    monkeypatch.setattr(os, "link", noting("named", os.link))
    store.write_once(tmp_path / "outcome.json", {"code": 0})
    assert done == ["flushed", "named"]
    assert json.loads((tmp_path / "outcome.json").read_bytes()) == {"code": 0}


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "outcome.json"
    store.write_once(path, {"code": 0})
    with pytest.raises(FileExistsError):
        store.write_once(path, {"code": 1})
    assert json.loads(path.read_bytes()) == {"code": 0}
    assert [left.name for left in tmp_path.iterdir()] == ["outcome.json"]
