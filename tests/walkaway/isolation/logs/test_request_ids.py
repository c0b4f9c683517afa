"""Every request of a test carries an id that is made of the test."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.walkaway.isolation.logs.nested import made
from walkaway.model import test_key

ASKS = """
    import asyncio, json, logging, pathlib
    import httpx
    import pytest
    from walkaway.isolation.logs import request_ids as requests

    def answer(request):
        return httpx.Response(200, json=dict(request.headers))

    def sync():
        hooks = {"request": [requests.stamp]}
        with httpx.Client(transport=httpx.MockTransport(answer), event_hooks=hooks) as client:
            return [client.get("http://x/").json()["x-request-id"] for _ in range(2)]

    async def many():
        hooks = {"request": [requests.stamp_async]}
        async with httpx.AsyncClient(
            transport=httpx.MockTransport(answer), event_hooks=hooks
        ) as client:
            found = await asyncio.gather(*(client.get("http://x/") for _ in range(3)))
            return [one.json()["x-request-id"] for one in found]

    def keep(request, ids):
        name = request.node.name + "-" + str(getattr(request.node, "execution_count", 1))
        pathlib.Path(f"{name}.json").write_text(json.dumps(ids))

    @pytest.mark.parametrize("n", range(3))
    def test_it(request, next_request_id, n):
        ids = [*sync(), *asyncio.run(many()), next_request_id()]
        keep(request, ids)
        logging.getLogger("x").info("after")
        assert requests.headers() == {"X-Request-Id": requests.request_id.get()}
        own = httpx.Request("GET", "http://x/", headers={"X-Request-Id": "mine"})
        requests.stamp(own)
        assert own.headers["x-request-id"] == "mine"
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_ids_are_made_of_run_node_id_and_attempt(tmp_path: Path, workers: int) -> None:
    nested = made(tmp_path, ASKS)
    nested.run(*nested.workers(workers))
    seen = set()
    for n in range(3):
        ids = json.loads((tmp_path / f"test_it[{n}]-1.json").read_bytes())
        (line,) = [
            row
            for row in nested.lines()
            if row["message"] == "after" and row["node"].endswith(f"[{n}]")
        ]
        key = test_key.key(line["run"], line["node"], 1)
        assert sorted(ids) == [f"{key}.{number}" for number in range(1, 7)]
        assert line["request_id"] == ids[-1]
        assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,128}", one) for one in ids)
        seen.update(ids)
    assert len(seen) == 18


def test_a_test_that_is_run_again_has_another_key(tmp_path: Path) -> None:
    source = ASKS + "        assert requests.request_id.get() == 'never'\n"
    nested = made(tmp_path, source)
    nested.run("-p", "rerunfailures", "--reruns", "2", "-k", "test_it[1]", code=1)
    keys = []
    for attempt in (1, 2, 3):
        ids = json.loads((tmp_path / f"test_it[1]-{attempt}.json").read_bytes())
        assert ids[0].endswith(f"-{attempt}.1")
        keys.append(ids[0].partition(".")[0].rpartition("-")[0])
    assert len(set(keys)) == 1
    assert [row["attempt"] for row in nested.lines() if row["message"] == "after"] == [1, 2, 3]


def test_what_is_logged_before_a_tests_first_request_belongs_to_none(tmp_path: Path) -> None:
    source = """
        import logging
        from walkaway.isolation.logs import request_ids as requests
        def test_a():
            requests.new_id()
            logging.getLogger("x").info("with")
        def test_b():
            logging.getLogger("x").info("without")
    """
    nested = made(tmp_path, source)
    nested.run("-p", "no:randomly")
    assert [bool(row.get("request_id")) for row in nested.lines()] == [True, False]


def test_outside_of_a_pytest_of_ours_there_is_an_id_all_the_same(tmp_path: Path) -> None:
    from walkaway.isolation.logs import request_ids

    del tmp_path
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", request_ids.new_id())


def test_keys_differ_by_run_and_test() -> None:
    assert test_key.key("r", "a::b", 1) == test_key.key("r", "a::b", 1)
    keys = {test_key.key(run, node, n) for run in "rs" for node in ("a", "b") for n in (1, 2)}
    assert len(keys) == 8
    assert test_key.key("r", "a", 2).startswith(test_key.prefix("r", "a"))
