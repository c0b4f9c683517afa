"""Who has a port: a process or a container."""

from __future__ import annotations

import os
import secrets
import socket

import pytest

from tests.walkaway.support.engine import docker
from tests.walkaway.support.scratch import clean_environ
from walkaway.environment import ports
from walkaway.process import proc_table

IN_USE = "bind: address already in use"
ENDPOINT = "driver failed programming external connectivity on endpoint x-1 (f7f1:18)"


@pytest.mark.parametrize(
    ("said", "port"),
    [
        (f"{ENDPOINT}: userland proxy: listen tcp4 127.0.0.1:18077: {IN_USE}", 18077),
        (f"{ENDPOINT}: Bind for 0.0.0.0:8080 failed: port is already allocated", 8080),
        (f"Error: listen tcp6 [::]:5432: {IN_USE}", 5432),
        ("Container x-1 Starting\nBind for :::80 failed: port is already allocated\n", 80),
        ("port is already allocated", 0),
        ("Error response from daemon: no such image: x:18077", 0),
        ("", 0),
    ],
)  # fmt: skip
def test_the_port_is_read_from_both_messages(said: str, port: int) -> None:
    assert ports.taken(said) == port


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_process_is_named_with_its_command(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family) as listener:
        try:
            listener.bind((host, 0))
        except OSError as error:
            pytest.skip(f"no {host} here: {error}")
        listener.listen()
        port = listener.getsockname()[1]
        found = ports.owner(port, {"PATH": ""})
        assert found == f"process {os.getpid()}: {proc_table.command(os.getpid())}"
    assert not ports.owner(port, {"PATH": ""})


@pytest.mark.engine
def test_a_container_is_named() -> None:
    name = f"walkaway-test-port-{secrets.token_hex(4)}"
    try:
        docker("run", "--detach", "--name", name, "--publish", "127.0.0.1::8000",
               "python:3.11-slim", "sleep", "600")  # fmt: skip
        port = docker("port", name, "8000").stdout.strip()
        found = ports.owner(int(port.rpartition(":")[2]), clean_environ())
    finally:
        docker("rm", "--force", name)
    assert found == f"container {name}"
