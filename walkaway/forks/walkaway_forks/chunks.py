"""Cut the collected tests into chunks, in the order in which workers take them. Pure.

Tests that share module, class or package fixtures stay together. Without such fixtures a module may
be cut anywhere. Chunks shrink towards the end, so that no worker lags behind.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence

_ROUNDS = 4
"""A chunk is 1/_ROUNDS of each worker's share of what is left: small enough to balance the load,
large enough to cost nothing.
"""
# The parent writes all chunk numbers, four bytes each, to a pipe before anybody reads. So they must
# fit its buffer, 64 KB on Linux.
_MOST_CHUNKS = 4096


class Chunk(NamedTuple):
    """Consecutive tests, by index: `range(start, stop)`."""

    start: int
    stop: int


class Trait(NamedTuple):
    """What matters about a test here. Tests with an equal group must run in one worker."""

    group: Optional[str]
    """None: it may run in any worker."""
    seconds: Optional[float]


def plan(traits: Sequence[Trait], workers: int) -> list[Chunk]:
    """Return chunks that hold each test once, longest first where durations are known."""
    pieces = _pieces(traits)
    if any(trait.seconds is not None for trait in traits):
        return _longest_first(traits, pieces, workers)
    return _shrinking(pieces, len(traits), workers)


def _pieces(traits: Sequence[Trait]) -> list[Chunk]:
    """Return the smallest parts that must stay together, in order."""
    pieces: list[Chunk] = []
    start = 0
    for index in range(1, len(traits) + 1):
        whole = index < len(traits) and (
            traits[index].group is not None and traits[index].group == traits[start].group
        )
        if not whole:
            pieces.append(Chunk(start, index))
            start = index
    return pieces


def _shrinking(pieces: Sequence[Chunk], total: int, workers: int) -> list[Chunk]:
    """Join neighbours into chunks that are a share of what is left: guided self-scheduling."""
    least = max(1, total // _MOST_CHUNKS)
    chunks: list[Chunk] = []
    start = stop = 0
    size = max(least, total // (workers * _ROUNDS))
    for piece in pieces:
        stop = piece.stop
        if stop - start >= size:
            chunks.append(Chunk(start, stop))
            start = stop
            size = max(least, (total - stop) // (workers * _ROUNDS))
    if stop > start:
        chunks.append(Chunk(start, stop))
    return chunks


def _longest_first(traits: Sequence[Trait], pieces: Sequence[Chunk], workers: int) -> list[Chunk]:
    """Join short neighbours, then sort by known time. A test without one counts as the mean."""
    known = [trait.seconds for trait in traits if trait.seconds is not None]
    mean = sum(known) / len(known) if known else 0.0

    def seconds(chunk: Chunk) -> float:
        part = traits[chunk.start : chunk.stop]
        return sum(mean if trait.seconds is None else trait.seconds for trait in part)

    target = seconds(Chunk(0, len(traits))) / (workers * _ROUNDS * _ROUNDS)
    least = max(1, len(traits) // _MOST_CHUNKS)
    chunks: list[tuple[float, Chunk]] = []
    start, took = 0, 0.0
    for piece in pieces:
        own = seconds(piece)
        if piece.start > start and took + own > target and piece.start - start >= least:
            chunks.append((took, Chunk(start, piece.start)))
            start, took = piece.start, 0.0
        took += own
    if traits:
        chunks.append((took, Chunk(start, len(traits))))
    return [chunk for _, chunk in sorted(chunks, key=lambda row: (-row[0], row[1].start))]
