"""After the last worker: what crashed ones left goes with the run, not only with the next.

A worker that ends well tells the controller where its databases were; if another crashed after
that, nobody else would clean up after it. Where all crashed the next run does.
"""

from __future__ import annotations

from typing import Any

import pytest

_TOLD = "walkaway_databases"
_CRASHED = pytest.StashKey[bool]()
_SERVERS = pytest.StashKey[set[str]]()


def tell(config: pytest.Config, url: str) -> None:
    """Tell the controller, from a worker, where databases were made."""
    output: dict[str, str] = getattr(config, "workeroutput", {})
    output[_TOLD] = url


def note(node: Any, error: object) -> None:  # noqa: ANN401 - xdist's, which is not imported here
    """Note a worker's end, in the controller."""
    stash = node.config.stash
    if error:
        stash[_CRASHED] = True
    elif url := getattr(node, "workeroutput", {}).get(_TOLD):
        stash.setdefault(_SERVERS, set()).add(url)


def clear(config: pytest.Config) -> None:
    """Remove, in the controller, what nobody owns."""
    if config.stash.get(_CRASHED, False):
        for url in config.stash.get(_SERVERS, set()):
            from walkaway.isolation.databases import urls
            from walkaway.isolation.databases.postgres import leftovers

            leftovers.reap_after(urls.parsed(url))
