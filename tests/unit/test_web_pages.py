"""web: pages for people, whose forms are our own and whose values are text."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.gateway import api as gateway
from app.settings import Environ
from app.web import api as web
from tests.fixtures.cookies import forged
from tests.unit.served import Mesh, asked, behind_the_gateway, environ

SCRIPT = "<script>alert(1)</script> & \"quoted\" 'too'"


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without scripts, on the platform."""
    made = environ(tmp_path)
    apps = behind_the_gateway(made)
    front = gateway.application(made, Mesh(**apps))
    pages = web.application(made, Mesh(gateway=front))
    async with (
        asked(apps["auth"]),
        asked(apps["chat"]),
        asked(front),
        asked(pages, "http://web") as client,
    ):
        yield client


async def sent(browser: httpx.AsyncClient, page: str, **fields: str) -> httpx.Response:
    """Fill in the form of a page and send it; the answer, redirects followed."""
    shown = (await browser.get(page)).text
    form = re.findall(r'name="form" value="([^"]+)"', shown)[-1]
    return await browser.post(page, data={"form": form, **fields}, follow_redirects=True)


async def registered(browser: httpx.AsyncClient, email: str = "ann@example.com") -> httpx.Response:
    return await sent(browser, "/register", email=email, password="correct horse")  # noqa: S106 - a test's


async def test_who_registers_is_signed_in_and_talks(browser: httpx.AsyncClient) -> None:
    assert (await registered(browser)).url.path == "/chat"
    shown = await sent(browser, "/chat", content="Where is my key?")
    assert shown.url.path == "/chat/1"
    messages = re.findall(r'<li class="(\w+)">.*?<p>(.*?)</p>', shown.text, re.DOTALL)
    assert [who for who, _ in messages] == ["mine", "theirs"]
    assert messages[0][1] == "Where is my key?"
    assert "<title>Where is my key? · Platform</title>" in shown.text


async def test_who_is_not_signed_in_is_asked_to(browser: httpx.AsyncClient) -> None:
    for page in ("/", "/chat", "/chat/1"):
        shown = await browser.get(page, follow_redirects=True)
        assert (shown.status_code, shown.url.path) == (200, "/login")
        assert "<h1>Sign in</h1>" in shown.text


async def test_what_is_wrong_is_said_in_the_form(browser: httpx.AsyncClient) -> None:
    await registered(browser)
    again = await registered(browser)
    assert again.status_code == 409
    assert 'role="alert" id="error">This e-mail address is taken.</p>' in again.text
    assert 'value="ann@example.com"' in again.text
    short = await sent(browser, "/register", email="bob@example.com", password="x")  # noqa: S106 - a test's
    assert "Password: string should have at least 8 characters." in short.text
    wrong = await sent(browser, "/login", email="ann@example.com", password="x")  # noqa: S106 - a test's
    assert (wrong.status_code, "correct horse" in wrong.text) == (401, False)


@pytest.mark.security
async def test_what_people_write_is_text(browser: httpx.AsyncClient) -> None:
    await registered(browser)
    shown = await sent(browser, "/chat", content=SCRIPT)
    assert "<script" not in shown.text
    assert html.escape(SCRIPT) in shown.text.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
    refused = await sent(browser, "/login", email='"><script>', password="x")  # noqa: S106 - a test's
    assert "<script" not in refused.text


@pytest.mark.security
async def test_no_page_lets_a_browser_run_scripts_or_be_framed(browser: httpx.AsyncClient) -> None:
    for page in ("/login", "/register", "/nowhere"):
        policy = (await browser.get(page)).headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none';")
        assert "script" not in policy
        assert "frame-ancestors 'none'" in policy


@pytest.mark.security
@pytest.mark.parametrize("form", ["", "x", "é"])
async def test_a_form_that_is_not_ours_is_refused(browser: httpx.AsyncClient, form: str) -> None:
    await registered(browser)
    for page in ("/login", "/register", "/logout", "/chat", "/chat/1"):
        answer = await browser.post(page, data={"form": form, "content": "x"})
        assert (page, answer.status_code) == (page, 403)
    assert (await browser.get("/chat")).status_code == 200  # still signed in


@pytest.mark.security
async def test_a_form_that_another_site_sends_sets_no_cookie(browser: httpx.AsyncClient) -> None:
    """It comes without our cookie (SameSite); a new one would replace that of who is signed in."""
    for page in ("/login", "/logout", "/chat"):
        refused = await browser.post(page, data={"form": "x"})
        assert (page, refused.status_code) == (page, 403)
        assert "Set-Cookie" not in refused.headers


@pytest.mark.security
async def test_the_cookie_is_the_servers_alone(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/login")
    cookie = answer.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    before = browser.cookies["session"]
    await registered(browser)
    kept = browser.cookies["session"]
    assert kept != before
    for value, status in ((kept, 200), (forged(kept), 303)):
        browser.cookies.clear()
        browser.cookies.set("session", value)
        answer = await browser.get("/chat")
        assert answer.status_code == status
    assert answer.headers["Location"] == "/login"


@pytest.mark.security
async def test_outside_of_a_test_the_cookie_is_for_https() -> None:
    values = {"GATEWAY_URL": "http://gateway", "SESSION_SECRET": "x" * 32}
    async with asked(web.application(Environ(values), Mesh())) as client:
        assert "; secure" in (await client.get("/login")).headers["Set-Cookie"]


async def test_who_signs_out_is_out(browser: httpx.AsyncClient) -> None:
    await registered(browser)
    form = re.findall(r'name="form" value="([^"]+)"', (await browser.get("/chat")).text)[0]
    out = await browser.post("/logout", data={"form": form})
    assert (out.status_code, out.headers["Location"]) == (303, "/login")
    assert (await browser.get("/chat")).headers["Location"] == "/login"


@pytest.mark.security
async def test_anothers_conversation_is_not_found(browser: httpx.AsyncClient) -> None:
    await registered(browser)
    await sent(browser, "/chat", content="mine")
    browser.cookies.clear()
    await registered(browser, "bob@example.com")
    shown = await browser.get("/chat/1")
    assert (shown.status_code, "mine" in shown.text) == (404, False)
    assert "There is no such conversation." in shown.text


async def test_nothing_is_said_by_an_empty_form(browser: httpx.AsyncClient) -> None:
    await registered(browser)
    assert (await sent(browser, "/chat", content="  ")).url.path == "/chat"
    assert 'href="/chat/1"' not in (await browser.get("/chat")).text


async def test_without_the_gateway_a_page_says_so(tmp_path: Path) -> None:
    async with asked(web.application(environ(tmp_path), Mesh())) as browser:
        answer = await sent(browser, "/login", email="a@b.cd", password="x")  # noqa: S106 - a test's
        health = await browser.get("/health")
    assert (answer.status_code, health.status_code) == (503, 503)
    assert "The service does not answer." in answer.text
    assert health.json()["needs"] == {"gateway": "nobody is there"}
