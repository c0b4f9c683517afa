"""Without an environment the platform runs on loopback: when it is needed, and no longer."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.fixtures.embedded import VARIABLES
from tests.walkaway.platform.conftest import BOUND_S, Suite
from tests.walkaway.support.waiting import wait_for

KNOCKS = """\
import time
import httpx
from tests.fixtures.urls import GATEWAY_URL

def test_knocks():
    until = time.monotonic() + 60
    ask = f"{GATEWAY_URL}/health"
    # The gateway gives each of the others seconds to answer: on a busy machine too few at first.
    while (answer := httpx.get(ask, timeout=60, trust_env=False)).status_code == 503:
        assert time.monotonic() < until, answer.text
    assert answer.status_code == 200, answer.text
"""
WAITS = KNOCKS + "    time.sleep(600)\n"
AGAIN = f"""\
{KNOCKS}
    import pathlib
    pathlib.Path("asked").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    httpx.get(f"{{GATEWAY_URL}}/health", timeout=60, trust_env=False)
"""
GIVEN = """\
import os

def test_given():
    assert {given!r}.items() <= os.environ.items()
"""
DIES = """\
import sys
print("an older line")
sys.exit("no luck today: the third wheel came off")
"""


MODES = pytest.mark.parametrize(
    "workers",
    [pytest.param((), marks=pytest.mark.soak), ("-n", "2")],
    ids=["serial", "two-workers"],
)
"""Daily in the mode that has more to it; a serial pytest is interrupted, and loses its services."""


def write(suite: Suite, **sources: str) -> None:
    for name, source in sources.items():
        (suite.root / "tests" / "integration" / f"test_{name}.py").write_text(source, "ascii")


@pytest.fixture
def suite(suite: Suite) -> Suite:
    """A copy without the tests of the services, which would take long."""
    for path in (suite.root / "tests" / "integration").glob("test_*.py"):
        path.unlink()
    return suite


@MODES
def test_the_first_request_starts_the_services_and_the_end_of_pytest_ends_them(
    suite: Suite, workers: tuple[str, ...]
) -> None:
    write(suite, one=KNOCKS, two=KNOCKS, three=KNOCKS)
    done = suite.run("-q", "tests/integration", *workers)
    assert done.returncode == 0, done.stdout
    assert suite.processes() == {}


@pytest.mark.parametrize(
    ("number", "workers"),
    [
        pytest.param(signal.SIGKILL, (), marks=pytest.mark.soak),
        (signal.SIGKILL, ("-n", "2")),
        (signal.SIGINT, ()),
    ],
    ids=["killed", "killed-with-two-workers", "ctrl-c"],
)
def test_however_pytest_ends_no_service_outlives_it(
    suite: Suite, number: signal.Signals, workers: tuple[str, ...]
) -> None:
    write(suite, waits=WAITS)
    with suite.started("tests/integration", *workers) as process:
        # The launcher and five services.
        wait_for(lambda: len(suite.services()) == 6, "the services")
        os.kill(process.pid, number)
        process.wait(60)
        wait_for(lambda: not suite.services(), "the services to be gone")


def test_a_run_that_asks_no_service_starts_none(suite: Suite) -> None:
    done = suite.run("-q", "tests/unit/test_text.py")
    assert done.returncode == 0, done.stdout
    assert list((suite.basetemp / "platform0").iterdir()) == []


@MODES
def test_services_that_do_not_start_fail_the_tests_at_once_with_what_they_said(
    suite: Suite, workers: tuple[str, ...]
) -> None:
    (suite.root / "app" / "embedded.py").write_text(DIES, "ascii")
    write(suite, one=KNOCKS, two=KNOCKS)
    done = suite.run("-q", "tests/integration", *workers)
    assert done.returncode == 1, done.stdout
    assert "2 failed" in done.stdout
    assert done.stdout.count("no luck today: the third wheel came off") == 2
    failures = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert all(re.search(r" - httpx\.(Read|Connect)Error", line) for line in failures)  # no timeout


@pytest.mark.parametrize("which", ["launcher", "gateway"])
def test_services_that_die_in_mid_run_fail_the_tests_with_what_they_said(
    suite: Suite, which: str
) -> None:
    write(suite, again=AGAIN)
    with suite.started("tests/integration") as process:
        wait_for((suite.root / "asked").exists, "the first answer")
        launcher, *services = sorted(suite.services())
        os.kill(launcher if which == "launcher" else services[0], signal.SIGKILL)
        # None of them stays alone.
        wait_for(lambda: not suite.services(), "the others to leave")
        (suite.root / "go").touch()
        assert process.wait(60) == 1
    said = suite.output.read_text("utf-8")
    assert "ConnectError" in said
    assert "the services' last lines" in said


def test_an_environment_that_is_given_is_the_one_that_is_used(suite: Suite) -> None:
    given = {name: f"http://{name.lower()}.example" for name in VARIABLES.values()}
    given |= {"DATABASE_URL": "sqlite://", "REDIS_URL": "redis://redis.example:6379/1"}
    write(suite, given=GIVEN.format(given=given))
    done = suite.run("-q", "tests/integration/test_given.py", **given)
    assert done.returncode == 0, done.stdout
    assert not (suite.basetemp / "platform0").exists()


def test_half_an_environment_is_refused_by_name(suite: Suite) -> None:
    write(suite, one=KNOCKS.replace("GATEWAY_URL", "CHAT_SERVICE_URL"))
    done = suite.run("-q", "tests/integration", GATEWAY_URL="http://gateway.example")
    assert done.returncode != 0
    assert "no AUTH_SERVICE_URL in the environment" in done.stdout


@contextlib.contextmanager
def by_hand(suite: Suite) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "app.embedded"], cwd=suite.root,
        env=suite.environ() | {"TMPDIR": str(suite.root)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def told(process: subprocess.Popen[str]) -> dict[str, str]:
    """Return the addresses that it tells before it logs anything."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in (*VARIABLES, "the last")]
    assert lines.pop() == "Ctrl-C ends it\n"
    return dict(line.split() for line in lines)


