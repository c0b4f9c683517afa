"""Running a service until it is told to end: on a port of its own or on a socket it is given."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final

import uvicorn
from fastapi import FastAPI

from app import journal
from app.settings import Environ, RefusedError

PORTS: Final = {"gateway": 8000, "auth": 8000, "chat": 8000, "kb": 8000, "web": 8001}
"""The services and their ports in a network where each has a name of its own."""

REFUSED = 78
"""EX_CONFIG: the environment has to be mended first."""

_GRACE_S = 1
_KEEP_ALIVE_S = 30
_ENDS = (signal.SIGTERM, signal.SIGINT)


def maker(service: str) -> Callable[[Environ], FastAPI]:
    """Import a service; only then its libraries are."""
    found: Callable[[Environ], FastAPI] = importlib.import_module(f"app.{service}.api").application
    return found


def main(service: str) -> None:
    """`python -m app.SERVICE`. HOST is loopback unless given: who opens a service says so."""
    environ = Environ(os.environ)
    address = (environ.text("HOST", "127.0.0.1"), int(environ.number("PORT", PORTS[service])))
    with socket.create_server(address) as listening:
        run(service, environ, listening)


def run(
    service: str,
    environ: Environ,
    listening: socket.socket,
    owner: int | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT, or the end of file of `owner`: then exit code 0.

    What is being answered has a second to be finished, streams as well.
    """
    try:
        app = maker(service)(environ)
    except RefusedError as error:
        sys.stderr.write(f"{service} does not start: {error}\n")
        sys.exit(REFUSED)
    journal.configure(service, environ.text("LOG_LEVEL", "INFO").upper())
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_S,
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
    )
    # Once it has ended, uvicorn raises the signal again: a wanted end is no failure.
    for number in _ENDS:
        signal.signal(number, lambda *_: sys.exit(0))
    asyncio.run(_served(server, listening, owner))


async def _served(server: uvicorn.Server, listening: socket.socket, owner: int | None) -> None:
    if owner is not None:
        loop = asyncio.get_running_loop()

        def gone() -> None:
            loop.remove_reader(owner)
            server.should_exit = True

        loop.add_reader(owner, gone)
    await server.serve([listening])
