"""The routes of auth: /register, /login, /validate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError

from app import database, health
from app.auth.passwords import Passwords, passwords
from app.auth.tokens import Tokens
from app.database import Database
from app.fields import Email, Password
from app.models import User
from app.service import assemble
from app.settings import Environ

_HOUR_S = 3600
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


class NewUser(BaseModel):
    email: Email
    password: Password


class Credentials(BaseModel):
    """Not checked as at registration: what cannot be anybody's is simply wrong."""

    email: Annotated[str, Field(max_length=1000)]
    password: Annotated[str, Field(max_length=1000)]


class Known(BaseModel):
    id: int
    email: str


class Granted(BaseModel):
    token: str
    token_type: str = "bearer"  # noqa: S105 - the kind, no secret
    expires_in: int


@dataclass(frozen=True, slots=True)
class Auth:
    database: Database
    passwords: Passwords
    tokens: Tokens

    async def register(self, asked: NewUser) -> Known:
        user = User(email=asked.email, password_hash=await self.passwords.hash(asked.password))
        try:
            async with self.database.write.begin() as session:
                session.add(user)
        except IntegrityError:
            raise HTTPException(409, "this e-mail address is taken") from None
        return Known(id=user.id, email=user.email)

    async def login(self, asked: Credentials) -> Granted:
        user = None
        if "\0" not in asked.email:
            async with self.database.read() as session:
                email = asked.email.strip().lower()
                user = await session.scalar(select(User).where(User.email == email))
        stored = user.password_hash if user else None
        if not await self.passwords.matches(asked.password, stored) or user is None:
            raise HTTPException(401, "wrong e-mail address or password", _CHALLENGE)
        return Granted(token=self.tokens.issue(user.id), expires_in=self.tokens.lifetime_s)

    async def validate(self, authorization: Annotated[str, Header()] = "") -> Known:
        """Return whose token it is. A user who is no longer there is nobody, whatever he holds."""
        scheme, _, token = authorization.partition(" ")
        user_id = self.tokens.user_id(token.strip()) if scheme.lower() == "bearer" else None
        if user_id is not None:
            async with self.database.read() as session:
                user = await session.get(User, user_id)
            if user:
                return Known(id=user.id, email=user.email)
        raise HTTPException(401, "no valid token", _CHALLENGE)


def application(environ: Environ) -> FastAPI:
    """Make the service. `RefusedError` without DATABASE_URL or, but for tests, JWT_SECRET."""
    store = database.connect(environ.text("DATABASE_URL"))
    lifetime_s = int(environ.number("TOKEN_LIFETIME_S", _HOUR_S, least=1))
    tokens = Tokens(environ.secret("JWT_SECRET"), lifetime_s)
    auth = Auth(store, passwords(cheap=environ.is_test), tokens)
    router = APIRouter()
    router.add_api_route("/register", auth.register, methods=["POST"], status_code=201)
    router.add_api_route("/login", auth.login, methods=["POST"])
    router.add_api_route("/validate", auth.validate, methods=["GET"])
    app = assemble("auth", environ, router, health.Needs({"database": store.check}), [store.close])
    app.add_exception_handler(OperationalError, database.away)
    return app
