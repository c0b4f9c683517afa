"""What the environment says, read once at start; what is missing, wrong or unsafe is refused.

Must not know any service: each asks for what it needs.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

TEST = "test"
SECRET_LENGTH = 32
"""Characters: the 256 bits of HS256 and no fewer (RFC 7518, 3.2)."""


class RefusedError(Exception):
    """The environment is not one to start in; the text says which variable, and what to set."""


@dataclass(frozen=True, slots=True)
class Environ:
    """Variables of the environment. All questions raise `RefusedError`."""

    values: Mapping[str, str]

    @property
    def environment(self) -> str:
        return self.values.get("ENVIRONMENT") or "production"

    @property
    def is_test(self) -> bool:
        """Whether this is a test environment, the only one with faults and cheap secrets."""
        return self.environment == TEST

    def text(self, name: str, default: str = "") -> str:
        """Return a variable; without a default it has to be there."""
        found = self.values.get(name) or default
        if not found:
            raise RefusedError(f"{name} is not set.")
        return found

    def number(self, name: str, default: float, *, least: float = 0.0) -> float:
        text = self.values.get(name)
        if not text:
            return default
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not least <= number < float("inf"):
            raise RefusedError(f"{name} is {text!r}: a number from {least:g} up is needed.")
        return number

    def url(self, name: str) -> str:
        """Return the URL of another service, without a slash at its end."""
        found = self.text(name)
        parts = urlsplit(found)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise RefusedError(f"{name} is {found!r}: an http URL is needed.")
        return found.rstrip("/")

    def secret(self, name: str) -> str:
        """Return a secret; a test environment that gives none gets one that nobody else knows."""
        found = self.values.get(name, "")
        if not found and self.is_test:
            return secrets.token_hex(SECRET_LENGTH)
        if len(found) < SECRET_LENGTH:
            raise RefusedError(
                f"{name} has {len(found)} characters, {SECRET_LENGTH} are needed "
                "(only ENVIRONMENT=test makes one up)."
            )
        return found
