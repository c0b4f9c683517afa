"""Messages from a worker to the parent: a length, then a pickle. Reports arrive unchanged.

A report that cannot be pickled (it holds an object of the tested project) is sent in readable form:
what cannot be pickled becomes text. The outcome always arrives.
"""

from __future__ import annotations

import os
import pickle
import struct
from typing import Any, Optional

from _pytest.reports import TestReport

HEAD = struct.Struct("<I")

#: Attribute names that the constructor alone gives a report; they vary with pytest's version.
_plain = frozenset(TestReport("x", ("x", 0, "x"), {}, "passed", None, "call").__dict__)


def frame(message: object) -> bytes:
    """Return a message as bytes, preceded by its length."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return HEAD.pack(len(data)) + data


def short(report: Any) -> Optional[tuple[str, float, float, float]]:
    """Return a plain passed phase's (when, duration, start, stop); None if there is more to it."""
    values = report.__dict__
    if (
        values["outcome"] != "passed"
        or type(report) is not TestReport
        or values["longrepr"] is not None
        or values["sections"]
        or values["user_properties"]
        or values.keys() != _plain
    ):
        return None
    return values["when"], values["duration"], values.get("start", 0.0), values.get("stop", 0.0)


def sendable(report: Any) -> bytes:
    """Return a report as a pickle. What cannot be pickled becomes text."""
    try:
        return pickle.dumps(report, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception:
        pass
    plain = TestReport(
        nodeid=str(report.nodeid),
        location=report.location,
        keywords={str(key): 1 for key in report.keywords},
        outcome=report.outcome,
        longrepr=_as_text(report.longrepr),
        when=report.when,
        sections=[(as_text(name), as_text(text)) for name, text in report.sections],
        duration=report.duration,
        user_properties=[(as_text(k), as_text(v)) for k, v in report.user_properties],
    )
    for name, value in report.__dict__.items():
        if name in plain.__dict__:
            continue
        try:
            pickle.dumps(value)
        except Exception:
            continue
        setattr(plain, name, value)
    return pickle.dumps(plain, protocol=pickle.HIGHEST_PROTOCOL)


def _as_text(longrepr: Any) -> Any:
    if longrepr is None or isinstance(longrepr, tuple):
        return longrepr
    return as_text(longrepr)


def as_text(value: object) -> str:
    """Return any object as text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    try:
        return str(value)
    except Exception as error:
        return f"<unprintable {type(value).__name__}: {type(error).__name__}>"


class Writer:
    """The worker's end of its pipe."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._write = os.write

    def send(self, message: object) -> None:
        """Write one complete message.

        An error means that the parent died: nobody is left to tell.
        """
        data = memoryview(frame(message))
        while data:
            data = data[self._write(self.fd, data) :]


class Reader:
    """The parent's end of a worker's pipe. Assembles complete messages from what arrived."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._data = bytearray()

    def read(self) -> Optional[list[Any]]:
        """Return the messages that are complete by now; None at the end of the pipe."""
        chunk = os.read(self.fd, 1 << 18)
        if not chunk:
            return None
        self._data += chunk
        messages = []
        offset = 0
        size = len(self._data)
        while size - offset >= HEAD.size:
            (length,) = HEAD.unpack_from(self._data, offset)
            end = offset + HEAD.size + length
            if end > size:
                break
            messages.append(pickle.loads(memoryview(self._data)[offset + HEAD.size : end]))  # noqa: S301 - from our own fork
            offset = end
        del self._data[:offset]
        return messages
