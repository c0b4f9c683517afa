"""What the launcher on loopback tells its services; the processes are tests/walkaway/platform's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app import embedded

NAMES = ("gateway", "auth", "chat", "kb", "web")


@pytest.fixture
def sockets() -> Iterator[dict[str, socket.socket]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(socket.create_server(("127.0.0.1", 0))) for name in NAMES}


def test_services_learn_where_all_are_from_their_sockets(sockets: dict[str, socket.socket]) -> None:
    found = embedded.environment({"GATEWAY_URL": "http://elsewhere"}, Path("/data"), sockets)
    port = sockets["gateway"].getsockname()[1]
    assert found["GATEWAY_URL"] == f"http://127.0.0.1:{port}"
    assert (
        len({found[f"{name}_URL"] for name in ("AUTH_SERVICE", "CHAT_SERVICE", "KB_SERVICE")}) == 3
    )


def test_what_is_not_given_is_in_the_data_folder(sockets: dict[str, socket.socket]) -> None:
    found = embedded.environment({}, Path("/data"), sockets)
    assert found["DATABASE_URL"] == "sqlite:////data/platform.db"
    assert found["KB_ROOT"] == "/data/documents"
    assert found["REDIS_URL"] == "memory://"
    assert found["ENVIRONMENT"] == "test"


def test_what_is_given_is_kept(sockets: dict[str, socket.socket]) -> None:
    given = {"DATABASE_URL": "postgresql://db/x", "ENVIRONMENT": "production", "RATE_BURST": "1"}
    found = embedded.environment(given, Path("/data"), sockets)
    assert given.items() <= found.items()
