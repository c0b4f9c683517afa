"""Encode plain data as lines of JSON, without calling any function that a test can replace.

The json module is not used: it looks up its encoder's parts anew in every call. Knows JSON; must
not know what is written.
"""

from __future__ import annotations

from typing import Callable

from walkaway_recorder.originals import keep_builtins, quoted, quoted_ascii

keep_builtins(globals())

_FLOATS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def to_json(event: dict[str, object]) -> bytes:
    """Return `event` as one line of UTF-8 JSON; lone surrogates are escaped."""
    try:
        return (_value(event, quoted) + "\n").encode()
    except UnicodeEncodeError:
        return (_value(event, quoted_ascii) + "\n").encode()


def text_to_json(text: str) -> bytes:
    """Return a string as JSON, with all non-ASCII characters escaped."""
    return quoted_ascii(text).encode()


def _value(value: object, quote: Callable[[str], str]) -> str:  # noqa: PLR0911 - one per type
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
    """Return any object as text, even if its __str__ raises."""
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"
