"""What decides which tests must run in one worker: their group, and the fixtures they share."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from walkaway_forks.chunks import Trait

_LEVELS: dict[str, Any] = {
    "package": pytest.Package, "module": pytest.Module, "class": pytest.Class,
}  # fmt: skip


def traits_of(config: pytest.Config, items: list[pytest.Item]) -> list[Trait]:
    """Return each test's trait, with its duration where a plugin knows it."""
    known = config.hook.pytest_forks_durations(config=config) or {}
    return [Trait(_group(item), known.get(item.nodeid)) for item in items]


def _group(item: pytest.Item) -> Optional[str]:
    """Name what must stay in one worker with this test; None: it may run anywhere."""
    marker = item.get_closest_marker("xdist_group")
    if marker is not None:
        return f"group:{marker.kwargs.get('name', marker.args[0] if marker.args else 'default')}"
    info: Any = getattr(item, "_fixtureinfo", None)
    scopes = {
        str(definitions[-1].scope) for definitions in getattr(info, "name2fixturedefs", {}).values()
    }
    for scope, level in _LEVELS.items():
        node = item.getparent(level) if scope in scopes else None
        if node is not None:
            return f"{scope}:{node.nodeid}"
    return None
