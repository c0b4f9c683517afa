"""The partner in a conversation: the same history always gets the same reply. Pure functions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.text import excerpt

USER = "user"
ASSISTANT = "assistant"
_GREETING = re.compile(r"^(hello|hi|hey|good (morning|evening|day))\b", re.IGNORECASE)
_QUOTED = 60
_STATEMENTS = (
    "You said “{said}”. What makes you say so?",
    "“{said}”: I see. Please go on.",
    "“{said}”. Does that happen often?",
    "Let us stay with “{said}” for a moment.",
)
_QUESTIONS = (
    "You ask “{said}”. What would you answer yourself?",
    "“{said}” is a good question; I do not know.",
    "That depends. Why do you ask “{said}”?",
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one of the two said; `role` is `USER` or `ASSISTANT`."""

    role: str
    content: str


def reply(history: Sequence[Turn]) -> str:
    """Answer the last turn, which is the user's. No clock, no chance, no memory of its own."""
    if not history or history[-1].role != USER:
        raise ValueError("there is nothing to reply to")
    said = excerpt(history[-1].content, _QUOTED)
    asked = sum(turn.role == USER for turn in history)
    if _GREETING.match(said) and asked == 1:
        return "Hello! What would you like to talk about?"
    choices = _QUESTIONS if said.endswith("?") else _STATEMENTS
    seed = "\0".join(f"{turn.role}:{turn.content}" for turn in history)
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4])
    return choices[number % len(choices)].format(said=said)


def words(text: str) -> list[str]:
    """Cut a reply into what is streamed: joined again, it is the reply."""
    return re.findall(r"\S+\s*|^\s+", text)
