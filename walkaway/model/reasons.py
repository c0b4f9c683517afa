"""The reasons for a verdict, in words: exit statuses, thresholds, crashed tests."""

from __future__ import annotations

import signal

from walkaway.model import exit_codes as codes
from walkaway.model.facts import Facts


def what_failed(f: Facts) -> str:
    """Return `2 tests failed`, else `1 collection error`, else an empty string."""
    if f.bad:
        return f"{tests(f.bad)} failed"
    return count(f.collection_errors, "collection error") if f.collection_errors else ""


def threshold(f: Facts, status: int) -> str:
    """Return which missed threshold made pytest end with this status, or an empty string."""
    if f.too_many_warnings is not None and status == codes.TOO_MANY_WARNINGS:
        n, most = f.too_many_warnings
        return f"{count(n, 'warning')} of {most:,} allowed"
    if f.too_flaky and status == codes.FLAKY:
        return f"{tests(f.too_flaky)} passed only on a rerun"
    if f.too_little_coverage is not None and status == codes.FAILED:
        total, required = f.too_little_coverage
        return f"coverage {total:g} % of {required:g} % required"
    return ""


def status_text(f: Facts) -> str:
    """Return how pytest ended, pass by pass, and how its process did if that differs."""
    if f.before and f.status is not None:
        ends = [*f.before, f.status]
        parts = [f"{_end_text(end)} in pass {place}" for place, end in enumerate(ends, 1)]
        return f"pytest ended {', '.join(parts)}"
    if f.exit_code is None:
        return f"the recorder's last event says that pytest ended with {f.end}"
    if f.end is not None and f.end != f.exit_code:
        return f"pytest ended with {f.end}, its process with {f.exit_code}"
    return f"pytest ended with {f.exit_code}"


def _end_text(end: int | None) -> str:
    return "without a recorded end" if end is None else f"with {end}"


def crashed(f: Facts) -> str:
    """Return the first crashed test's id and how many more crashed; empty if none did."""
    if not f.crashed:
        return ""
    if not f.crashed_ids:
        return f"{tests(f.crashed)} crashed"
    more = f" and {f.crashed - 1:,} more" if f.crashed > 1 else ""
    return f"{f.crashed_ids[0]}{more} crashed"


def not_reported(f: Facts) -> str:
    """Return `2 of 5 tests not reported`."""
    return f"{f.missing:,} of {tests(f.expected + f.skipped_whole)} not reported"


def tests(n: int) -> str:
    """Return `1 test`, `2 tests`."""
    return count(n, "test")


def count(n: int, word: str) -> str:
    """Return a number with its noun, plural unless it is 1."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def signal_name(number: int) -> str:
    """Return `SIGKILL` for 9; `signal 77` for a number without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
