"""`.ci/engine` where an engine answers already: nothing is left to do, and it says what to set."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.walkaway.support.checkout import REPOSITORY, clean_environment
from tests.walkaway.support.engine import docker

pytestmark = pytest.mark.engine


def test_what_it_prints_names_images_that_are_there() -> None:
    done = subprocess.run(
        [".ci/engine"],
        cwd=REPOSITORY,
        env=clean_environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=True,
    )
    # Nothing is printed where official images are used.
    for line in done.stdout.splitlines():
        found = re.fullmatch(r"export (POSTGRES|REDIS)_IMAGE=(walkaway-\w+:\d+)", line)
        assert found, line
        docker("image", "inspect", found[2])


def test_it_names_no_registry() -> None:
    for path in (REPOSITORY / ".ci").rglob("*"):
        if path.is_file():
            assert not re.search(r"\w+://", path.read_text(encoding="utf-8")), path
