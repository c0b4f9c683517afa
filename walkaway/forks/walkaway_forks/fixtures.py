"""pytest-xdist's fixtures by which a test knows its worker, for when pytest-xdist is not there."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """Name of this worker: `gw0`, `gw1` …; `master` in a process that is no worker."""
    given: Any = getattr(request.config, "workerinput", None)
    return str(given["workerid"]) if given else "master"


@pytest.fixture(scope="session")
def testrun_uid(request: pytest.FixtureRequest) -> str:
    """Id that all workers of this run share; empty in a process that is no worker."""
    given: Any = getattr(request.config, "workerinput", None)
    return str(given["testrunuid"]) if given else ""
