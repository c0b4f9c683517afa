"""Lease a database number of a Redis server to one worker for as long as it lives.

The lease is the name of one open connection, so the server ends it when its owner dies, however
that happens. A set in a database of its own, the registry, records which numbers hold keys of
tests. So the numbers of dead owners are used again, and a number with somebody else's keys never
is.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from walkaway.isolation.identity import Identity

if TYPE_CHECKING:
    import redis

_REGISTRY: Final = "walkaway:numbers"
"""Set of the numbers whose keys belong to tests."""
_NAME = re.compile(r"walkaway-(\d+)-([a-z0-9]+)-([a-z0-9]+)-(\d+)@.*")
_USUAL: Final = 16
"""Number of databases when the server does not say how many it has."""
_PASSES: Final = 20
_PAUSE_S: Final = 0.1
"""Pause before the next pass. Workers that ask at the same moment all carry a number's name until
they see that they were second.
"""
_JOIN_REGISTRY: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 and redis.call('DBSIZE') > 0 then return 0 end
redis.call('SADD', KEYS[1], ARGV[1])
return 1
"""


class LeaseError(Exception):
    """No number is available, or a lease was lost. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of a lease."""

    number: int
    run: str
    worker: str
    pid: int
    age_s: int

    def __str__(self) -> str:
        return f"{self.number}: run {self.run} {self.worker}, pid {self.pid}, for {self.age_s} s"


class Lease:
    """A database number, held by a connection until `release` or the end of this process."""

    def __init__(self, connection: redis.Redis, registry: int, number: int, name: str) -> None:
        self._connection, self._registry, self._name = connection, registry, name
        self.number: Final = number

    def check(self) -> None:
        """Check that the number is still ours: a server that restarts forgets its clients.

        Raises LeaseError when somebody else has taken it meanwhile.
        """
        if self._connection.client_getname() != self._name:
            if not _claimed(self._connection, self._name, self.number):
                self._connection.client_setname("")
                raise LeaseError(
                    f"Redis database {self.number} was lost: the connection that leased it was "
                    "closed, and another run took it.\nRun the tests again."
                )
            _record(self._connection, self._registry, self.number)

    def release(self) -> None:
        """Empty the database and give its number back."""
        try:
            if self._connection.client_getname() == self._name:
                self._connection.select(self.number)
                self._connection.flushdb()
                self._connection.select(self._registry)
                self._connection.srem(_REGISTRY, self.number)
        finally:
            self._connection.connection_pool.disconnect()


def take(url: str, who: Identity) -> Lease:
    """Lease and empty a database number of the server at ``url``, never the one in the URL.

    Raises LeaseError when all are taken.
    """
    import redis

    # Exactly one connection: it is the lease.
    pool = redis.ConnectionPool.from_url(url, max_connections=1, decode_responses=True)
    connection = redis.Redis(connection_pool=pool)
    given: dict[str, Any] = pool.connection_kwargs
    try:
        return _taken(connection, int(given.get("db") or 0), who)
    except redis.RedisError as error:
        pool.disconnect()
        raise LeaseError(
            f"Redis at {_shown(given)}, of REDIS_URL: {error}\n"
            "Start it, or correct REDIS_URL; memory:// needs no server."
        ) from error
    except BaseException:
        pool.disconnect()
        raise


def _taken(connection: redis.Redis, services: int, who: Identity) -> Lease:
    count = _count(connection)
    free = [number for number in range(count) if number != services]
    registry = _joined_registry(connection, free)
    free.remove(registry)
    before: set[int] = set()
    for _ in range(_PASSES):
        held = {holder.number for holder in _holders(connection)}
        recorded = _recorded(connection, registry)
        # First the numbers of dead runs, so that their keys do not stay. Then from the top down,
        # because people use the low numbers.
        for number in sorted(free, key=lambda number: (str(number) not in recorded, -number)):
            if number in held or not _ours(connection, number, recorded):
                continue
            name = f"walkaway-{number}-{who.run}-{who.worker}-{os.getpid()}@{_host()}"
            if _claimed(connection, name, number):
                # Check again: meanwhile the number may have been leased, given back and used by
                # others.
                if _ours(connection, number, _recorded(connection, registry)):
                    _record(connection, registry, number)
                    connection.select(number)
                    connection.flushdb()
                    return Lease(connection, registry, number, name)
                connection.client_setname("")
        connection.client_setname("")
        if held == before:
            break
        before = held
        time.sleep(_PAUSE_S)
    raise LeaseError(_none_left(count, services, registry, _holders(connection), who))


def _none_left(
    count: int, services: int, registry: int, holders: Sequence[Holder], who: Identity
) -> str:
    foreign = count - 2 - len(holders)
    first = (
        f"no Redis database is left for worker {who.worker}: of {count}, {len(holders)} are leased "
        f"by tests, {foreign} hold keys that no test made, {services} is the services' own and "
        f"{registry} records the leases"
    )
    last = (
        "Wait for those runs or stop them, take fewer workers (-n), or give the server more "
        "(`redis-server --databases 64`)."
    )
    return "\n".join((first, *(f"  {holder}" for holder in holders), last))


def _claimed(connection: redis.Redis, name: str, number: int) -> bool:
    """Name the connection after a number. Return whether it is the only one with that name.

    Both commands run in one transaction: of two workers that ask at once, the second sees the
    first. It cannot happen that neither sees the other.
    """
    with connection.pipeline(transaction=True) as both:
        both.client_setname(name)
        both.client_list()
        clients = both.execute()[1]
    return sum(holder.number == number for holder in _read(clients)) == 1


def _holders(connection: redis.Redis) -> list[Holder]:
    return sorted(_read(connection.client_list()), key=lambda holder: holder.number)


def _read(clients: Sequence[dict[str, str]]) -> list[Holder]:
    found = []
    for client in clients:
        if match := _NAME.fullmatch(client.get("name", "")):
            number, run, worker, pid = match.groups()
            found.append(Holder(int(number), run, worker, int(pid), int(client["age"])))
    return found


def _joined_registry(connection: redis.Redis, free: Sequence[int]) -> int:
    """Return the highest number that is the registry already, or is empty and becomes it.

    The server decides for each number, so all workers end up with the same one.
    """
    for number in reversed(free):
        connection.select(number)
        # An empty member, because Redis deletes a set without members.
        if connection.eval(_JOIN_REGISTRY, 1, _REGISTRY, "-"):
            return number
    raise LeaseError(
        "no Redis database is empty: every number holds keys that no test made\n"
        "Empty one (`redis-cli -n NUMBER flushdb`), or give the tests a server of their own."
    )


def _recorded(connection: redis.Redis, registry: int) -> set[str]:
    connection.select(registry)
    return {str(member) for member in connection.smembers(_REGISTRY)}


def _record(connection: redis.Redis, registry: int, number: int) -> None:
    connection.select(registry)
    connection.sadd(_REGISTRY, number)


def _ours(connection: redis.Redis, number: int, recorded: set[str]) -> bool:
    """Return whether flushing a number destroys nobody else's keys."""
    connection.select(number)
    return str(number) in recorded or connection.dbsize() == 0


def _count(connection: redis.Redis) -> int:
    import redis

    with suppress(redis.ResponseError):  # hosted servers forbid CONFIG
        return int(connection.config_get("databases").get("databases") or _USUAL)
    return _USUAL


def _host() -> str:
    return re.sub(r"[^!-~]", "", socket.gethostname())


def _shown(given: dict[str, Any]) -> str:
    return str(given.get("path") or f"{given.get('host', 'localhost')}:{given.get('port', 6379)}")
