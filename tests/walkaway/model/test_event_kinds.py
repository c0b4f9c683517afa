"""Every kind of line that the code writes has a name and a row in docs/guide/reference.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.walkaway.support.checkout import REPOSITORY
from walkaway.model import event_kinds, journal_kinds

PACKAGE = REPOSITORY / "walkaway"
RECORDER = PACKAGE / "recorder" / "walkaway_recorder"
NAMES = {"event_kinds": event_kinds, "journal_kinds": journal_kinds}
EVERYWHERE = {"e", "t"}
FILES = ("events.jsonl", "failures.jsonl", "supervisor.jsonl", "attempts.jsonl")
Kinds = dict[str, set[str]]
"""Fields by kind."""


def constants(module: ModuleType) -> dict[str, str]:
    return {name: value for name, value in vars(module).items() if name.isupper()}


def resolve(node: ast.expr) -> list[str]:
    """Return the kinds that an expression stands for; empty for the parameter `kind`."""
    match node:
        case ast.Constant(value=str(kind)):
            return [kind]
        case ast.Attribute(value=ast.Name(id=module), attr=name) if module in NAMES:
            return [constants(NAMES[module])[name]]
        case ast.IfExp(body=body, orelse=orelse):
            return resolve(body) + resolve(orelse)
        case ast.Name(id="kind"):
            return []
    raise AssertionError(f"line {node.lineno}: a kind that is no constant: {ast.unparse(node)}")


def keys(node: ast.Dict) -> set[str]:
    found = {key.value for key in node.keys if isinstance(key, ast.Constant)}
    return {str(key) for key in found}


def written_in(path: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield each kind that a module writes, with the fields that its source shows."""
    writers = {"events", "journal"} | ({"self"} if path == RECORDER / "events.py" else set())
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=to, attr="put" | "write"), args=[first, *_]):
                if ast.unparse(to).rpartition(".")[2].lstrip("_") not in writers:
                    continue
                shown = {word.arg for word in node.keywords if word.arg}
                for word in node.keywords:
                    shown |= keys(word.value) if isinstance(word.value, ast.Dict) else set()
                for kind in resolve(first):
                    yield kind, shown
            case ast.Dict() if "e" in keys(node):
                value = next(v for k, v in zip(node.keys, node.values, strict=True) if is_e(k))
                for kind in resolve(value):
                    yield kind, keys(node)
            case ast.Constant(value=bytes(line)) if found := re.match(rb'\{"e":"(\w+)"', line):
                yield found[1].decode(), set(re.findall(r'"(\w+)":', line.decode()))


def is_e(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and key.value == "e"


def written() -> dict[str, Kinds]:
    """Return what the code writes, by file."""
    found: dict[str, Kinds] = {file: {} for file in FILES}
    for path in sorted(PACKAGE.rglob("*.py")):
        file = "supervisor.jsonl"
        if path.is_relative_to(RECORDER):
            file = "failures.jsonl" if path.name == "failures.py" else "events.jsonl"
        elif path.is_relative_to(PACKAGE / "hunting"):
            file = "attempts.jsonl"
        for kind, fields in written_in(path):
            found[file].setdefault(kind, set()).update(fields)
    return found


def documented() -> dict[str, Kinds]:
    """Return the tables under "Events", by file."""
    text = (REPOSITORY / "docs/guide/reference.md").read_text(encoding="utf-8")
    section = text.partition("\n### Events\n")[2].partition("\n### ")[0]
    found: dict[str, Kinds] = {}
    file = ""
    for line in section.splitlines():
        if heading := re.match(r"In (?:a hunt's )?`(\w+\.jsonl)`, written by ", line):
            file = heading[1]
        elif row := re.match(r"\| `(\w+)` \| [^|]+ \|([^|]*)\|$", line):
            assert row[1] not in found.setdefault(file, {}), line
            found[file][row[1]] = set(re.findall(r"`(\w+)`", row[2]))
    return found


@pytest.mark.parametrize("file", FILES)
def test_the_table_names_the_kinds_that_are_written(file: str) -> None:
    assert sorted(documented()[file]) == sorted(written()[file])


@pytest.mark.parametrize("file", FILES)
def test_the_table_names_the_fields_that_the_source_shows(file: str) -> None:
    table, unnamed = documented()[file], {}
    for kind, fields in written()[file].items():
        if more := fields - table.get(kind, set()) - EVERYWHERE:
            unnamed[kind] = sorted(more)
    assert unnamed == {}


def test_the_names_are_those_of_the_kinds_that_are_written() -> None:
    found = written()
    by_recorder = [*found["events.jsonl"], *found["failures.jsonl"]]
    assert sorted(constants(event_kinds).values()) == sorted(by_recorder)
    by_others = [*found["supervisor.jsonl"], *found["attempts.jsonl"]]
    assert sorted(constants(journal_kinds).values()) == sorted(by_others)


def test_the_recorder_has_the_same_names() -> None:
    # Not imported: the recorder's folder is on sys.path only inside a recorded pytest.
    tree = ast.parse((RECORDER / "event_kinds.py").read_text(encoding="utf-8"))
    theirs = {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
    }
    assert theirs == constants(event_kinds)
