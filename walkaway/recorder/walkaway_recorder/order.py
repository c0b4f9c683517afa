"""A random order of tests that a seed alone decides.

Knows how node ids nest; must not know hunts, and reads nothing but the ids.
"""

from __future__ import annotations

from hashlib import sha1
from typing import TYPE_CHECKING, Callable

import pytest

from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    from walkaway_recorder.guard import Foreign

keep_builtins(globals())


class Order:
    """Puts the collected tests into the order of a seed, in every process that collects.

    First of all plugins: what the project itself says about order (pytest-order, pytest-django,
    --ff, fixtures of a wide scope) is sorted into our order afterwards, and goes on to hold.
    """

    def __init__(self, seed: str, note: Callable[[Exception], None] | None = None) -> None:
        self._seed = seed
        self._note = note

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        try:
            items[:] = in_order(self._seed, items)
        except Exception as error:
            if self._note is not None:
                self._note(error)


def in_order(seed: str, items: list[pytest.Item]) -> list[pytest.Item]:
    """Sort items by a hash of the seed and their ids: modules, in them classes, in them tests.

    By hash and not by a shuffle: every xdist worker and every Python comes to the same order, and
    tests that are left out do not change the order of the others.
    """
    ranks: dict[str, bytes] = {}

    def rank(nodeid: str) -> bytes:
        found = ranks.get(nodeid)
        if found is None:
            text = f"{seed}\0{nodeid}".encode("utf-8", "backslashreplace")
            found = ranks[nodeid] = sha1(text).digest()  # noqa: S324 - for order, not for secrets
        return found

    def key(item: pytest.Item) -> list[bytes]:
        return [rank(nodeid) for nodeid in levels(item)]

    return sorted(items, key=key)


def levels(item: Foreign) -> list[str]:
    """Return the ids of an item's module, its classes and itself, widest first.

    Not of its folders: pytest 8 made nodes of them, and a seed is to mean the same in 7.
    """
    module = item.nodeid.partition("::")[0]
    inside = f"{module}::"
    chain = [node.nodeid for node in item.listchain()[:-1]]
    return [module, *(nodeid for nodeid in chain if nodeid.startswith(inside)), item.nodeid]


def let_seed_decide(config: pytest.Config, seed: str) -> None:
    """Switch off the shuffling of pytest-randomly and pytest-random-order for this run.

    pytest-randomly goes on to seed `random` before every test, with our seed unless the user gave
    one. In workers, too: xdist hands the command line on to them, and no options.
    """
    option = config.option
    if hasattr(option, "randomly_reorganize"):
        option.randomly_reorganize = False
        if option.randomly_seed == "default" and seed.isdecimal():
            option.randomly_seed = int(seed)
    if hasattr(option, "random_order_bucket"):
        option.random_order_enabled = False
        option.random_order_bucket = "default:module"
        option.random_order_seed = "default:" + seed
