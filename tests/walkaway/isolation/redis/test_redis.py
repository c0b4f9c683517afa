"""A worker's own Redis: the same tests on the fake and on a real server."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest
import redis

from tests.walkaway.support import stores as support
from tests.walkaway.support.nested import EACH_WAY, SERIAL, WAYS, Nested
from tests.walkaway.support.waiting import wait_for
from walkaway.isolation.identity import Identity
from walkaway.isolation.redis import leases, stores

KINDS = ["memory://", pytest.param("real", marks=pytest.mark.engine)]
BOTH = """
import asyncio, json, os, pytest
from pathlib import Path

@pytest.fixture(autouse=True)
def said(worker_redis):
    with open("said", "a") as file:
        file.write(json.dumps({"url": worker_redis.url, "worker": os.getpid()}) + "\\n")

def empty_then_mine(client, n):
    assert client.dbsize() == 0, client.keys()
    client.set("mine", n)
    client.lpush("list", *range(n + 1))
    assert client.get("mine") == str(n).encode()
    assert client.dbsize() == 2

@pytest.mark.parametrize("n", range(8))
def test_sync(test_redis, n):
    empty_then_mine(test_redis, n)

@pytest.mark.parametrize("n", range(8))
async def test_async(async_redis, n):
    assert await async_redis.dbsize() == 0
    await asyncio.gather(*(async_redis.set(f"k{i}", n) for i in range(5)))
    assert await async_redis.dbsize() == 5

async def test_both(test_redis, async_redis):
    test_redis.set("a", 1)
    assert await async_redis.get("a") == b"1"

def test_pubsub_and_pipeline(test_redis):
    listener = test_redis.pubsub()
    listener.subscribe("here")
    with test_redis.pipeline() as pipe:
        assert pipe.set("a", 1).incr("a").execute() == [True, 2]

@pytest.mark.parametrize("words", [("flushall",), ("SELECT", 0), ("swapdb", 0, 1)])
def test_out_of_bounds(test_redis, words):
    with pytest.raises(PermissionError, match="flushdb"):
        test_redis.execute_command(*words)

async def test_out_of_bounds_async(async_redis):
    with pytest.raises(PermissionError):
        await async_redis.flushall()

def test_fails_with_keys(test_redis):
    test_redis.set("left", 1)
    assert not os.environ.get("FAIL")
"""


def real(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True)


@pytest.fixture
def url(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    nested: Nested,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """`memory://`, or a real server without keys, of which these tests ask for all numbers."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    with contextlib.ExitStack() as stack:
        found: str = "memory://"
        if request.param != "memory://":
            found = request.getfixturevalue("redis_url")
            turn = support._common(tmp_path_factory) / "redis.turn"
            stack.enter_context(support._alone(turn))
        nested.environ["REDIS_URL"] = found
        yield found


@pytest.fixture
def server(url: str) -> redis.Redis:
    """A client of the real server's number of the services."""
    return real(url)


@pytest.mark.parametrize("way", EACH_WAY)
@pytest.mark.parametrize("url", KINDS, indirect=True)
def test_every_test_finds_an_empty_database(nested: Nested, url: str, way: str) -> None:
    nested.write("test_it.py", BOTH)
    ended = nested.run(*WAYS[way])
    assert ended.code == 0, ended
    said = nested.said("said")
    workers = len({line["worker"] for line in said})
    assert workers == {"n2": 2, "n4": 4}.get(way, 1)
    numbers = {line["url"] for line in said}
    if url == "memory://":
        assert numbers == {url}
    else:
        assert len(numbers) == workers
        assert url not in numbers
        assert _left(url) == {}


