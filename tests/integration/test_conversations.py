"""Conversations: begun, listed, read and deleted, by their owner alone."""

from __future__ import annotations

import httpx
import pytest

from tests.fixtures.clients import Platform, answered
from tests.fixtures.factories import AsyncMakeConversation, MakeConversation, MakeUser

FAR = 2**31 - 1
"""An id that no row has yet."""


def test_a_new_conversation_is_empty(
    client: httpx.Client, make_conversation: MakeConversation
) -> None:
    talk = make_conversation()
    found = answered(client.get(talk.url, headers=talk.owner.headers))
    assert (found["id"], found["title"], found["messages"]) == (talk.id, talk.title, [])


def test_they_are_listed_the_newest_first(
    client: httpx.Client, make_user: MakeUser, make_conversation: MakeConversation
) -> None:
    user = make_user()
    talks = [make_conversation(owner=user) for _ in range(3)]
    found = answered(client.get("/conversations", headers=user.headers))
    assert [listed["id"] for listed in found] == [talk.id for talk in reversed(talks)]


async def test_who_has_none_is_told_so(
    async_client: httpx.AsyncClient, async_make_conversation: AsyncMakeConversation
) -> None:
    talk = await async_make_conversation()
    await async_client.delete(talk.url, headers=talk.owner.headers)
    assert answered(await async_client.get("/conversations", headers=talk.owner.headers)) == []


@pytest.mark.parametrize("title", ["", "   ", "x" * 201, "a\0b", None])
def test_a_title_is_needed_and_is_bounded(
    client: httpx.Client, make_user: MakeUser, title: str | None
) -> None:
    headers = make_user().headers
    refused = client.post("/conversations", json={"title": title}, headers=headers)
    assert refused.status_code == 422, refused.text


def test_a_deleted_one_is_gone_with_its_messages(
    client: httpx.Client, make_conversation: MakeConversation
) -> None:
    talk = make_conversation()
    headers = talk.owner.headers
    answered(client.post(f"{talk.url}/messages", json={"content": "hello"}, headers=headers), 201)
    answered(client.delete(talk.url, headers=headers), 204)
    for method in ("GET", "DELETE"):
        assert client.request(method, talk.url, headers=headers).status_code == 404


@pytest.mark.security
def test_anothers_conversation_is_as_good_as_none(
    client: httpx.Client, make_user: MakeUser, make_conversation: MakeConversation
) -> None:
    talk, stranger = make_conversation(), make_user()
    none = client.get(f"/conversations/{FAR}", headers=stranger.headers)
    assert none.status_code == 404
    said = {"content": "let me in"}
    for method, url, body in (
        ("GET", talk.url, None),
        ("DELETE", talk.url, None),
        ("POST", f"{talk.url}/messages", said),
        ("POST", f"{talk.url}/messages/stream", said),
    ):
        refused = client.request(method, url, json=body, headers=stranger.headers)
        assert (refused.status_code, refused.json()) == (404, none.json()), method
    kept = answered(client.get(talk.url, headers=talk.owner.headers))
    assert kept["messages"] == []
    assert answered(client.get("/conversations", headers=stranger.headers)) == []


@pytest.mark.security
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/conversations"),
        ("POST", "/conversations"),
        ("GET", f"/conversations/{FAR}"),
        ("DELETE", f"/conversations/{FAR}"),
        ("POST", f"/conversations/{FAR}/messages"),
        ("POST", f"/conversations/{FAR}/messages/stream"),
    ],
)
def test_without_a_token_there_is_nothing(client: httpx.Client, method: str, path: str) -> None:
    refused = client.request(method, path)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.security
def test_the_gateway_believes_no_user_id_of_a_client(
    client: httpx.Client, make_user: MakeUser, make_conversation: MakeConversation
) -> None:
    talk, stranger = make_conversation(), make_user()
    claimed = {"X-User-Id": str(talk.owner.id)}
    assert client.get(talk.url, headers=stranger.headers | claimed).status_code == 404
    assert client.get(talk.url, headers=claimed).status_code == 401


def test_chat_by_itself_serves_the_user_that_it_is_told(
    client: httpx.Client, platform: Platform, make_conversation: MakeConversation
) -> None:
    talk = make_conversation()
    url = f"{platform.chat}{talk.url}"
    found = answered(client.get(url, headers={"X-User-Id": str(talk.owner.id)}))
    assert found["title"] == talk.title
    for nobody in ({}, {"X-User-Id": ""}, {"X-User-Id": "1 OR 1=1"}, {"X-User-Id": "-1"}):
        assert client.get(url, headers=nobody).status_code == 401
