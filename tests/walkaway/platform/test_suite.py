"""The platform's own suite on a machine without Docker: green, but for what needs a browser."""

from __future__ import annotations

import re
import shutil

from tests.walkaway.platform.conftest import Suite


def counts(line: str) -> dict[str, int]:
    """Read pytest's last line."""
    return {word: int(n) for n, word in re.findall(r"(\d+) (\w+)", line.partition(" in ")[0])}


def test_the_whole_suite_is_green_on_the_embedded_default(suite: Suite) -> None:
    # In its own order, random as ever, and beside itself: two workers share five services.
    done = suite.run("-q", "-n", "2")
    assert done.returncode == 0, done.stdout[-8000:]
    found = counts(done.stdout.splitlines()[-1])
    browser = suite.run("-q", "--collect-only", "tests/e2e").stdout.count("::test_")
    there = any(map(shutil.which, ("chromium", "chromium-browser")))
    assert found.pop("skipped", 0) == (0 if there else browser)
    assert found.keys() == {"passed"}
    assert found["passed"] > browser > 0
    assert suite.processes() == {}
