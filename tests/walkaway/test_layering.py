"""Which folder may import which: a folder stands on those below it. No modules form a circle.

Imports inside functions and under TYPE_CHECKING count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.walkaway.support.checkout import REPOSITORY

PACKAGE = REPOSITORY / "walkaway"
LAYERS = (
    ("errors", "model", "process", "text", "recorder", "forks"),
    ("settings", "record", "worker_slots", "scaffold"),
    ("environment", "upkeep", "isolation"),
    ("backends",),
    ("runs",),
    ("supervisor", "hunting", "doctor"),
    ("views",),
    ("tasks",),
    ("__main__",),
)
"""From the ground up. Folders of one layer do not know each other."""
APART = ("recorder", "forks", "isolation")
"""Plugins that run inside the user's pytest: nothing else may import them."""


PLUGINS = {"walkaway_recorder": "recorder", "walkaway_forks": "forks"}
"""Packages that have a folder on PYTHONPATH to themselves: they import themselves by this name."""


def _name(path: Path) -> str:
    """Return a module's full name; `walkaway.recorder.walkaway_recorder.x` for the recorder's."""
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(module: str) -> str:
    """Return the folder or top module below `walkaway`; empty for anything else."""
    package, _, rest = module.partition(".")
    return rest.partition(".")[0] if package == "walkaway" else ""


def _imports(path: Path) -> Iterator[str]:
    """Return the full names that a module imports, at its top or when it is called."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            plugin = PLUGINS.get(name.partition(".")[0])
            yield f"walkaway.{plugin}.{name}" if plugin else name


PATHS = {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
ROOMS = sorted({room for module in PATHS if (room := _room(module))})


def _below(path: Path) -> set[str]:
    """Return the modules that a module imports. A name that is no module is its package's."""
    found = {name if name in PATHS else name.rpartition(".")[0] for name in _imports(path)}
    return {name for name in found if name in PATHS and PATHS[name] != path}


BELOW = {module: _below(path) for module, path in PATHS.items()}
EDGES = {
    (_room(module), _room(other)): module
    for module, others in BELOW.items()
    for other in others
    if _room(module) and _room(other) and _room(module) != _room(other)
}


def test_every_folder_has_a_layer() -> None:
    known = [room for layer in LAYERS for room in layer]
    assert sorted(known) == ROOMS


def test_imports_go_down() -> None:
    height = {room: number for number, layer in enumerate(LAYERS) for room in layer}
    up = {
        f"{room} -> {other}": module
        for (room, other), module in EDGES.items()
        if height[other] >= height[room]
    }
    assert up == {}


def test_folders_form_no_circle() -> None:
    below: dict[str, set[str]] = {}
    for room, other in EDGES:
        below.setdefault(room, set()).add(other)
    assert tuple(TopologicalSorter(below).static_order())


@pytest.mark.parametrize("room", ROOMS)
def test_the_modules_of_a_folder_form_no_circle(room: str) -> None:
    within = {
        module: {other for other in others if _room(other) == room}
        for module, others in BELOW.items()
        if _room(module) == room
    }
    assert within
    try:
        TopologicalSorter(within).prepare()
    except CycleError as error:
        circle = " <- ".join(error.args[1])
        pytest.fail(circle)


def test_nothing_imports_the_plugins_of_the_users_pytest() -> None:
    assert [edge for edge in EDGES if edge[1] in APART] == []
