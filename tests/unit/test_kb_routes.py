"""kb: documents are put, read, found and removed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.kb.api import application
from tests.unit.served import asked, environ


@pytest.fixture
async def kb(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with asked(application(environ(tmp_path))) as client:
        yield client


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


async def test_a_document_is_put_read_replaced_and_removed(kb: httpx.AsyncClient) -> None:
    url = "/documents/guide/first%20steps.md"
    assert (await kb.put(url, json={"content": "one"})).status_code == 201
    again = await kb.put(url, json={"content": "two"})
    assert (again.status_code, again.json()) == (
        200,
        {"path": "guide/first steps.md", "content": "two"},
    )
    assert (await kb.get(url)).json() == again.json()
    assert (await kb.get("/documents")).json() == ["guide/first steps.md"]
    assert [(await kb.delete(url)).status_code for _ in range(2)] == [204, 404]
    assert (await kb.get(url)).status_code == 404


async def test_the_best_document_is_found_first(kb: httpx.AsyncClient) -> None:
    for path, content in (("a", "the cat"), ("b", "the cat and the cat"), ("c", "a dog")):
        await kb.put(f"/documents/{path}", json={"content": content})
    found = (await kb.get("/search", params={"q": "cat"})).json()
    assert [hit["path"] for hit in found] == ["b", "a"]
    assert found[1]["snippet"] == "the cat"


@pytest.mark.security
@pytest.mark.parametrize(
    "path", ["..%2fplatform.db", "%2e%2e/platform.db", "%2fetc%2fpasswd", "a%2f..%2f..%2fx", "%00"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_nothing_outside_of_the_folder_is_reached(
    kb: httpx.AsyncClient, tmp_path: Path, path: str, method: str
) -> None:
    before = files(tmp_path)
    content = {"content": "x"} if method == "PUT" else None
    answer = await kb.request(method, f"/documents/{path}", json=content)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("a path is of names")
    assert files(tmp_path) == before


async def test_a_document_cannot_be_a_folder_as_well(kb: httpx.AsyncClient) -> None:
    await kb.put("/documents/a/b", json={"content": "x"})
    assert (await kb.put("/documents/a", json={"content": "x"})).status_code == 409


@pytest.mark.parametrize("q", ["", "x" * 201])
async def test_a_search_needs_words(kb: httpx.AsyncClient, q: str) -> None:
    assert (await kb.get("/search", params={"q": q})).status_code == 422


async def test_without_its_folder_it_is_unwell(kb: httpx.AsyncClient, tmp_path: Path) -> None:
    assert (await kb.get("/health")).json()["needs"] == {"folder": "ok"}
    (tmp_path / "documents").rmdir()
    health = await kb.get("/health")
    assert health.status_code == 503
    assert "No such file" in health.json()["needs"]["folder"]
