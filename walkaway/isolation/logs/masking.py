"""Mask what looks like a secret in a message. Pure."""

from __future__ import annotations

import re

MASK = "***"
_SCHEMES = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{4,}", re.IGNORECASE)
_NAMED = re.compile(
    r"([\"']?\b[\w-]*(?:password|passwd|secret|token|api[_-]?key|cookie|authorization)[\"']?"
    r"\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&}\])]+)",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)")


def masked(text: str) -> str:
    """Mask passwords in URLs, bearer and basic credentials, and values of secret-sounding names."""
    if "://" in text:
        text = _IN_URL.sub(rf"\1{MASK}", text)
    text = _SCHEMES.sub(rf"\1 {MASK}", text)
    return _NAMED.sub(rf"\1{MASK}", text)
