"""Documents: written, read, listed, found; and nothing outside their folder."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.fixtures.apart import StartApart
from tests.fixtures.clients import Platform, answered
from tests.fixtures.factories import AsyncMakeDocument, MakeDocument, MakeUser
from walkaway.isolation.factories import Unique


def word(unique: Unique) -> str:
    """Return a word that no other test's document has."""
    return unique("word").replace("_", "")


def test_a_document_is_written_read_changed_and_removed(
    client: httpx.Client, make_user: MakeUser, unique: Unique
) -> None:
    url, headers = f"/kb/documents/{unique('notes')}/first.md", make_user().headers
    assert client.get(url, headers=headers).status_code == 404
    for content, status in (("one\n", 201), ("two: ünï, 日本\n", 200)):
        answered(client.put(url, json={"content": content}, headers=headers), status)
        assert answered(client.get(url, headers=headers))["content"] == content
    answered(client.delete(url, headers=headers), 204)
    for method in ("GET", "DELETE"):
        assert client.request(method, url, headers=headers).status_code == 404


async def test_documents_are_listed_in_order(
    async_client: httpx.AsyncClient, async_make_document: AsyncMakeDocument
) -> None:
    made = [await async_make_document() for _ in range(3)]
    listed = answered(await async_client.get("/kb/documents", headers=made[0].owner.headers))
    assert listed == sorted(listed)
    assert {document.path for document in made} <= set(listed)


def test_a_search_finds_the_best_first_with_what_is_around_it(
    client: httpx.Client, make_user: MakeUser, make_document: MakeDocument, unique: Unique
) -> None:
    wanted, user = word(unique), make_user()
    once = make_document(owner=user, content=f"{'so much else ' * 50} {wanted} {'and on ' * 50}")
    often = make_document(owner=user, content=f"{wanted}, {wanted} and again {wanted.upper()}")
    make_document(owner=user, content="nothing of the kind")
    asked = client.get("/kb/search", params={"q": wanted}, headers=user.headers)
    found = answered(asked)
    assert [hit["path"] for hit in found] == [often.path, once.path]
    assert found[0]["score"] > found[1]["score"]
    for hit in found:
        assert wanted in hit["snippet"].casefold()
        assert len(hit["snippet"]) < 200


def test_a_search_for_what_is_nowhere_finds_nothing(
    client: httpx.Client, make_user: MakeUser, unique: Unique
) -> None:
    headers = make_user().headers
    for asked, expected in ((word(unique), 200), ("", 422), ("x" * 201, 422)):
        answer = client.get("/kb/search", params={"q": asked}, headers=headers)
        assert answer.status_code == expected
        assert expected != 200 or answer.json() == []


@pytest.mark.security
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/kb/documents"),
        ("GET", "/kb/documents/x.md"),
        ("PUT", "/kb/documents/x.md"),
        ("DELETE", "/kb/documents/x.md"),
        ("GET", "/kb/search?q=x"),
    ],
)
def test_without_a_token_there_is_nothing(client: httpx.Client, method: str, path: str) -> None:
    assert client.request(method, path).status_code == 401


OUTSIDE = (
    "../secret.txt",
    "..%2fsecret.txt",
    "%2e%2e/secret.txt",
    "%2e%2e%2fsecret.txt",
    "%252e%252e%252fsecret.txt",
    "a/../../secret.txt",
    "a%2f..%2f..%2fsecret.txt",
    "..\\secret.txt",
    "..%5csecret.txt",
    "%2fetc%2fpasswd",
    "/etc/passwd",
    "//etc/passwd",
    ".hidden",
    "secret.txt%00.md",
    "",
)
LINKS = ("link/secret.txt", "link.md")


@pytest.mark.security
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_no_path_leads_out_through_the_gateway(
    client: httpx.Client, platform: Platform, make_user: MakeUser, method: str
) -> None:
    headers = make_user().headers
    body = {"content": "broken in"} if method == "PUT" else None
    for path in OUTSIDE:
        # As it stands: httpx would resolve the dots itself.
        url = httpx.URL(platform.gateway).copy_with(
            raw_path=f"/api/v1/kb/documents/{path}".encode("ascii")
        )
        refused = client.request(method, url, json=body, headers=headers)
        assert refused.status_code in {400, 404, 405}, (path, refused.text)
        assert "root:" not in refused.text


@pytest.mark.security
def test_what_lies_beside_the_folder_or_behind_a_link_stays_as_it_is(
    client: httpx.Client, tmp_path: Path, start_apart: StartApart
) -> None:
    root, secret = tmp_path / "documents", tmp_path / "secret.txt"
    root.mkdir()
    secret.write_text("the secret", "ascii")
    (root / "link").symlink_to(tmp_path)
    (root / "link.md").symlink_to(secret)
    (root / ".hidden").write_text("the secret", "ascii")
    kb = start_apart("kb", KB_ROOT=str(root)).urls["kb"]
    for path in (*OUTSIDE, *LINKS):
        url = httpx.URL(kb).copy_with(raw_path=f"/documents/{path}".encode("ascii"))
        for method, body in (("GET", None), ("PUT", {"content": "broken in"}), ("DELETE", None)):
            answer = client.request(method, url, json=body)
            assert "the secret" not in answer.text, (method, path)
            assert answer.status_code in {400, 404, 405}, (method, path, answer.text)
    assert secret.read_text("ascii") == "the secret"
    assert {path.name for path in tmp_path.iterdir()} >= {"documents", "secret.txt"}
    assert answered(client.get(f"{kb}/documents")) == []
    assert answered(client.get(f"{kb}/search", params={"q": "secret"})) == []
