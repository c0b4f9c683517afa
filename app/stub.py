"""A stand-in for a service of the platform: it answers `GET /health`, and is there.

`python -m app.stub NAME VARIABLE...`: each variable of the environment holds the URL of something
that the service needs. An http URL must answer 200 at its /health; of any other the port must be
open.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PORT = 8000
TIMEOUT_S = 2.0
PORTS = {"http": 80, "postgresql": 5432, "redis": 6379}


def trouble(url: str) -> str:
    """What is wrong with the thing behind a URL; empty when it answers."""
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or PORTS[parts.scheme])
    try:
        if parts.scheme == "http":
            return _trouble_of_service(*address)
        with socket.create_connection(address, timeout=TIMEOUT_S):
            return ""
    except OSError as error:
        return error.strerror or str(error)
    except http.client.HTTPException as error:
        return f"no HTTP: {error!r}"


def _trouble_of_service(host: str, port: int) -> str:
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    with contextlib.closing(connection):
        connection.request("GET", "/health")
        status = connection.getresponse().status
    return "" if status == HTTPStatus.OK else f"answers {status}"


def health(name: str, needs: Mapping[str, str]) -> tuple[int, dict[str, object]]:
    """Status and body of /health. `needs`: host name to URL."""
    found = {host: trouble(url) for host, url in needs.items()}
    healthy = not any(found.values())
    body = {"service": name, "healthy": healthy, "needs": {k: v or "ok" for k, v in found.items()}}
    return (HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE), body


def server(name: str, needs: Mapping[str, str], port: int) -> ThreadingHTTPServer:
    """A server that listens, and answers once it is served."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            if self.path == "/health":
                status, body = health(name, needs)
            else:
                status, body = 404, {"error": f"no {self.path} in a stub of {name}"}
            content = json.dumps(body).encode() + b"\n"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            if str(code) != "200":  # a healthy service says nothing every few seconds
                super().log_request(code, size)

    listening = ThreadingHTTPServer(("", port), Handler)
    listening.daemon_threads = True
    return listening


def main() -> None:
    name, *variables = sys.argv[1:]
    urls = [os.environ[variable] for variable in variables]
    needs = {urlsplit(url).hostname or url: url for url in urls}
    # Held back before any thread is there, so that this one alone gets them.
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    listening = server(name, needs, PORT)
    threading.Thread(target=listening.serve_forever, args=(0.1,)).start()
    print(f"stub of {name} listens on {PORT}, needs {', '.join(needs)}", flush=True)  # noqa: T201 - its log
    signal.sigwait(ends)
    listening.shutdown()
    listening.server_close()


if __name__ == "__main__":
    main()
