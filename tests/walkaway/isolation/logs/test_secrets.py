"""What looks like a secret is in no file; what is no part of the message, too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.walkaway.isolation.logs.nested import made
from walkaway.isolation.logs.masking import masked


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer eyJhbGciOi.J9x_y-z", "Authorization: *** ***"),
        ("sent bearer abcdef123", "sent bearer ***"),
        ("redis://:s3cret@host:6379/0", "redis://:***@host:6379/0"),
        ("password=hunter2, user=kim", "password=***, user=kim"),
        ('{"password": "a b", "id": 3}', '{"password": ***, "id": 3}'),
        ("JWT_SECRET='s3' next", "JWT_SECRET=*** next"),
        ("GET /a?access_token=xyz&page=2", "GET /a?access_token=***&page=2"),
        ("api-key: 12345", "api-key: ***"),
        ("postgresql://kim:pa55@db:5432/shop", "postgresql://kim:***@db:5432/shop"),
        ("Set-Cookie: session=abc; Path=/", "Set-Cookie: ***; Path=/"),
        ("3 tokens in the tokenizer", "3 tokens in the tokenizer"),
        ("http://host:80/path@x", "http://host:80/path@x"),
    ],
)
def test_secrets_are_masked(text: str, kept: str) -> None:
    assert masked(text) == kept


def test_no_argument_no_extra_and_no_variable_is_written(tmp_path: Path) -> None:
    source = """
        import logging
        def test_it():
            local = "SECRET-local"
            log = logging.getLogger("x")
            log.info("signed in with token=%s", "SECRET-token", extra={"who": "SECRET-extra"})
            log.info("a %s", "b")
            try:
                raise ValueError("password=SECRET-error")
            except ValueError:
                log.exception("failed")
    """
    nested = made(tmp_path, source)
    nested.run(env={"API_TOKEN": "SECRET-environment"})
    written = "".join(
        path.read_text()
        for path in (tmp_path / "logs").rglob("*")
        if path.suffix in {".jsonl", ".log"}
    )
    assert "signed in with token=***" in written
    assert "ValueError: password=***" in written
    assert "SECRET" not in written.replace('ValueError("password=SECRET-error")', "")
    assert os.environ.get("API_TOKEN") is None
