"""Remove what crashed workers left, at the end of their own run instead of the next one.

A worker that ends normally tells the controller which server it used. If another worker crashed
after that, nobody else would clean up. When all workers crashed, the next run does it.
"""

from __future__ import annotations

from typing import Any

import pytest

_URL = "walkaway_databases"
_CRASHED = pytest.StashKey[bool]()
_SERVERS = pytest.StashKey[set[str]]()


def send_url(config: pytest.Config, url: str) -> None:
    """Tell the controller, from a worker, which server was used."""
    output: dict[str, str] = getattr(config, "workeroutput", {})
    output[_URL] = url


def note(node: Any, error: object) -> None:  # noqa: ANN401 - an xdist object; xdist is not imported here
    """Record the end of a worker, in the controller."""
    stash = node.config.stash
    if error:
        stash[_CRASHED] = True
    elif url := getattr(node, "workeroutput", {}).get(_URL):
        stash.setdefault(_SERVERS, set()).add(url)


def clear(config: pytest.Config) -> None:
    """Remove databases that nobody owns, in the controller."""
    if config.stash.get(_CRASHED, False):
        for url in config.stash.get(_SERVERS, set()):
            from walkaway.isolation.databases import urls
            from walkaway.isolation.databases.postgres import leftovers

            leftovers.reap_after(urls.parsed(url))
