"""Services that are slow, hang or fail at times: what the others make of it, and in what bound."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import httpx
import pytest

from tests.fixtures.apart import StartApart
from tests.fixtures.embedded import ROOT
from tests.fixtures.factories import MakeConversation

BOUND_S = 60.0


def test_a_service_that_is_not_ready_yet_is_unwell_and_gets_well(
    client: httpx.Client, start_apart: StartApart
) -> None:
    kb = start_apart("kb", FAULT_SLOW_READY_S="0.5").urls["kb"]
    first = client.get(f"{kb}/health")
    assert (first.status_code, first.json()) == (503, {"detail": "FAULT_SLOW_READY_S"})
    deadline = time.monotonic() + BOUND_S
    while client.get(f"{kb}/health").status_code != 200:
        assert time.monotonic() < deadline, "never ready"


def test_a_service_that_hangs_is_a_504_and_one_that_is_away_a_503_and_others_go_on(
    client: httpx.Client, make_conversation: MakeConversation, start_apart: StartApart
) -> None:
    talk = make_conversation()
    headers = talk.owner.headers
    made = start_apart(
        "gateway",
        "chat",
        FAULT_HANG_PATH="/conversations",
        UPSTREAM_TIMEOUT_S="3",
        KB_SERVICE_URL="http://127.0.0.1:1",
    )
    hung = client.get(f"{made.api}/conversations", headers=headers)
    assert (hung.status_code, hung.json()) == (504, {"detail": "chat took too long to answer"})
    away = client.get(f"{made.api}/kb/documents", headers=headers)
    assert (away.status_code, away.json()) == (503, {"detail": "kb does not answer"})
    assert client.get(f"{made.api}{talk.url}", headers=headers).status_code == 200
    assert client.get(f"{made.api}/auth/me", headers=headers).status_code == 200


def test_a_flaky_service_fails_as_often_as_it_is_told(
    client: httpx.Client, start_apart: StartApart
) -> None:
    chat = start_apart("chat", FAULT_FLAKY_RATE="0.25").urls["chat"]
    nobody = {"X-User-Id": "2147483"}
    statuses = [client.get(f"{chat}/conversations", headers=nobody).status_code for _ in range(12)]
    assert statuses == [200, 200, 200, 503] * 3
    assert client.get(f"{chat}/health").status_code == 200


@pytest.mark.security
def test_outside_of_a_test_environment_a_fault_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.chat"],
        cwd=ROOT,
        env={**os.environ, "PORT": "0", "ENVIRONMENT": "", "FAULT_FLAKY_RATE": "0.5"},
        capture_output=True,
        encoding="utf-8",
        timeout=BOUND_S,
        check=False,
    )
    assert done.returncode == 78, done.stderr
    assert "chat does not start: FAULT_FLAKY_RATE: faults are for ENVIRONMENT=test" in done.stderr
