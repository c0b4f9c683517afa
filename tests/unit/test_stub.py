"""The stubs answer for what they depend on, and leave when they are asked to."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from app import stub


@contextlib.contextmanager
def open_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def closed_port() -> int:
    with open_port() as port:
        return port


@contextlib.contextmanager
def served(needs: dict[str, str]) -> Iterator[str]:
    """A stub at work; its URL."""
    listening = stub.server("chat-service", needs, port=0)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}"
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def get(url: str, path: str = "/health") -> tuple[int, dict[str, object]]:
    with contextlib.closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)) as client:
        client.request("GET", path)
        answer = client.getresponse()
        return answer.status, json.load(answer)


def test_a_stub_is_healthy_when_everything_it_needs_answers() -> None:
    with (
        open_port() as database,
        served({"db": f"postgresql://u:p@127.0.0.1:{database}/x"}) as chat,
        served({"chat-service": chat}) as gateway,
    ):
        assert get(gateway) == (
            200,
            {"service": "chat-service", "healthy": True, "needs": {"chat-service": "ok"}},
        )


def test_what_does_not_answer_makes_it_503_and_is_named() -> None:
    with (
        open_port() as there,
        served(
            {
                "db": f"postgresql://u:p@127.0.0.1:{closed_port()}/x",
                "redis": f"redis://127.0.0.1:{there}/1",
            }
        ) as chat,
    ):
        status, body = get(chat)
    assert (status, body["healthy"]) == (503, False)
    assert body["needs"] == {"db": "Connection refused", "redis": "ok"}


def test_an_unhealthy_neighbour_is_no_answer() -> None:
    with (
        served({"db": f"postgresql://127.0.0.1:{closed_port()}/x"}) as chat,
        served({"chat-service": chat}) as gateway,
    ):
        status, body = get(gateway)
    assert (status, body["needs"]) == (503, {"chat-service": "answers 503"})


def test_anything_else_is_404_and_says_that_this_is_a_stub() -> None:
    with served({}) as chat:
        assert get(chat, "/v1/chat") == (404, {"error": "no /v1/chat in a stub of chat-service"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: int) -> None:
    program = "import sys; from app import stub; stub.PORT = 0; stub.main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "gateway", "CHAT_SERVICE_URL"],
        env={**os.environ, "CHAT_SERVICE_URL": "http://chat-service:8000"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "needs chat-service" in process.stdout.readline()
        process.send_signal(number)
        assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0
