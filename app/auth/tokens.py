"""Tokens: JWT, HS256, each for one user and for a while."""

from __future__ import annotations

import time
from dataclasses import dataclass

import jwt

_ALGORITHM = "HS256"
_ISSUER = "walkaway-platform"


@dataclass(frozen=True, slots=True)
class Tokens:
    secret: str
    lifetime_s: int

    def issue(self, user_id: int, now_s: float | None = None) -> str:
        issued_s = int(time.time() if now_s is None else now_s)
        claims = {
            "sub": str(user_id),
            "iss": _ISSUER,
            "iat": issued_s,
            "exp": issued_s + self.lifetime_s,
        }
        return jwt.encode(claims, self.secret, algorithm=_ALGORITHM)

    def user_id(self, token: str) -> int | None:
        """Return whose token this is; None when it is not ours, was changed, or is too old."""
        try:
            claims = jwt.decode(
                token,
                self.secret,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                options={"require": ["exp", "iat", "sub", "iss"]},
            )
            return int(claims["sub"])
        except (jwt.InvalidTokenError, ValueError):
            return None