def is_well(gateway: str) -> bool:
    return httpx.get(f"{gateway}/health", timeout=60, trust_env=False).is_success


@pytest.mark.parametrize("send", [os.killpg, os.kill], ids=["ctrl-c", "a-signal-to-it-alone"])
def test_by_hand_it_tells_where_the_services_are_and_leaves_nothing(
    suite: Suite, send: Callable[[int, int], None]
) -> None:
    with by_hand(suite) as process:
        urls = told(process)
        assert set(urls) == set(VARIABLES)
        # Not at once on a busy machine: it gives the others 2.5 s to answer.
        wait_for(lambda: is_well(urls["gateway"]), "a healthy platform")
        assert list(suite.root.glob("platform-*/platform.db"))
        send(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=BOUND_S)
        assert (process.returncode, errors) == (0, "")
        assert suite.processes() == {}
    assert not list(suite.root.glob("platform-*"))


def test_by_hand_ctrl_c_ends_it_without_a_traceback_before_it_serves_too(suite: Suite) -> None:
    with by_hand(suite) as process:
        told(process)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=BOUND_S)
        assert (process.returncode, errors) == (0, "")


def test_by_hand_a_service_that_dies_ends_all(suite: Suite) -> None:
    with by_hand(suite) as process:
        told(process)
        wait_for(lambda: len(suite.services()) == 1 + len(VARIABLES), "five services")
        victim = max(pid for pid in suite.services() if pid != process.pid)
        os.kill(victim, signal.SIGKILL)
        _, errors = process.communicate(timeout=BOUND_S)
        assert process.returncode == 1
        assert re.fullmatch(r"\w+ ended by itself: -9\n", errors)
