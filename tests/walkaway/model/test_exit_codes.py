"""One vocabulary of exit codes: pytest's own, and ours in the one module that may spell them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.walkaway.support.checkout import REPOSITORY
from walkaway.model import exit_codes

CODES = {name: value for name, value in vars(exit_codes).items() if name.isupper()}
VOCABULARY = Path(exit_codes.__file__)
PLAIN = {64, 70, 128}
"""Codes that are also sizes: they stand in other places, and mean something else there."""
SHELL = ("Makefile", ".ci/engine")
"""What runs where no Python of ours can be asked."""


def _constants(path: Path) -> Iterator[tuple[str, int]]:
    """Return the numbers that a module gives a name at its top."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(node.value.value, int):
                    yield target.id, node.value.value


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("OK", exit_codes.PASSED),
        ("TESTS_FAILED", exit_codes.FAILED),
        ("INTERRUPTED", exit_codes.INTERRUPTED),
        ("INTERNAL_ERROR", exit_codes.INTERNAL_ERROR),
        ("USAGE_ERROR", exit_codes.USAGE_ERROR),
        ("NO_TESTS_COLLECTED", exit_codes.NO_TESTS),
        ("MAX_WARNINGS_ERROR", exit_codes.TOO_MANY_WARNINGS),
    ],
)
def test_pytests_codes_are_pytests(name: str, code: int) -> None:
    assert pytest.ExitCode[name] == code


def test_bootstrap_names_its_codes_as_the_vocabulary_does() -> None:
    named = dict(_constants(REPOSITORY / "scripts/bootstrap.py"))
    same = {name: value for name, value in named.items() if name in CODES}
    assert same == {name: CODES[name] for name in ("NOT_STARTABLE", "CTRL_C")}


@pytest.mark.parametrize("name", SHELL)
def test_what_shell_ends_with_is_in_the_vocabulary(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    ends = {int(code) for code in re.findall(r"\bexit ([0-9]+)", text)} - {exit_codes.PASSED}
    assert ends == {exit_codes.NOT_STARTABLE}


def test_no_code_of_ours_is_spelled_in_digits_elsewhere() -> None:
    ours = {code for code in CODES.values() if code >= exit_codes.WRONG_USE} - PLAIN
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in sorted((REPOSITORY / "walkaway").rglob("*.py"))
        if path != VOCABULARY
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value in ours
    ]
    assert found == []
