"""Find out which tests must run in one worker: their group, and the fixtures they share."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from walkaway_forks.chunks import Trait

_LEVELS: dict[str, Any] = {
    "package": pytest.Package, "module": pytest.Module, "class": pytest.Class,
}  # fmt: skip


def traits_of(config: pytest.Config, items: list[pytest.Item]) -> list[Trait]:
    """Return each test's trait, with its duration if a plugin knows it."""
    known = config.hook.pytest_forks_durations(config=config, items=items) or {}
    return [Trait(_group(item), known.get(item.nodeid)) for item in items]


def gather_groups(items: list[pytest.Item]) -> None:
    """Move the tests of an `xdist_group` behind its first one. All others keep their order."""
    first: dict[str, int] = {}
    places = []
    for index, item in enumerate(items):
        name = _named_group(item)
        places.append(index if name is None else first.setdefault(name, index))
    if first:
        order = sorted(range(len(items)), key=places.__getitem__)
        items[:] = [items[index] for index in order]


def _named_group(item: pytest.Item) -> Optional[str]:
    marker = item.get_closest_marker("xdist_group")
    if marker is None:
        return None
    return f"group:{marker.kwargs.get('name', marker.args[0] if marker.args else 'default')}"


def _group(item: pytest.Item) -> Optional[str]:
    """Return the name of what must share a worker with this test; None if it may run anywhere."""
    name = _named_group(item)
    if name is not None:
        return name
    info: Any = getattr(item, "_fixtureinfo", None)
    scopes = {
        str(definitions[-1].scope) for definitions in getattr(info, "name2fixturedefs", {}).values()
    }
    for scope, level in _LEVELS.items():
        node = item.getparent(level) if scope in scopes else None
        if node is not None:
            return f"{scope}:{node.nodeid}"
    return None
