"""Kinds of values in requests and answers that more than one service knows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, StringConstraints


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL")  # Postgres stores none
    return text


def _with_zone(moment: datetime) -> datetime:
    """SQLite forgets the zone of what was stored in UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _address(text: str) -> str:
    name, at, domain = text.partition("@")
    if not (name and at and "." in domain.strip(".")) or any(c.isspace() for c in text):
        raise ValueError("is not an e-mail address")
    if "@" in domain or not text.isprintable():
        raise ValueError("is not an e-mail address")
    return text.lower()


Moment = Annotated[datetime, AfterValidator(_with_zone)]
Email = Annotated[
    str, StringConstraints(max_length=254, strip_whitespace=True), AfterValidator(_address)
]
Password = Annotated[str, StringConstraints(min_length=8, max_length=128)]
Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_storable),
]
Content = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000),
    AfterValidator(_storable),
]
Id = Annotated[int, Path(ge=1, le=2**31 - 1)]
"""A row's id in a path; beyond it no row can be."""
