"""Fixtures for the worker's own Redis: `test_redis`, `async_redis` and what they build on.

PYTEST_DONT_REWRITE: see walkaway.isolation.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from walkaway.isolation import async_fixture, identity, leak_watch, missing_library
from walkaway.isolation.redis import leases, stores
from walkaway.isolation.redis.leak_watch import KeysWatch

if TYPE_CHECKING:
    import redis
    import redis.asyncio

pytest_plugins = ("walkaway.isolation.async_fixture",)


@pytest.fixture(scope="session")
def redis_url() -> str:
    """URL of the Redis server: `REDIS_URL`, or `memory://` without it. Scope: session.

    Tests never use the database number in this URL: it belongs to the services.
    """
    return os.environ.get("REDIS_URL") or stores.MEMORY


@pytest.fixture(scope="session")
def redis_options() -> Mapping[str, Any]:
    """Options for every Redis client, such as `{"decode_responses": True}`.

    Default: none. Override it in conftest.py. Scope: session.
    """
    return {}


@pytest.fixture(scope="session")
def worker_redis(redis_url: str, pytestconfig: pytest.Config) -> Iterator[stores.Store]:
    """The Redis of this worker: a database number of the server, leased until the worker ends.

    Its `url` is for code under test that connects by itself. Scope: session.
    """
    library = "fakeredis" if redis_url == stores.MEMORY else "redis"
    # Names all three fixtures: pytest repeats a session fixture's error for every test that asks.
    missing_library.need("test_redis, async_redis or worker_redis", "redis", library)
    try:
        store = stores.opened(redis_url, identity.of(pytestconfig))
    except (leases.LeaseError, ValueError) as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    watch = KeysWatch(store)
    leak_watch.add(pytestconfig, watch)
    try:
        yield store
    finally:
        leak_watch.remove(pytestconfig, watch)
        store.close()


@pytest.fixture
def emptied_redis(worker_redis: stores.Store) -> Iterator[stores.Store]:
    """The worker's Redis (see `worker_redis`), emptied after the test. Scope: function."""
    try:
        worker_redis.check()
    except leases.LeaseError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    yield worker_redis
    worker_redis.flush()


@pytest.fixture
def test_redis(
    emptied_redis: stores.Store, redis_options: Mapping[str, Any]
) -> Iterator[redis.Redis]:
    """A Redis client for the worker's own database, empty before and after each test.

    Scope: function.
    """
    client = emptied_redis.client(**redis_options)
    yield client
    client.close()


@async_fixture.fixture
async def async_redis(
    emptied_redis: stores.Store, redis_options: Mapping[str, Any]
) -> AsyncIterator[redis.asyncio.Redis]:
    """An asynchronous Redis client; otherwise like `test_redis`.

    Needs pytest-asyncio. Scope: function.
    """
    client = emptied_redis.async_client(**redis_options)
    yield client
    await client.aclose()
