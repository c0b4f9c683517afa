"""Redis by its URL; `memory://` is one inside the process, for tests."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.settings import Environ, RefusedError

MEMORY = "memory://"
_BOUND_S = 2.0


def connect(environ: Environ) -> Redis:
    """Make the client; nothing is opened before it is used."""
    url = environ.text("REDIS_URL")
    if url.startswith(MEMORY):
        if not environ.is_test:
            raise RefusedError(f"REDIS_URL is {url!r}: that is for ENVIRONMENT=test.")
        from fakeredis import FakeAsyncRedis

        return FakeAsyncRedis()
    # One more try, at once: for a connection that was open when Redis restarted.
    return Redis.from_url(
        url,
        socket_timeout=_BOUND_S,
        socket_connect_timeout=_BOUND_S,
        retry=Retry(NoBackoff(), 1),
    )
