"""How long workers are waited for after a stop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from walkaway_recorder import stopping


@pytest.mark.parametrize(
    ("record", "grace_s"),
    [
        (json.dumps({"limits": {"grace_s": 7.5}}), 7.5),
        (json.dumps({"limits": {"grace_s": 0}}), 0.5),
        (json.dumps({"limits": {}}), 10.0),
        ('{"limits"', 10.0),
        ("", 10.0),
    ],
)
def test_the_grace_is_the_runs_own_in_seconds(tmp_path: Path, record: str, grace_s: float) -> None:
    if record:
        (tmp_path / "run.json").write_text(record)
    assert stopping._grace_s(str(tmp_path)) == grace_s
