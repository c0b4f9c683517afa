"""The routes of chat: conversations and their messages, all of the user in `X-User-Id`.

The header is believed: only the gateway reaches this service, and it sets it (see app/__init__).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app import database, health
from app.chat.replies import ASSISTANT, USER, Turn, reply, words
from app.database import Database
from app.fields import Content, Id, Moment, Title
from app.models import Conversation, Message
from app.service import assemble
from app.settings import Environ


def _user(x_user_id: Annotated[str, Header()] = "") -> int:
    if not (x_user_id.isascii() and x_user_id.isdecimal() and len(x_user_id) < 10):  # noqa: PLR2004 - fits an INTEGER
        raise HTTPException(401, "no user is named")
    return int(x_user_id)


Caller = Annotated[int, Depends(_user)]


class NewConversation(BaseModel):
    title: Title


class NewMessage(BaseModel):
    content: Content


class Said(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    role: str
    content: str
    created_at: Moment


class Outline(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    title: str
    created_at: Moment


class Whole(Outline):
    messages: list[Said]


class Exchange(BaseModel):
    message: Said
    reply: Said


@dataclass(frozen=True, slots=True)
class Chat:
    """`pause_s` is between the words of a stream."""

    database: Database
    pause_s: float

    async def create(self, asked: NewConversation, user: Caller) -> Outline:
        made = Conversation(user_id=user, title=asked.title)
        try:
            async with self.database.write.begin() as session:
                session.add(made)
        except IntegrityError:  # removed since the gateway asked who it is
            raise HTTPException(401, "there is no such user") from None
        return Outline.model_validate(made)

    async def all(self, user: Caller) -> list[Outline]:
        """Newest first."""
        mine = select(Conversation).where(Conversation.user_id == user)
        async with self.database.read() as session:
            found = await session.scalars(mine.order_by(Conversation.id.desc()))
        return [Outline.model_validate(conversation) for conversation in found]

    async def show(self, conversation_id: Id, user: Caller) -> Whole:
        async with self.database.read() as session:
            found = await _owned(session, conversation_id, user)
            await session.refresh(found, ["messages"])
        return Whole.model_validate(found)

    async def remove(self, conversation_id: Id, user: Caller) -> Response:
        async with self.database.write.begin() as session:
            await _owned(session, conversation_id, user, lock=True)
            await session.execute(delete(Conversation).where(Conversation.id == conversation_id))
        return Response(status_code=204)

    async def say(self, conversation_id: Id, asked: NewMessage, user: Caller) -> Exchange:
        """Store what the user said and the reply, both or neither."""
        async with self.database.write.begin() as session:
            # Locked: of two that speak at once, the second's history holds the first's.
            found = await _owned(session, conversation_id, user, lock=True)
            await session.refresh(found, ["messages"])
            message = Message(conversation_id=found.id, role=USER, content=asked.content)
            turns = [Turn(said.role, said.content) for said in (*found.messages, message)]
            answer = Message(conversation_id=found.id, role=ASSISTANT, content=reply(turns))
            for said in (message, answer):  # one by one: their ids are their order
                session.add(said)
                await session.flush()
        return Exchange(message=Said.model_validate(message), reply=Said.model_validate(answer))

    async def stream(
        self, conversation_id: Id, asked: NewMessage, user: Caller
    ) -> StreamingResponse:
        """Say it, then send the reply word by word. It is stored even when nobody listens on."""
        exchange = await self.say(conversation_id, asked, user)
        return StreamingResponse(
            self._events(exchange.reply),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _events(self, answer: Said) -> AsyncIterator[str]:
        for word in words(answer.content):
            yield event("token", json.dumps({"text": word}, ensure_ascii=False))
            await asyncio.sleep(self.pause_s)
        yield event("done", answer.model_dump_json())


def event(name: str, data: str) -> str:
    """Return a server-sent event; JSON has no line ends, so its data are one line."""
    return f"event: {name}\ndata: {data}\n\n"


async def _owned(
    session: AsyncSession, conversation_id: int, user: int, *, lock: bool = False
) -> Conversation:
    """Return a user's conversation. Another's is as good as none: its id tells nothing."""
    asked = select(Conversation).where(Conversation.id == conversation_id)
    found = await session.scalar(asked.with_for_update() if lock else asked)
    if found is None or found.user_id != user:
        raise HTTPException(404, "there is no such conversation")
    return found


def application(environ: Environ) -> FastAPI:
    """Make the service. `RefusedError` without DATABASE_URL."""
    store = database.connect(environ.text("DATABASE_URL"))
    chat = Chat(store, environ.number("CHAT_PAUSE_S", 0.0))
    router = APIRouter(prefix="/conversations")
    one = "/{conversation_id}"
    router.add_api_route("", chat.create, methods=["POST"], status_code=201)
    router.add_api_route("", chat.all, methods=["GET"])
    router.add_api_route(one, chat.show, methods=["GET"])
    router.add_api_route(one, chat.remove, methods=["DELETE"], status_code=204)
    router.add_api_route(f"{one}/messages", chat.say, methods=["POST"], status_code=201)
    router.add_api_route(f"{one}/messages/stream", chat.stream, methods=["POST"])
    app = assemble("chat", environ, router, health.Needs({"database": store.check}), [store.close])
    app.add_exception_handler(OperationalError, database.away)
    return app
