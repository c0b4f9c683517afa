"""Who looks at a page: a signed cookie (HttpOnly, SameSite=Lax), and forms that are our own.

The cookie is signed, not secret: it holds the holder's own token, address and form token.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Annotated

from fastapi import Form, HTTPException, Request

TOKEN = "token"  # noqa: S105 - the name of a field
EMAIL = "email"
FORM = "form"


class SignedOutError(Exception):
    """Nobody is signed in, or no longer."""


def form_token(request: Request) -> str:
    """Return what this visitor's forms must send back."""
    found: str = request.session.setdefault(FORM, secrets.token_urlsafe(16))
    return found


def signed_in(request: Request) -> str:
    """Return the visitor's token. `SignedOutError` without one."""
    found: str = request.session.get(TOKEN, "")
    if not found:
        raise SignedOutError
    return found


def sign_in(request: Request, email: str, token: str) -> None:
    """Begin anew: nothing that was in the cookie before stays valid."""
    request.session.clear()
    request.session.update({EMAIL: email, TOKEN: token})
    form_token(request)


def own_form(request: Request, form: Annotated[str, Form()] = "") -> None:
    """Refuse what another site had the visitor's browser send."""
    mine: str = request.session.get(FORM, "")
    if not mine or not hmac.compare_digest(mine.encode(), form.encode()):
        raise HTTPException(403, "This form is too old or not ours. Go back and reload the page.")
