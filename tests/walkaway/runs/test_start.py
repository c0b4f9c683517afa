"""Which live run an identical start attaches to, without starting one."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.walkaway.views import samples
from walkaway.model.run import to_json
from walkaway.process import file_lock
from walkaway.record.store import Records
from walkaway.runs import source_tree, start


def test_a_run_that_is_being_stopped_is_not_attached_to(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("def test_a(): pass\n")
    records = Records(tmp_path)
    run = samples.RUN._replace(root=str(tmp_path), cwd=str(tmp_path), key="0123")
    record = records.record(run.id)
    record.folder.mkdir(parents=True)
    fd = file_lock.acquire(str(record.path("supervisor.lock")))
    assert fd is not None
    record.path("run.json").write_text(json.dumps(to_json(run)))
    tree = source_tree.fingerprint(str(tmp_path)).fingerprint
    record.path("supervisor.jsonl").write_text(
        json.dumps({"e": "tree", "t": 0.1, "fp": tree}) + "\n"
    )
    assert start._twin(records, run) == record
    assert start._twin(records, run._replace(key="4567")) is None
    record.path("stop.json").write_text("{}")
    assert start._twin(records, run) is None
    record.path("stop.json").unlink()
    os.close(fd)
    assert start._twin(records, run) is None
