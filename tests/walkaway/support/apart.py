"""What the tests' checkouts leave in the user's own folders goes to a folder of the session's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest import mock

import pytest


@pytest.fixture(scope="session", autouse=True)
def state_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("state")
    with mock.patch.dict(os.environ, {"XDG_STATE_HOME": str(folder)}):
        yield
