"""Buckets in Redis, shared by all gateways: read, filled and taken from in one transaction.

The arithmetic is `app.ratelimit`; here is only what makes it atomic. Raises redis' `RedisError`
when Redis does not answer: then nobody is let in.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import WatchError

from app.ratelimit import Bucket, Decision, Rate, take

ATTEMPTS = 20
"""Each that fails means that another gateway took a token of the same client meanwhile."""


@dataclass(frozen=True, slots=True)
class Limits:
    redis: Redis
    # Within one gateway they queue: only gateways meet at a bucket.
    _queues: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def ask(self, client: str, rate: Rate, now_s: float | None = None) -> Decision:
        """Take one of the client's tokens, if there is one."""
        key = f"rate:{client}"
        queue = self._queues.setdefault(key, asyncio.Lock())
        async with queue, self.redis.pipeline(transaction=True) as pipe:
            for _ in range(ATTEMPTS):
                try:
                    return await _taken(pipe, key, rate, time.time() if now_s is None else now_s)
                except WatchError:
                    continue
        return Decision(allowed=False, retry_after_s=1 / rate.per_second)


async def _taken(pipe: Pipeline, key: str, rate: Rate, now_s: float) -> Decision:
    await pipe.watch(key)
    decision, left = take(_bucket(await pipe.get(key)), rate, now_s)
    pipe.multi()  # type: ignore[no-untyped-call]  # redis' own
    # Once it would be full again it says no more than none.
    full_s = math.ceil(rate.burst / rate.per_second) + 1
    pipe.set(key, f"{left.tokens!r} {left.at_s!r}", ex=full_s)
    await pipe.execute()
    return decision


def _bucket(stored: bytes | str | None) -> Bucket | None:
    return Bucket(*map(float, stored.split())) if stored else None


def lowered(rate: Rate, given: str) -> Rate:
    """Return the rate that a test asks for, `PER_SECOND/BURST`; never more than `rate`."""
    per_second, _, burst = given.partition("/")
    try:
        asked = Rate(float(per_second), int(burst))
    except ValueError:
        raise ValueError(f"{given!r} is not PER_SECOND/BURST") from None
    return Rate(min(asked.per_second, rate.per_second), min(asked.burst, rate.burst))
