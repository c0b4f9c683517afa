"""A run's origin, as the environment shows it."""

from __future__ import annotations

import pytest

from walkaway.runs import origin


@pytest.mark.parametrize(
    "variable", ["WALKAWAY_ORIGIN", "CLAUDE_CODE_SESSION_ID", "CODEX_THREAD_ID"]
)
def test_a_named_session_is_the_origin_whoever_else_is_there(variable: str) -> None:
    one = origin.detect({variable: "one", "AI_AGENT": "x"})
    assert one.kind == "agent"
    assert one == origin.detect({variable: "one", "AI_AGENT": "x", "PATH": "/bin"})
    assert one.key != origin.detect({variable: "two", "AI_AGENT": "x"}).key
    assert one.key == origin.detect({variable: "one", "AI_AGENT": "x", "CI": "true"}).key


def test_our_own_variable_goes_before_an_agent_s() -> None:
    both = {"WALKAWAY_ORIGIN": "mine", "CLAUDE_CODE_SESSION_ID": "theirs"}
    assert origin.detect(both).key == "WALKAWAY_ORIGIN=mine"


def test_inside_a_run_the_run_is_the_origin() -> None:
    found = origin.detect({"WALKAWAY_RUN": "/logs/run", "WALKAWAY_ORIGIN": "x", "AI_AGENT": "x"})
    assert (found.kind, found.key) == ("run", "/logs/run")


@pytest.mark.parametrize("value", ["true", "1", "yes", "woodpecker"])
def test_ci_is_whatever_is_no_word_for_no(value: str) -> None:
    assert origin.is_ci({"CI": value})


@pytest.mark.parametrize("value", ["", "0", "false", "FALSE", "no"])
def test_a_word_for_no_is_no_ci(value: str) -> None:
    assert not origin.is_ci({"CI": value})
    assert not origin.is_ci({})


@pytest.mark.parametrize(
    "variable", ["AI_AGENT", "CLAUDECODE", "CODEX_SANDBOX", "CURSOR_AGENT", "GEMINI_CLI"]
)
def test_agents_are_known_by_their_variables(variable: str) -> None:
    assert origin.is_agent({variable: "1"})
    assert not origin.is_agent({variable: ""})


def test_a_nameless_shell_has_an_origin_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "_terminal", lambda: "")
    first = origin.detect({})
    assert first == origin.detect({"TERM": "dumb"})
    assert first.kind == "shell"
    assert first.key.split()[0] in {"process", "session"}
    assert origin.detect({"CI": "true"}).kind == "ci"
