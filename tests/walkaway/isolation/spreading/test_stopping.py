"""A run that is to stop early stops, and even then no serial test runs beside another."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.walkaway.support.spread import MODES, Suite, thin
from tests.walkaway.support.waiting import PATIENCE_S, wait_for

SERIAL = """
    import pytest
    pytestmark = pytest.mark.serial
    @pytest.mark.parametrize("n", range(12))
    def test_s(n): {}
"""


@pytest.mark.parametrize(
    ("mode", "stop"),
    thin(
        MODES,
        ["-x", "--maxfail=1", "--maxfail=2"],
        usual=lambda mode, stop: stop == "--maxfail=2" or (mode, stop) == ("load", "-x"),
    ),
)
def test_failures_in_the_parallel_part_leave_out_the_serial(
    suite: Suite, mode: str, stop: str
) -> None:
    suite.write(
        test_a="""
        import time, pytest
        @pytest.mark.parametrize("n", range(6))
        def test_n(n): time.sleep(0.02); assert n % 3
        """,
        test_b="""
        import time
        def test_long(): time.sleep(0.3)
        def test_more(): pass
        """,
        test_s=SERIAL.format("pass"),
    )
    told = suite.run("-n2", f"--dist={mode}", stop)
    assert told.code in {1, 2}, told.output
    assert set(told.counts.values()) == {1}
    # One may have been in the queue of the kept worker.
    assert len(told.serial) <= 1
    told.assert_alone()


@pytest.mark.parametrize(
    ("mode", "n"), thin(MODES, [1, 2], usual=lambda mode, n: n == 2 or mode == "load")
)
def test_failures_in_the_serial_part_stop_it(suite: Suite, mode: str, n: int) -> None:
    suite.write(
        test_a="def test_a(): pass\ndef test_failing(): assert 0\ndef test_b(): pass\n",
        test_s=SERIAL.format("assert n != 3"),
    )
    told = suite.run(f"-n{n}", f"--dist={mode}", "--maxfail=2")
    assert told.code in {1, 2}, told.output
    assert set(told.counts.values()) == {1}
    # The failing one, and what was behind it in the queue; not the eight after it.
    assert 4 <= len(told.serial) <= 6, told.serial
    told.assert_alone()


@pytest.mark.parametrize(
    ("mode", "when"),
    thin(MODES, ["parallel", "serial"], usual=lambda mode, _when: mode in {"load", "loadscope"}),
)
def test_ctrl_c_ends_all_workers(suite: Suite, mode: str, when: str) -> None:
    body = "(Path(__file__).parent / 'reached').touch(); time.sleep(60)"
    head = "    import time\n    from pathlib import Path\n"
    parallel = (
        f"    def test_a(): {body if when == 'parallel' else 'pass'}\n    def test_b(): pass\n"
    )
    suite.write(test_a=head + parallel, test_s=head + SERIAL.format(body))
    process = subprocess.Popen(
        suite.command("-n2", f"--dist={mode}"),
        cwd=suite.root,
        env=suite.environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    try:
        wait_for(Path(suite.root, "reached").exists, "the test to run")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 2, output
    assert "KeyboardInterrupt" in output
    told = suite.described(process.returncode, output)
    assert set(told.counts.values()) == {1}
    assert len(told.serial) <= 1
