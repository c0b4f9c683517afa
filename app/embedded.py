"""The whole platform on loopback, without Docker: `python -m app.embedded`.

One process imports everything once and forks a child a service. By hand it takes free ports and
says which, keeps its data in a folder that goes with it, logs to where it was started, and ends
at Ctrl-C.

Tests give each service a socket that listens already (`--fd gateway=3`): they may connect at once
and are answered when the service is there. Then it ends, with all its children, at the end of
file of its stdin, too: no owner, no platform.

Unless the environment says otherwise: SQLite and documents in the data folder, Redis in the
process, ENVIRONMENT=test and a rate that no test meets by chance.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from app import database, serving
from app.settings import Environ
from app.store import MEMORY

_GRACE_S = 3.0
_LOOK_S = 0.2
_LOOPBACK = "127.0.0.1"
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
    """Run until it is told to end, by its owner's stdin as well (0), or a service ends (1)."""
    options = _options()
    with contextlib.ExitStack() as stack:
        data = options.data or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="platform-"))
        )
        return _run(data, options.log, dict(options.fd))


def _run(data: Path, log: Path | None, given: Mapping[str, int]) -> int:
    told = _heard()
    data.mkdir(parents=True, exist_ok=True)
    sockets = {service: socket.socket(fileno=fd) for service, fd in given.items()}
    if not given:
        sockets = {service: socket.create_server((_LOOPBACK, 0)) for service in _VARIABLES}
    environ = Environ(environment(os.environ, data.resolve(), sockets))
    for service in sockets:
        serving.maker(service)
    if environ.text("REDIS_URL").startswith(MEMORY):
        import fakeredis  # noqa: F401 - once, before the fork
    database.prepare(environ.text("DATABASE_URL"))
    if not given:
        _tell(environ)
    if log is not None:
        _log_into(log)
    gc.freeze()  # what is there by now is shared and never collected: its pages stay common
    theirs, mine = os.pipe()
    children = {}
    for service in sockets:
        children[_forked(service, environ, sockets, theirs, mine)] = service
    os.close(theirs)
    for listening in sockets.values():
        listening.close()
    died = _watched(children, told, owned=bool(given))
    os.close(mine)
    _ended(children)
    return 1 if died else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m app.embedded")
    parser.add_argument(
        "--data", type=Path, help="folder of database, documents; default: one that goes at the end"
    )
    parser.add_argument(
        "--log", type=Path, help="file for the logs of all services; default: stdout, stderr"
    )
    parser.add_argument(
        "--fd", type=_named, action="append", default=[], metavar="SERVICE=FD",
        help="a socket that listens, inherited; once a service; default: all, on free ports",
    )  # fmt: skip
    return parser.parse_args()


def _tell(environ: Environ) -> None:
    for service, variable in _VARIABLES.items():
        sys.stdout.write(f"{service:8}{environ.text(variable)}\n")
    sys.stdout.write("Ctrl-C ends it\n")
    sys.stdout.flush()


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


def _heard() -> list[int]:
    """Return a list that gets the signals to end.

    A child hears none until it serves; then a Ctrl-C at the start is no traceback of its imports.
    """
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.append(number))
    return told


def _watched(children: dict[int, str], told: list[int], *, owned: bool) -> bool:
    """Wait for a signal, the owner's end or a child's: whether it was a child's, which goes."""
    while not told and not select.select([0] * owned, [], [], _LOOK_S)[0]:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            code, service = os.waitstatus_to_exitcode(status), children.pop(pid)
            if not told:  # a terminal's Ctrl-C goes to the children, too
                sys.stderr.write(f"{service} ended by itself: {code}\n")
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
