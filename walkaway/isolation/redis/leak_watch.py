"""Leak watch for keys that a test leaves in its worker's Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from walkaway.isolation.redis.stores import Store


class KeysWatch:
    """A `Watch` for keys that did not exist before the test. `restore` deletes them."""

    kind = "keys"

    def __init__(self, store: Store) -> None:
        self._store = store

    def before(self) -> object:
        return self._store.keys()

    def left(self, before: object) -> Sequence[str]:
        return [repr(key)[1:] for key in sorted(self._new(before))]

    def restore(self, before: object) -> None:
        self._store.remove(self._new(before))

    def _new(self, before: object) -> frozenset[bytes]:
        known = cast("frozenset[bytes] | None", before) or frozenset()
        return self._store.keys() - known
