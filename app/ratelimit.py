"""Who may ask how often: a token bucket a client. No clock of its own: `now_s` is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` requests at once, `per_second` in the long run."""

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.burst < 1:
            raise ValueError(f"{self} lets nobody in")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Tokens that were left at `at_s`."""

    tokens: float
    at_s: float

    def filled(self, rate: Rate, now_s: float) -> Bucket:
        """The bucket at `now_s`. A clock that went back fills nothing and empties nothing."""
        elapsed_s = max(0.0, now_s - self.at_s)
        tokens = min(float(rate.burst), self.tokens + elapsed_s * rate.per_second)
        return Bucket(tokens, max(now_s, self.at_s))


@dataclass(frozen=True, slots=True)
class Decision:
    """`retry_after_s` is 0 when allowed, else the seconds until the next request would be."""

    allowed: bool
    retry_after_s: float = 0.0


@dataclass(slots=True)
class RateLimiter:
    """Decides for each client apart."""

    rate: Rate
    _buckets: dict[str, Bucket] = field(default_factory=dict)

    def ask(self, client: str, now_s: float) -> Decision:
        """Take one token of the client's, if there is one."""
        bucket = self._buckets.get(client, Bucket(float(self.rate.burst), now_s))
        bucket = bucket.filled(self.rate, now_s)
        if bucket.tokens < 1:
            self._buckets[client] = bucket
            return Decision(allowed=False, retry_after_s=(1 - bucket.tokens) / self.rate.per_second)
        self._buckets[client] = Bucket(bucket.tokens - 1, bucket.at_s)
        return Decision(allowed=True)

    def forget_idle(self, now_s: float) -> int:
        """Drop the buckets that are full again, which says as much as none; returns how many."""
        full = [
            client
            for client, bucket in self._buckets.items()
            if bucket.filled(self.rate, now_s).tokens >= self.rate.burst
        ]
        for client in full:
            del self._buckets[client]
        return len(full)