@pytest.mark.parametrize("url", KINDS, indirect=True)
def test_keys_of_a_test_that_fails_do_not_meet_the_next(nested: Nested, url: str) -> None:
    assert url
    nested.environ["FAIL"] = "1"
    nested.write(
        "test_it.py", f"{BOTH}\ndef test_next(test_redis):\n    assert test_redis.dbsize() == 0\n"
    )
    ended = nested.run(*SERIAL)
    assert [name for name, came in ended.tests.items() if came != ("passed",)] == [
        "test_fails_with_keys"
    ], ended


@pytest.mark.engine
@pytest.mark.parametrize("url", ["real"], indirect=True)
def test_what_a_killed_run_left_is_used_again_and_emptied(nested: Nested, url: str) -> None:
    nested.write(
        "test_it.py",
        """
        import os, signal
        from pathlib import Path
        def test_killed(test_redis, worker_redis):
            assert test_redis.dbsize() == 0, test_redis.keys()
            Path("number").write_text(worker_redis.url)
            if os.environ.get("KILL"):
                test_redis.set("left", 1)
                os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    nested.environ["KILL"] = "1"
    assert nested.run(*SERIAL).code == -signal.SIGKILL
    number = (nested.root / "number").read_text(encoding="utf-8")
    assert real(number).get("left") == "1"
    nested.environ["KILL"] = ""
    ended = nested.run(*SERIAL)
    assert ended.code == 0, ended
    assert (nested.root / "number").read_text(encoding="utf-8") == number
    assert _left(url) == {}


@pytest.mark.engine
@pytest.mark.parametrize("url", ["real"], indirect=True)
def test_a_run_killed_with_its_workers_holds_and_leaves_nothing_for_the_next(
    nested: Nested, url: str, server: redis.Redis
) -> None:
    nested.write(
        "test_it.py",
        BOTH
        + """
def test_waits(test_redis):
    test_redis.set("left", 1)
    Path("at-work").touch()
    while Path("hold").exists() and os.getppid() != 1:
        pass
""",
    )
    (nested.root / "hold").touch()
    with nested.popen(*WAYS["n2"]) as run:
        wait_for((nested.root / "at-work").exists, "a test at work")
        run.kill()
    (nested.root / "hold").unlink()
    (nested.root / "said").unlink()
    ended = nested.run(*WAYS["n2"])
    assert ended.code == 0, ended
    # The first run's workers end when they find their controller gone.
    wait_for(lambda: not _leases(server), "the end of all leases")
    assert _left(url) == {}


@pytest.mark.engine
@pytest.mark.parametrize("url", ["real"], indirect=True)
def test_the_services_keys_and_foreign_ones_are_never_touched(
    nested: Nested, url: str, server: redis.Redis
) -> None:
    """All numbers but two hold somebody's keys: four workers need more, and flush nobody's."""
    free = {14, 15}
    for number in set(range(16)) - free:
        real(stores.numbered(url, number)).set("precious", number)
    nested.write("test_it.py", BOTH)
    try:
        assert nested.run(*SERIAL).code == 0
        for number in set(range(16)) - free:
            assert real(stores.numbered(url, number)).get("precious") == str(number)
        who = Identity("run", "gw0")
        held = leases.take(url, who)
        with pytest.raises(leases.LeaseError) as caught:
            leases.take(url, Identity("other", "gw1"))
        first, holder, last = str(caught.value).splitlines()
        assert "worker gw1: of 16, 1 are leased by tests, 13 hold keys that no test made" in first
        assert holder.startswith("  14: run run gw0, pid ")
        assert "fewer workers (-n)" in last
        held.release()
    finally:
        for number in set(range(16)) - free:
            real(stores.numbered(url, number)).delete("precious")
    assert server.dbsize() == 0


@pytest.mark.engine
@pytest.mark.parametrize("url", ["real"], indirect=True)
def test_no_number_is_leased_twice_and_a_full_server_is_refused(
    url: str, server: redis.Redis
) -> None:
    taken = [leases.take(url, Identity("run", f"gw{n}")) for n in range(14)]
    try:
        assert {lease.number for lease in taken} == set(range(15)) - {1}
        with pytest.raises(leases.LeaseError, match="of 16, 14 are leased by tests, 0 hold"):
            leases.take(url, Identity("run", "gw15"))
        # A lease given back is had by the next.
        taken.pop(3).release()
        taken.append(leases.take(url, Identity("run", "gw16")))
        assert {lease.number for lease in taken} == set(range(15)) - {1}
    finally:
        for lease in taken:
            lease.release()
    assert server.dbsize() == 0
    assert _left(url) == {}


@pytest.mark.engine
@pytest.mark.parametrize("url", ["real"], indirect=True)
def test_a_lease_whose_connection_was_cut_is_taken_up_again_unless_another_has_it(
    url: str, server: redis.Redis
) -> None:
    mine = leases.take(url, Identity("mine", "main"))
    mine.check()
    assert _cut(server, mine) == 1
    mine.check()
    assert [client["name"] for client in _named(server, mine)], "not held again"
    assert _cut(server, mine) == 1
    other = leases.take(url, Identity("other", "main"))
    assert other.number == mine.number
    with pytest.raises(leases.LeaseError, match="another run took it"):
        mine.check()
    other.check()
    mine.release()
    other.release()
    assert _left(url) == {}


def test_a_url_of_another_kind_is_refused(nested: Nested) -> None:
    nested.environ["REDIS_URL"] = "amqp://me:secret@here"
    nested.write("test_it.py", "def test_it(test_redis): pass")
    ended = nested.run(*SERIAL)
    assert (
        "REDIS_URL 'amqp://me:***@here': redis://, rediss://, unix:// or memory:// is needed"
        in ended.text
    )
    assert "Traceback" not in ended.text


def test_a_server_that_is_away_is_named(nested: Nested) -> None:
    nested.environ["REDIS_URL"] = "redis://127.0.0.1:1/0"
    nested.write("test_it.py", "def test_it(test_redis): pass")
    ended = nested.run(*SERIAL)
    assert ended.tests == {"test_it": ("error",)}
    assert "Redis at 127.0.0.1:1, of REDIS_URL: " in ended.text
    assert "During handling of" not in ended.text
    assert "memory:// needs no server" in ended.text


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("redis://h:1/0?db=2&socket_timeout=3", "redis://h:1/7?socket_timeout=3"),
        ("rediss://u:p@h", "rediss://u:p@h/7"),
        ("unix:///run/redis.sock?db=2", "unix:///run/redis.sock?db=7"),
    ],
)
def test_a_url_gets_another_number(given: str, wanted: str) -> None:
    assert stores.numbered(given, 7) == wanted


def test_nothing_of_redis_is_imported_before_it_is_used(nested: Nested) -> None:
    nested.write(
        "test_it.py",
        """
        import sys
        def test_it():
            assert not {"redis", "fakeredis", "sqlalchemy"} & set(sys.modules)
        """,
    )
    ended = nested.run(*SERIAL, cold=True)
    assert ended.code == 0, ended


def _left(url: str) -> dict[str, object]:
    """Return the server's numbers that hold keys, besides the registry with no entry."""
    found = dict(real(url).info("keyspace"))
    registry = real(stores.numbered(url, 15))
    if registry.smembers("walkaway:numbers") == {"-"}:
        found.pop("db15")
    return found


def _leases(server: redis.Redis) -> list[str]:
    names = [client["name"] for client in server.client_list()]
    return [name for name in names if name.startswith("walkaway-")]


def _named(server: redis.Redis, lease: leases.Lease) -> list[dict[str, str]]:
    start = f"walkaway-{lease.number}-"
    return [client for client in server.client_list() if client["name"].startswith(start)]


def _cut(server: redis.Redis, lease: leases.Lease) -> int:
    for client in (found := _named(server, lease)):
        server.client_kill(client["addr"])
    wait_for(lambda: not _named(server, lease), "the connection's end")
    return len(found)
