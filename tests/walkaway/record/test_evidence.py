"""What the engine reported about a run's containers, pass by pass."""

from __future__ import annotations

from pathlib import Path

from walkaway.record import evidence

ENDED = {"status": "exited", "started_at": "2026-11-22T10:15:30Z"}


def facts(number: int, exit_code: int) -> dict[str, object]:
    state = {**ENDED, "exit_code": exit_code, "entrypoint": ["sh", "-c", "TOKEN=secret"]}
    return evidence.facts(number, f"c-{number}", state)


def test_each_pass_keeps_its_own_facts(tmp_path: Path) -> None:
    record = str(tmp_path)
    for number, code in ((1, 1), (2, 0), (2, 137)):
        evidence.write(record, facts(number, code))
    found = {number: evidence.of_pass(record, number).get("exit_code") for number in (1, 2, 3)}
    assert found == {1: 1, 2: 137, 3: None}
    assert "secret" not in (tmp_path / evidence.NAME).read_text()
    assert [path.name for path in tmp_path.iterdir()] == [evidence.NAME]
