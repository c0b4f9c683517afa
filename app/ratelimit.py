"""Who may ask how often: a token bucket a client. No clock of its own: `now_s` is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` requests at once, `per_second` in the long run."""

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        if not (0 < self.per_second < float("inf") and self.burst >= 1):
            raise ValueError(f"{self} is no limit, or lets nobody in")


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


def take(bucket: Bucket | None, rate: Rate, now_s: float) -> tuple[Decision, Bucket]:
    """Take one token if there is one; what is left. A bucket that is not there yet is full."""
    filled = (bucket or Bucket(float(rate.burst), now_s)).filled(rate, now_s)
    if filled.tokens < 1:
        wait_s = (1 - filled.tokens) / rate.per_second
        return Decision(allowed=False, retry_after_s=wait_s), filled
    return Decision(allowed=True), Bucket(filled.tokens - 1, filled.at_s)


@dataclass(slots=True)
class RateLimiter:
    """Decides for each client apart."""

    rate: Rate
    _buckets: dict[str, Bucket] = field(default_factory=dict)

    def ask(self, client: str, now_s: float) -> Decision:
        """Take one token of the client's, if there is one."""
        decision, left = take(self._buckets.get(client), self.rate, now_s)
        self._buckets[client] = left
        return decision

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
