"""chat: conversations, and whose they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app import database
from app.chat.api import application
from app.models import User
from tests.unit.served import asked, environ

ANN, BOB = {"X-User-Id": "1"}, {"X-User-Id": "2"}


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """chat, with the users Ann and Bob."""
    made = environ(tmp_path)
    store = database.connect(made.text("DATABASE_URL"))
    async with store.write.begin() as session:
        session.add_all([User(email=f"{name}@x.y", password_hash="") for name in ("ann", "bob")])
    await store.close()
    async with asked(application(made)) as client:
        yield client


async def begun(chat: httpx.AsyncClient, title: str = "Plans") -> str:
    """Begin a conversation of Ann's; its path."""
    made = await chat.post("/conversations", json={"title": title}, headers=ANN)
    assert made.status_code == 201
    return f"/conversations/{made.json()['id']}"


async def test_what_was_said_is_kept_with_its_reply(chat: httpx.AsyncClient) -> None:
    path = await begun(chat)
    exchange = await chat.post(f"{path}/messages", json={"content": "Hello"}, headers=ANN)
    assert exchange.status_code == 201
    said = exchange.json()
    assert [said[key]["role"] for key in ("message", "reply")] == ["user", "assistant"]
    shown = (await chat.get(path, headers=ANN)).json()
    assert shown["title"] == "Plans"
    assert shown["messages"] == [said["message"], said["reply"]]
    assert shown["created_at"].endswith("Z")


async def test_a_stream_is_the_reply_word_by_word(chat: httpx.AsyncClient) -> None:
    path = await begun(chat)
    stream = await chat.post(f"{path}/messages/stream", json={"content": "Why?"}, headers=ANN)
    assert stream.headers["content-type"].startswith("text/event-stream")
    blocks = [block.split("\n", 1) for block in stream.text.rstrip("\n").split("\n\n")]
    events = [(name[7:], json.loads(data[6:])) for name, data in blocks]
    assert [name for name, _ in events] == ["token"] * (len(events) - 1) + ["done"]
    done = events.pop()[1]
    assert "".join(data["text"] for _, data in events) == done["content"]
    assert (await chat.get(path, headers=ANN)).json()["messages"][-1] == done


async def test_two_who_speak_at_once_are_both_heard_and_answered(chat: httpx.AsyncClient) -> None:
    path = f"{await begun(chat)}/messages"
    await asyncio.gather(
        *(chat.post(path, json={"content": f"n {n}"}, headers=ANN) for n in range(5))
    )
    messages = (await chat.get(path.removesuffix("/messages"), headers=ANN)).json()["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant"] * 5


async def test_conversations_are_listed_newest_first(chat: httpx.AsyncClient) -> None:
    for title in ("first", "second"):
        await begun(chat, title)
    found = (await chat.get("/conversations", headers=ANN)).json()
    assert [conversation["title"] for conversation in found] == ["second", "first"]
    assert (await chat.get("/conversations", headers=BOB)).json() == []


async def test_what_is_removed_is_gone(chat: httpx.AsyncClient) -> None:
    path = await begun(chat)
    await chat.post(f"{path}/messages", json={"content": "Hello"}, headers=ANN)
    removed = await chat.delete(path, headers=ANN)
    assert (removed.status_code, removed.content) == (204, b"")
    assert (await chat.get(path, headers=ANN)).status_code == 404


@pytest.mark.security
async def test_anothers_conversation_is_as_good_as_none(chat: httpx.AsyncClient) -> None:
    path = await begun(chat)
    theirs = [
        await chat.get(path, headers=BOB),
        await chat.delete(path, headers=BOB),
        await chat.post(f"{path}/messages", json={"content": "x"}, headers=BOB),
        await chat.post(f"{path}/messages/stream", json={"content": "x"}, headers=BOB),
        await chat.get("/conversations/4711", headers=BOB),
    ]
    assert {(answer.status_code, answer.text) for answer in theirs} == {
        (404, '{"detail":"there is no such conversation"}')
    }
    assert (await chat.get(path, headers=ANN)).json()["messages"] == []


@pytest.mark.security
@pytest.mark.parametrize("user", ["", "0x1", "-1", "1.0", "²", "9" * 10, "1 or 1"])
async def test_who_is_no_user_is_turned_away(chat: httpx.AsyncClient, user: str) -> None:
    headers = {b"X-User-Id": user.encode()}
    assert (await chat.get("/conversations", headers=headers)).status_code == 401


async def test_a_user_who_was_removed_begins_nothing(chat: httpx.AsyncClient) -> None:
    made = await chat.post("/conversations", json={"title": "x"}, headers={"X-User-Id": "77"})
    assert (made.status_code, made.json()) == (401, {"detail": "there is no such user"})


@pytest.mark.parametrize("title", ["", "  ", "x" * 201, "nul\0", None, 7])
async def test_what_is_no_title_is_refused(chat: httpx.AsyncClient, title: object) -> None:
    made = await chat.post("/conversations", json={"title": title}, headers=ANN)
    assert made.status_code == 422


@pytest.mark.parametrize("number", ["0", "-1", "x", str(2**31), "1e3"])
async def test_what_is_no_number_of_a_conversation_is_refused(
    chat: httpx.AsyncClient, number: str
) -> None:
    assert (await chat.get(f"/conversations/{number}", headers=ANN)).status_code == 422
