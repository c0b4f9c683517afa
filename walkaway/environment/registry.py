"""Ask an image's registry whether it could be pulled, within a time limit. Pulls nothing."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from walkaway.environment import engine
from walkaway.errors import WalkawayError

ANSWER_S = 10.0
_DENIED = re.compile("denied|unauthori[sz]ed|authentication|no basic auth", re.IGNORECASE)


class Pull(StrEnum):
    """Whether a pull would work."""

    CAN = "can"
    CANNOT = "cannot"
    UNKNOWN = "unknown"
    """No answer in time; a pull would wait longer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer. ``why`` is in the engine's words, empty when the image can be pulled."""

    pull: Pull
    why: str = ""


def ask(image: str, environ: Mapping[str, str]) -> Answer:
    """Ask for an image's manifest, as a pull would do first.

    Asks the engine where its socket is local: it has its own mirrors, proxy and insecure
    registries, which `docker manifest inspect` does not know. The docker command has the user's
    credentials, so it is asked when the registry wants some.
    """
    first = _engine(image, environ)
    if first is not None and (first.pull is not Pull.CANNOT or not _DENIED.search(first.why)):
        return first
    second = _command(image, environ)
    return first if first is not None and second.pull is Pull.CANNOT else second


def _engine(image: str, environ: Mapping[str, str]) -> Answer | None:
    """Return the engine's answer; None when it cannot be asked from here."""
    path = engine.local_socket(environ)
    if path is None:
        return None
    connection = http.client.HTTPConnection("docker", timeout=ANSWER_S)
    try:
        with socket.socket(socket.AF_UNIX) as found:
            found.settimeout(ANSWER_S)
            found.connect(path)
            connection.sock = found
            connection.request("GET", f"/distribution/{quote(image, safe='/:@')}/json")
            response = connection.getresponse()
            body = response.read(1 << 20)
    except TimeoutError:
        return Answer(Pull.UNKNOWN, f"no answer within {ANSWER_S:.0f} s")
    except (OSError, http.client.HTTPException) as error:
        return Answer(Pull.UNKNOWN, str(error))
    if response.status == http.HTTPStatus.OK:
        return Answer(Pull.CAN)
    return Answer(Pull.CANNOT, _message(body) or f"the engine answers {response.status}")


def _message(body: bytes) -> str:
    try:
        return " ".join(str(json.loads(body)["message"]).split())
    except (ValueError, KeyError, TypeError):
        return ""


def _command(image: str, environ: Mapping[str, str]) -> Answer:
    argv = ("docker", "manifest", "inspect", image)
    try:
        done = engine.call(argv, environ, ANSWER_S)
    except WalkawayError as error:
        return Answer(Pull.UNKNOWN, error.message.splitlines()[0])
    return Answer(Pull.CANNOT, done.why) if done.code else Answer(Pull.CAN)
