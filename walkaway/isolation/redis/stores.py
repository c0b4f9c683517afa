"""A worker's own Redis: a leased number of a real server, or a fake server in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from walkaway.isolation.identity import Identity
from walkaway.isolation.logs.masking import masked
from walkaway.isolation.redis import leases

if TYPE_CHECKING:
    import redis
    import redis.asyncio

T = TypeVar("T")
MEMORY: Final = "memory://"
_OUT_OF_BOUNDS: Final = {"FLUSHALL", "SELECT", "SWAPDB", "MOVE", "SHUTDOWN"}
"""Commands that reach beyond the worker's own number, to the services' or other workers' data."""
_SCHEMES: Final = {"redis", "rediss", "unix"}


class Store(Protocol):
    """The Redis of one worker."""

    @property
    def url(self) -> str:
        """URL for code under test in this process; `memory://` for the fake."""

    def client(self, **options: Any) -> redis.Redis:  # noqa: ANN401 - whatever redis-py takes
        """Return a new client. The caller closes it."""

    def async_client(self, **options: Any) -> redis.asyncio.Redis:  # noqa: ANN401 - as above
        """Return a new asynchronous client. The caller closes it."""

    def check(self) -> None:
        """Check that the lease still holds. Raises leases.LeaseError if not."""

    def keys(self) -> frozenset[bytes]:
        """Return all keys."""

    def remove(self, keys: frozenset[bytes]) -> None:
        """Delete these keys."""

    def flush(self) -> None:
        """Delete all keys."""

    def close(self) -> None:
        """Give the Redis back."""


def opened(url: str, who: Identity) -> Store:
    """Return this worker's Redis on the server at ``url``. The caller closes it.

    Raises leases.LeaseError when the server has no number left, ValueError for an unknown kind of
    URL.
    """
    scheme = url.partition(":")[0]
    if url == MEMORY:
        return Fake()
    if scheme not in _SCHEMES:
        raise ValueError(
            f"REDIS_URL {masked(url)!r}: redis://, rediss://, unix:// or {MEMORY} is needed"
        )
    return Leased(url, leases.take(url, who))


class _Admin:
    """What both stores do with their keys, through one client of their own."""

    def __init__(self, client: redis.Redis) -> None:
        self._client: Final = client

    def keys(self) -> frozenset[bytes]:
        if not self._client.dbsize():
            return frozenset()
        return frozenset(self._client.scan_iter(count=1000))

    def remove(self, keys: frozenset[bytes]) -> None:
        if keys:
            self._client.delete(*keys)

    def flush(self) -> None:
        self._client.flushdb()


class Leased(_Admin):
    """A database number of a real server."""

    def __init__(self, url: str, lease: leases.Lease) -> None:
        import redis

        self._lease = lease
        self.url: Final = numbered(url, lease.number)
        super().__init__(redis.Redis.from_url(self.url))

    def client(self, **options: Any) -> redis.Redis:  # noqa: ANN401 - whatever redis-py takes
        import redis

        return _within(redis.Redis).from_url(self.url, **options)

    def async_client(self, **options: Any) -> redis.asyncio.Redis:  # noqa: ANN401 - as above
        import redis.asyncio

        return _within(redis.asyncio.Redis).from_url(self.url, **options)

    def check(self) -> None:
        self._lease.check()

    def close(self) -> None:
        self._client.close()
        self._lease.release()


class Fake(_Admin):
    """A server in this process, which no other process sees."""

    url = MEMORY

    def __init__(self) -> None:
        import fakeredis

        self._server = fakeredis.FakeServer(version=(7,))
        super().__init__(fakeredis.FakeRedis(server=self._server))

    def client(self, **options: Any) -> redis.Redis:  # noqa: ANN401 - whatever redis-py takes
        import fakeredis

        made: redis.Redis = _within(fakeredis.FakeRedis)(server=self._server, **options)
        return made

    def async_client(self, **options: Any) -> redis.asyncio.Redis:  # noqa: ANN401 - as above
        import fakeredis

        made: redis.asyncio.Redis = _within(fakeredis.FakeAsyncRedis)(
            server=self._server, **options
        )
        return made

    def check(self) -> None:
        pass

    def close(self) -> None:
        self._client.close()


def numbered(url: str, number: int) -> str:
    """Return a Redis URL with another database number."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "db"]
    if parts.scheme == "unix":
        return f"unix://{parts.netloc}{parts.path}?{urlencode([*query, ('db', str(number))])}"
    return urlunsplit(parts._replace(path=f"/{number}", query=urlencode(query)))


def _within(client: type[T]) -> type[T]:
    """Return a client class that refuses commands that reach beyond its own number."""

    def execute_command(self: T, *args: Any, **options: Any) -> object:  # noqa: ANN401
        word = str(args[0]).upper() if args else ""
        if word in _OUT_OF_BOUNDS:
            raise PermissionError(
                f"{word} reaches other workers' databases and the services': this test has one "
                "number. Use flushdb() to empty it."
            )
        call = cast("Callable[..., object]", client.execute_command)  # type: ignore[attr-defined]  # both kinds have it
        return call(self, *args, **options)

    return type(client.__name__, (client,), {"execute_command": execute_command})
