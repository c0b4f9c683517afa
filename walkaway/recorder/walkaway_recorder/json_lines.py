"""Plain data as lines of JSON, by no function that a test can replace.

The json module is not asked: its encoder's parts are looked up anew with every call. Knows JSON;
must not know what is written.
"""

from __future__ import annotations

from typing import Callable

from walkaway_recorder.originals import keep_builtins, quoted, quoted_ascii

keep_builtins(globals())

_FLOATS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def to_json(event: dict[str, object]) -> bytes:
    """Return `event` as one line of UTF-8, lone surrogates escaped."""
    try:
        return (_value(event, quoted) + "\n").encode()
    except UnicodeEncodeError:
        return (_value(event, quoted_ascii) + "\n").encode()


def text_to_json(text: str) -> bytes:
    """Return a string as JSON, all but ASCII escaped."""
    return quoted_ascii(text).encode()


def _value(value: object, quote: Callable[[str], str]) -> str:  # noqa: PLR0911 - a row a type
    if isinstance(value, str):
        return quote(value)
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        shown = float.__repr__(value)
        return _FLOATS.get(shown, shown)
    if isinstance(value, dict):
        rows = [f"{quote(_text(key))}:{_value(item, quote)}" for key, item in value.items()]
        return "{" + ",".join(rows) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([_value(item, quote) for item in value]) + "]"
    return quote(_text(value))


def _text(value: object) -> str:
    """Return an object of the tested project as text, whatever its __str__ does."""
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"
