"""The whole platform on loopback, without Docker: `python -m app.embedded --data F --log F --fd …`.

One process imports everything once and forks a child a service. Each gets a socket that listens
already (`--fd gateway=3`): who starts this may connect at once and is answered when the service
is there. It ends, with all its children, at the end of file of its stdin: no owner, no platform.

Unless the environment says otherwise: SQLite and documents in the data folder, Redis in the
process, ENVIRONMENT=test and a rate that no test meets by chance.
"""

from __future__ import annotations

import argparse
import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from app import database, serving
from app.settings import Environ
from app.store import MEMORY

_GRACE_S = 3.0
_LOOK_S = 0.2
_VARIABLES = {
    "gateway": "GATEWAY_URL",
    "auth": "AUTH_SERVICE_URL",
    "chat": "CHAT_SERVICE_URL",
    "kb": "KB_SERVICE_URL",
    "web": "WEB_SERVICE_URL",
}


def environment(
    given: Mapping[str, str], data: Path, sockets: Mapping[str, socket.socket]
) -> dict[str, str]:
    """Return the environment of the services: where all are, and what was not given."""
    urls = {}
    for service, listening in sockets.items():
        host, port = listening.getsockname()[:2]
        urls[_VARIABLES[service]] = f"http://{host}:{port}"
    return {
        "ENVIRONMENT": "test",
        "DATABASE_URL": f"sqlite:///{data / 'platform.db'}",
        "REDIS_URL": MEMORY,
        "KB_ROOT": str(data / "documents"),
        "RATE_PER_SECOND": "1000",
        "RATE_BURST": "1000",
        **given,
        **urls,
    }


def main() -> int:
    """Run until stdin ends (0) or a service does (1)."""
    options = _options()
    options.data.mkdir(parents=True, exist_ok=True)
    sockets = {service: socket.socket(fileno=fd) for service, fd in options.fd}
    environ = Environ(environment(os.environ, options.data.resolve(), sockets))
    for service in sockets:
        serving.maker(service)
    if environ.text("REDIS_URL").startswith(MEMORY):
        import fakeredis  # noqa: F401 - once, before the fork
    database.prepare(environ.text("DATABASE_URL"))
    _log_into(options.log)
    gc.freeze()  # what is there by now is shared and never collected: its pages stay common
    theirs, mine = os.pipe()
    children = {}
    for service in sockets:
        children[_forked(service, environ, sockets, theirs, mine)] = service
    os.close(theirs)
    for listening in sockets.values():
        listening.close()
    died = _watched(children)
    os.close(mine)
    _ended(children)
    return 1 if died else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m app.embedded")
    parser.add_argument("--data", type=Path, required=True, help="folder of database, documents")
    parser.add_argument("--log", type=Path, required=True, help="file for the logs of all services")
    parser.add_argument(
        "--fd", type=_named, action="append", required=True, metavar="SERVICE=FD",
        help="a socket that listens, inherited; once a service",
    )  # fmt: skip
    return parser.parse_args()


def _named(text: str) -> tuple[str, int]:
    service, _, fd = text.partition("=")
    if service not in _VARIABLES:
        raise argparse.ArgumentTypeError(f"{service!r} is none of {', '.join(_VARIABLES)}")
    return service, int(fd)


def _log_into(path: Path) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    sys.stdout.flush()
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)


def _forked(
    service: str, environ: Environ, sockets: Mapping[str, socket.socket], theirs: int, mine: int
) -> int:
    """Fork a child that serves until the pipe's other end is closed, be it by a kill."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.close(mine)
        for name, listening in sockets.items():
            if name != service:
                listening.close()
        serving.run(service, environ, sockets[service], owner=theirs)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - the child's last word
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _watched(children: dict[int, str]) -> bool:
    """Wait for the end of stdin, or of a child: whether it was a child's, which goes."""
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.append(number))
    while not told and not select.select([0], [], [], _LOOK_S)[0]:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            sys.stderr.write(f"{children.pop(pid)} ended by itself: {code}\n")
            return True
    return False


def _ended(children: Mapping[int, str]) -> None:
    """Reap the children, who end by themselves; who does not is killed."""
    deadline_s = time.monotonic() + _GRACE_S
    for pid in children:
        while not os.waitpid(pid, os.WNOHANG)[0]:
            if time.monotonic() > deadline_s:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                break
            time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
