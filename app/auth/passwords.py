"""Passwords: argon2id hashes, checked beside the event loop since they are slow on purpose."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


@dataclass(frozen=True, slots=True)
class Passwords:
    """`nobody` is the hash of no password: checked for unknown users, who then take as long."""

    hasher: PasswordHasher
    nobody: str

    async def hash(self, password: str) -> str:
        return await asyncio.to_thread(self.hasher.hash, password)

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether this is the password; for a user who is not there (None), never."""
        return await asyncio.to_thread(self._matches, password, stored or self.nobody) and bool(
            stored
        )

    def _matches(self, password: str, stored: str) -> bool:
        try:
            return self.hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


def passwords(*, cheap: bool) -> Passwords:
    """`cheap`: for tests alone, 0.1 ms a hash and worth as much."""
    hasher = (
        PasswordHasher(time_cost=1, memory_cost=8, parallelism=1) if cheap else PasswordHasher()
    )
    return Passwords(hasher, hasher.hash("nobody has this password"))
