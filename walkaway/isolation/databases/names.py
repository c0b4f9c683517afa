"""Names of the databases made on a server: whose they are, of which run, and for what.

Pure. The form is `walkaway_<base>_<run>_<role>`: at most 63 bytes, where Postgres truncates names,
and only characters that need no quotes.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

PREFIX = "walkaway_"
TEMPLATE = "template"
BUILDING = "building"
_BASE_BYTES = 24
_ROLE_BYTES = 18
_UNSAFE = re.compile(r"[^a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Base:
    """The database that a project names in its URL. ``slug`` stands for it in our names."""

    slug: str

    @classmethod
    def of(cls, database: str) -> Base:
        """Return the base for a database name. Different names never share a slug."""
        slug = _UNSAFE.sub("_", database.lower())
        if slug != database or len(slug) > _BASE_BYTES:
            slug = f"{slug[: _BASE_BYTES - 7]}_{_digest(database)}"
        return cls(slug)

    def name(self, run: str, role: str) -> str:
        """Return the name of a run's database. ``run`` is ten hexadecimal digits."""
        if len(role) > _ROLE_BYTES:
            role = f"{role[: _ROLE_BYTES - 6]}{_digest(role)}"
        return f"{PREFIX}{self.slug}_{run}_{role}"

    @property
    def pattern(self) -> str:
        """Regular expression, for Python and Postgres, of all names of this base and no others."""
        return f"^{PREFIX}{self.slug}_[0-9a-f]{{10}}_[a-z0-9]+$"


def lock_key(text: str) -> int:
    """Return the key of an advisory lock: a signed 64-bit number."""
    return int.from_bytes(hashlib.sha256(f"walkaway {text}".encode()).digest()[:8], signed=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
