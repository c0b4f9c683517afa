"""Buckets in Redis: shared, atomic, and gone once they say nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from app.gateway.limits import ATTEMPTS, Limits, lowered
from app.ratelimit import Decision, Rate

RATE = Rate(per_second=2.0, burst=3)


@pytest.fixture
async def limits() -> AsyncIterator[Limits]:
    async with FakeAsyncRedis() as redis:
        yield Limits(redis)


async def test_a_burst_is_let_in_and_the_next_is_told_when_to_return(limits: Limits) -> None:
    assert [(await limits.ask("ann", RATE, 5.0)).allowed for _ in range(3)] == [True] * 3
    assert await limits.ask("ann", RATE, 5.0) == Decision(allowed=False, retry_after_s=0.5)
    assert (await limits.ask("ann", RATE, 5.5)).allowed
    assert (await limits.ask("bob", RATE, 5.0)).allowed


async def test_of_many_at_once_no_more_are_let_in_than_the_bucket_holds() -> None:
    server = FakeServer()
    async with FakeAsyncRedis(server=server) as one, FakeAsyncRedis(server=server) as two:
        gateways = (Limits(one), Limits(two))
        asked = [gateways[n % 2].ask("ann", Rate(0.001, 5), 1.0) for n in range(40)]
        decisions = await asyncio.gather(*asked)
    assert sum(decision.allowed for decision in decisions) == 5


async def test_a_bucket_that_would_be_full_again_is_gone(limits: Limits) -> None:
    await limits.ask("ann", RATE, 5.0)
    assert 0 < await limits.redis.ttl("rate:ann") <= 3


async def test_who_never_gets_at_the_bucket_is_turned_away(
    limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0
    watch = type(limits.redis.pipeline()).watch

    async def meddled(pipe: object, *keys: str) -> object:
        nonlocal tries
        tries += 1
        watched = await watch(pipe, *keys)  # type: ignore[arg-type]  # the class of the pipeline
        await limits.redis.set("rate:ann", "1.0 1.0")
        return watched

    monkeypatch.setattr(type(limits.redis.pipeline()), "watch", meddled)
    assert not (await limits.ask("ann", RATE, 5.0)).allowed
    assert tries == ATTEMPTS


@pytest.mark.parametrize(
    ("given", "rate"),
    [("1/2", Rate(1.0, 2)), ("0.5/99", Rate(0.5, 3)), ("99/1", Rate(2.0, 1))],
)
def test_a_rate_is_lowered_and_never_raised(given: str, rate: Rate) -> None:
    assert lowered(RATE, given) == rate


@pytest.mark.parametrize("given", ["", "1", "0/5", "-1/5", "1/0", "nan/5", "x/y", "1/1.5"])
def test_what_is_no_rate_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="is not PER_SECOND/BURST"):
        lowered(RATE, given)
