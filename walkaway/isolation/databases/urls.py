"""Database URLs as projects write them, and as SQLAlchemy's engines need them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from walkaway.isolation.databases.provider import RefusedError
from walkaway.isolation.logs.masking import masked

_SYNC = {"postgresql": "postgresql+psycopg", "sqlite": "sqlite"}
_ASYNC = {"postgresql": "postgresql+psycopg", "sqlite": "sqlite+aiosqlite"}


def parsed(text: str) -> URL:
    """Return the URL for synchronous engines. Raises `RefusedError` for one we cannot use."""
    given = text.replace("postgres://", "postgresql://", 1)
    try:
        url = make_url(given)
        kind = url.get_backend_name()
    except (ArgumentError, ValueError):
        raise RefusedError(f"not a database URL: {masked(text)!r}; write {_EXAMPLES}") from None
    if kind not in _SYNC:
        raise RefusedError(f"databases of the kind {kind!r} are not known; write {_EXAMPLES}")
    return url.set(drivername=_SYNC[kind])


def asynchronous(url: URL) -> URL:
    """Return the URL for asynchronous engines."""
    return url.set(drivername=_ASYNC[url.get_backend_name()])


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def base_name(url: URL) -> str:
    """Return the name of a database: its name on the server, or the stem of its file."""
    if not is_sqlite(url):
        return url.database or url.username or "postgres"
    stem = Path(url.database or "").stem
    return stem if stem and stem != ":memory:" else "test"


def text(url: URL) -> str:
    """Return a URL as text, with its password."""
    return url.render_as_string(hide_password=False)


_EXAMPLES = "postgresql://user:password@host:5432/name or sqlite:////folder/name.db"
