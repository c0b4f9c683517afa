"""Put tests into a random order that depends only on a seed and their ids.

Knows how node ids nest; must not know hunts.
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
    """Puts the collected tests into a seed's order, in every process that collects.

    Runs before all other plugins: the project's own rules on order (pytest-order, pytest-django,
    --ff, fixtures with a wide scope) are applied afterwards and still hold.
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
    """Sort items by a hash of seed and id: modules, then classes in them, then tests in those.

    A hash and not a shuffle: every xdist worker and every Python gets the same order, and leaving
    tests out does not change the order of the others.
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
    """Return the ids of an item's module, its classes and itself, outermost first.

    Folders are left out: only pytest 8 made them nodes, and a seed must mean the same in 7.
    """
    module = item.nodeid.partition("::")[0]
    inside = f"{module}::"
    chain = [node.nodeid for node in item.listchain()[:-1]]
    return [module, *(nodeid for nodeid in chain if nodeid.startswith(inside)), item.nodeid]


def let_seed_decide(config: pytest.Config, seed: str) -> None:
    """Switch off the shuffling of pytest-randomly and pytest-random-order for this run.

    pytest-randomly still seeds `random` before every test, with our seed unless the user gave one.
    Needed in workers too: xdist passes them the command line, not the changed options.
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
