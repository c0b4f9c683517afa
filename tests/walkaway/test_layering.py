"""Which room may import which: a room stands on those below it, lazy imports counted."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from tests.walkaway.support.checkout import REPOSITORY

PACKAGE = REPOSITORY / "walkaway"
LAYERS = (
    ("errors", "model", "process", "text", "recorder", "forks"),
    ("settings", "record", "worker_slots", "library"),
    ("environment", "upkeep", "isolation"),
    ("backends",),
    ("runs",),
    ("supervisor", "hunting", "doctor"),
    ("views",),
    ("tasks",),
    ("__main__",),
)
"""From the ground up. Rooms of one layer do not know each other."""
APART = ("recorder", "forks", "isolation")
"""Plugins that run inside the user's pytest: nothing else may import them."""


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room != "__init__":
            yield room, path


def _imports(path: Path) -> Iterator[str]:
    """Return the rooms that a module imports, at its top or when it is called."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module == "walkaway"
            names = [f"walkaway.{n.name}" for n in node.names] if whole else [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            package, _, rest = name.partition(".")
            if package == "walkaway" and rest:
                yield rest.partition(".")[0]


def _edges() -> dict[tuple[str, str], Path]:
    rooms = {room for room, _ in _modules()}
    return {
        (room, other): path
        for room, path in _modules()
        for other in _imports(path)
        if other in rooms and other != room
    }


def test_every_room_has_a_layer() -> None:
    known = [room for layer in LAYERS for room in layer]
    assert sorted(known) == sorted({room for room, _ in _modules()})


def test_imports_go_down() -> None:
    height = {room: number for number, layer in enumerate(LAYERS) for room in layer}
    up = {
        f"{room} -> {other}": path.relative_to(PACKAGE).as_posix()
        for (room, other), path in _edges().items()
        if height[other] >= height[room]
    }
    assert up == {}


def test_rooms_have_no_circle() -> None:
    below: dict[str, set[str]] = {}
    for room, other in _edges():
        below.setdefault(room, set()).add(other)
    assert tuple(TopologicalSorter(below).static_order())


def test_nothing_imports_the_plugins_of_the_users_pytest() -> None:
    assert [(room, other) for room, other in _edges() if other in APART] == []
