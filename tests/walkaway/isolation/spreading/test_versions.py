"""Serial tests and groups in the pytests and xdists that the recorder promises to serve."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.walkaway.isolation.spreading import test_crashes, test_serial
from tests.walkaway.isolation.spreading.test_groups import ONE, TWO, together
from tests.walkaway.recorder.test_versions import python
from tests.walkaway.support.spread import MODES, Suite

__all__ = ["python"]

pytestmark = [pytest.mark.soak, pytest.mark.slow]


@pytest.mark.parametrize("mode", MODES)
def test_every_version_runs_serial_tests_last_and_alone(
    suite: Suite, python: Path, mode: str
) -> None:
    test_serial.write(suite)
    told = suite.run("-n2", f"--dist={mode}", python=str(python))
    assert told.code == 0, told.output
    assert set(told.counts.values()) == {1}
    assert len(told.counts) == test_serial.PARALLEL + test_serial.SERIAL
    told.assert_alone()
    told.assert_others_gone()


@pytest.mark.parametrize("mode", MODES)
def test_every_version_survives_crashes_in_the_serial_part(
    suite: Suite, python: Path, mode: str
) -> None:
    suite.write(test_a=test_crashes.PARALLEL, test_b=test_crashes.SERIAL)
    told = suite.run("-n2", f"--dist={mode}", python=str(python))
    assert "2 failed, 15 passed" in told.output
    assert set(told.counts.values()) == {1}
    told.assert_alone()


@pytest.mark.parametrize("mode", ["load", "worksteal"])
def test_every_version_keeps_groups_together(suite: Suite, python: Path, mode: str) -> None:
    suite.write(test_one=ONE, test_two=TWO)
    told = suite.run("-n2", f"--dist={mode}", python=str(python))
    assert told.code == 0, told.output
    assert len(told.counts) == 45
    together(told, "test_a")
    together(told, "test_b")
