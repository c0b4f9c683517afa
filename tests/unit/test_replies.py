"""The partner in a conversation."""

from __future__ import annotations

import pytest

from app.chat.api import event
from app.chat.replies import ASSISTANT, USER, Turn, reply, words


def said(*contents: str) -> list[Turn]:
    """Turns of both, the user first."""
    return [Turn((USER, ASSISTANT)[n % 2], content) for n, content in enumerate(contents)]


def test_the_same_history_gets_the_same_reply() -> None:
    history = said("I lost my key", "Where?", "At home")
    assert len({reply(history) for _ in range(20)}) == 1


def test_another_history_may_get_another_reply_to_the_same_words() -> None:
    replies = {reply(said(f"topic {n}", "I see.", "And now")) for n in range(40)}
    assert len(replies) > 1


def test_a_reply_quotes_what_was_said_on_one_short_line() -> None:
    found = reply(said("a long\nstory " * 50))
    assert "a long story" in found
    assert "\n" not in found
    assert len(found) < 150


@pytest.mark.parametrize("hello", ["Hello", "hi there", "Good morning!"])
def test_a_greeting_is_returned_once(hello: str) -> None:
    assert reply(said(hello)) == "Hello! What would you like to talk about?"
    assert reply(said(hello, "Hello!", hello)) != "Hello! What would you like to talk about?"


@pytest.mark.parametrize("history", [[], said("Hello", "Hello!")])
def test_there_is_no_reply_to_nothing(history: list[Turn]) -> None:
    with pytest.raises(ValueError, match="nothing to reply to"):
        reply(history)


@pytest.mark.parametrize("text", ["one", "one two  three", "  led in", "“quoted” ends?", "{brace}"])
def test_the_words_of_a_stream_joined_are_the_reply(text: str) -> None:
    assert "".join(words(text)) == text


def test_what_braces_hold_is_only_text() -> None:
    assert "{said} {0}" in reply(said("{said} {0}"))


def test_an_event_has_a_name_and_one_line_of_data() -> None:
    assert event("token", '{"text": "x"}') == 'event: token\ndata: {"text": "x"}\n\n'
