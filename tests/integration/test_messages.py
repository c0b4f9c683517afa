"""What is said in a conversation, and the reply, whole and as a stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from tests.fixtures.apart import StartApart
from tests.fixtures.clients import answered
from tests.fixtures.factories import AsyncMakeConversation, Conversation, MakeConversation

SAID = ("Hello", "I keep my tests short.", "Why do they fail at night?")


def say(client: httpx.Client, talk: Conversation, content: str) -> dict[str, Any]:
    url, headers = f"{talk.url}/messages", talk.owner.headers
    found: dict[str, Any] = answered(
        client.post(url, json={"content": content}, headers=headers), 201
    )
    return found


def events(lines: Iterable[str]) -> list[tuple[str, Any]]:
    """Return the name and data of each server-sent event."""
    found, name = [], ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            found.append((name, json.loads(value)))
    return found


def test_a_message_gets_a_reply_and_both_are_kept_in_order(
    client: httpx.Client, make_conversation: MakeConversation
) -> None:
    talk = make_conversation()
    said = [say(client, talk, content) for content in SAID]
    kept = answered(client.get(talk.url, headers=talk.owner.headers))["messages"]
    assert kept == [part for exchange in said for part in (exchange["message"], exchange["reply"])]
    assert [message["role"] for message in kept] == ["user", "assistant"] * len(SAID)
    assert [exchange["message"]["content"] for exchange in said] == list(SAID)


def test_the_same_history_gets_the_same_replies(
    client: httpx.Client, make_conversation: MakeConversation
) -> None:
    first, second = make_conversation(), make_conversation()
    replies = [[say(client, talk, x)["reply"]["content"] for x in SAID] for talk in (first, second)]
    assert replies[0] == replies[1]
    assert len(set(replies[0])) == len(SAID)


@pytest.mark.parametrize("content", ["", " \n", "x" * 20_001, "a\0b", 7])
def test_what_is_no_message_is_refused_and_not_kept(
    client: httpx.Client, make_conversation: MakeConversation, content: object
) -> None:
    talk = make_conversation()
    headers = talk.owner.headers
    for way in ("messages", "messages/stream"):
        refused = client.post(f"{talk.url}/{way}", json={"content": content}, headers=headers)
        assert refused.status_code == 422, refused.text
    assert answered(client.get(talk.url, headers=headers))["messages"] == []


def test_any_text_comes_back_as_it_was(
    client: httpx.Client, make_conversation: MakeConversation
) -> None:
    text = (
        "日本語, \u202e right to left, <b>&amp;</b>, 'quotes\"; DROP TABLE users; --\n\tand a tab"
    )
    talk = make_conversation()
    say(client, talk, text)
    kept = answered(client.get(talk.url, headers=talk.owner.headers))["messages"]
    assert kept[0]["content"] == text


async def test_two_who_speak_at_once_are_both_heard(
    async_client: httpx.AsyncClient, async_make_conversation: AsyncMakeConversation
) -> None:
    talk = await async_make_conversation()
    url, headers = f"{talk.url}/messages", talk.owner.headers
    said = [f"this is number {n}" for n in range(4)]
    posts = [async_client.post(url, json={"content": text}, headers=headers) for text in said]
    for answer in await asyncio.gather(*posts):
        answered(answer, 201)
    kept = answered(await async_client.get(talk.url, headers=headers))["messages"]
    assert [message["role"] for message in kept] == ["user", "assistant"] * len(said)
    assert {message["content"] for message in kept[::2]} == set(said)


def test_a_stream_is_the_reply_word_by_word_and_then_the_stored_one(
    client: httpx.Client, make_conversation: MakeConversation
) -> None:
    talk = make_conversation()
    url, headers = f"{talk.url}/messages/stream", talk.owner.headers
    with client.stream("POST", url, json={"content": SAID[1]}, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        *tokens, (last, done) = events(answer.iter_lines())
    assert {name for name, _ in tokens} == {"token"}
    assert len(tokens) > 1
    assert last == "done"
    assert "".join(token["text"] for _, token in tokens) == done["content"]
    kept = answered(client.get(talk.url, headers=headers))["messages"]
    assert kept[-1] == done


async def test_the_first_word_is_there_before_the_reply_is_done(
    async_client: httpx.AsyncClient,
    async_make_conversation: AsyncMakeConversation,
    start_apart: StartApart,
) -> None:
    # Were anything held back on the way until the end, then for longer than this client waits.
    slow = start_apart("gateway", "chat", CHAT_PAUSE_S="600")
    talk = await async_make_conversation()
    url, headers = f"{slow.api}{talk.url}/messages/stream", talk.owner.headers
    async with async_client.stream(
        "POST", url, json={"content": SAID[1]}, headers=headers
    ) as answer:
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        assert [await anext(lines), (await anext(lines)).partition(":")[0]] == [
            "event: token",
            "data",
        ]
    # Who leaves in the middle has spoken all the same, and was answered.
    kept = answered(await async_client.get(talk.url, headers=headers))["messages"]
    assert [message["role"] for message in kept] == ["user", "assistant"]
