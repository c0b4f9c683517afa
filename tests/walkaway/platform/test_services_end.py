"""Services of the platform end when they are told to, and when nobody is left who wants them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.walkaway.support.checkout import REPOSITORY, clean_environment
from tests.walkaway.support.waiting import wait_for

BOUND_S = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
    return port


@contextmanager
def started(
    service: str, folder: Path, **environ: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A service of its own process; its URL. It is well."""
    port = free_port()
    mine = {
        "ENVIRONMENT": "test",
        "PORT": str(port),
        "DATABASE_URL": f"sqlite:///{folder / 'x.db'}",
        "KB_ROOT": str(folder / "documents"),
    }
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [sys.executable, "-m", f"app.{service}"], cwd=REPOSITORY,
        env=clean_environment() | mine | environ,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            wait_for(lambda: well(url), f"{service} to be well")
            yield url, process
        finally:
            process.kill()


def well(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", trust_env=False, timeout=BOUND_S).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_service_cleanly(tmp_path: Path, number: int) -> None:
    with started("kb", tmp_path) as (_, process):
        process.send_signal(number)
        _, err = process.communicate(timeout=BOUND_S)
    assert (process.returncode, err) == (0, "")


def test_an_open_stream_does_not_keep_a_service_from_ending(tmp_path: Path) -> None:
    with started("chat", tmp_path, CHAT_PAUSE_S="600") as (url, process):
        made = subprocess.run(
            [sys.executable, "-c", ADDS_A_USER], cwd=REPOSITORY, check=True, timeout=BOUND_S,
            env=clean_environment() | {"FILE": str(tmp_path / "x.db")},
        )  # fmt: skip
        assert made.returncode == 0
        headers = {"X-User-Id": "1"}
        with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=BOUND_S) as ann:
            assert ann.post("/conversations", json={"title": "x"}).status_code == 201
            path = "/conversations/1/messages/stream"
            with ann.stream("POST", path, json={"content": "Why?"}) as answer:
                events = answer.iter_text()
                # The first word is here while the rest is ten minutes away: nothing is held back.
                assert next(events).startswith("event: token\n")
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=BOUND_S) == 0
                with pytest.raises(httpx.RemoteProtocolError):
                    list(events)


ADDS_A_USER = """\
import os, sqlite3
with sqlite3.connect(os.environ["FILE"]) as made:
    made.execute("INSERT INTO users VALUES (1, 'ann@example.com', '', '2026-01-01')")
made.close()
"""


def test_services_on_loopback_end_with_their_launcher_even_when_it_is_killed(
    tmp_path: Path,
) -> None:
    with launched(tmp_path) as (url, launcher):
        assert well(url)
        (child,) = children(launcher.pid)
        launcher.kill()
        launcher.wait(timeout=BOUND_S)
        wait_for(lambda: not alive(child), "the service to end")
    assert "Traceback" not in (tmp_path / "log").read_text("utf-8")


def test_when_a_service_on_loopback_dies_the_launcher_ends_and_says_so(tmp_path: Path) -> None:
    with launched(tmp_path) as (url, launcher):
        assert well(url)
        (child,) = children(launcher.pid)
        os.kill(child, signal.SIGKILL)
        assert launcher.wait(timeout=BOUND_S) == 1
        assert not well(url)
    last = (tmp_path / "log").read_text("utf-8").splitlines()[-1]
    assert last == "kb ended by itself: -9"


@contextmanager
def launched(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The launcher with kb alone, which has the only copy of the socket; its URL."""
    argv = [sys.executable, "-m", "app.embedded", "--data", str(folder)]
    with socket.create_server(("127.0.0.1", 0)) as bound:
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        launcher = subprocess.Popen(
            [*argv, "--log", str(folder / "log"), "--fd", f"kb={bound.fileno()}"],
            cwd=REPOSITORY, env=clean_environment() | {"ENVIRONMENT": "test"},
            stdin=subprocess.PIPE, pass_fds=[bound.fileno()],
        )  # fmt: skip
    with launcher:
        try:
            yield url, launcher
        finally:
            launcher.kill()


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(number) for number in text.split()]


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
