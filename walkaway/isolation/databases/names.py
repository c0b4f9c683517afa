"""Names of the databases that are made on a server: whose, of which run, and for what.

Pure. `walkaway_<base>_<run>_<role>`: at most 63 bytes, which is where Postgres cuts names, of
characters that need no quotes.
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
    """The database that a project names in its URL; ``slug`` stands for it in our names."""

    slug: str

    @classmethod
    def of(cls, database: str) -> Base:
        """Return the base of a database's name; two that differ never share a slug."""
        slug = _UNSAFE.sub("_", database.lower())
        if slug != database or len(slug) > _BASE_BYTES:
            slug = f"{slug[: _BASE_BYTES - 7]}_{_digest(database)}"
        return cls(slug)

    def name(self, run: str, role: str) -> str:
        """Return the name of a run's database; ``run`` is ten hexadecimal digits."""
        if len(role) > _ROLE_BYTES:
            role = f"{role[: _ROLE_BYTES - 6]}{_digest(role)}"
        return f"{PREFIX}{self.slug}_{run}_{role}"

    @property
    def pattern(self) -> str:
        """A regular expression, for Python and Postgres, of all names of this base alone."""
        return f"^{PREFIX}{self.slug}_[0-9a-f]{{10}}_[a-z0-9]+$"


def lock_key(text: str) -> int:
    """Return the key of an advisory lock: 64 bits with a sign."""
    return int.from_bytes(hashlib.sha256(f"walkaway {text}".encode()).digest()[:8], signed=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
