"""The pages as a browser gets them: redirects, cookies, forms, escaping."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.fixtures.clients import TIMEOUT, Platform
from tests.fixtures.factories import MakeUser, User
from walkaway.isolation.logs import request_ids


@pytest.fixture
def visitor(platform: Platform) -> Iterator[httpx.Client]:
    """Somebody with a cookie jar who follows redirects."""
    with httpx.Client(
        base_url=platform.web,
        event_hooks={"request": [request_ids.stamp]},
        follow_redirects=True,
        timeout=TIMEOUT,
        trust_env=False,
    ) as made:
        yield made


def send(visitor: httpx.Client, path: str, where: str = "", **fields: str) -> httpx.Response:
    """Send the form of a page as it stands there, to itself unless told otherwise."""
    found = re.search(r'name="form" value="([^"]+)"', visitor.get(path).text)
    assert found is not None
    return visitor.post(where or path, data={"form": html.unescape(found[1]), **fields})


def sign_in(visitor: httpx.Client, user: User) -> httpx.Response:
    return send(visitor, "/login", email=user.email, password=user.password)


def test_who_is_not_signed_in_is_sent_to_do_so(visitor: httpx.Client) -> None:
    for path in ("/", "/chat", "/chat/1"):
        answer = visitor.get(path)
        assert answer.url.path == "/login", path
        assert answer.status_code == 200


def test_who_signs_in_can_talk_and_leave(visitor: httpx.Client, make_user: MakeUser) -> None:
    user = make_user()
    arrived = sign_in(visitor, user)
    assert arrived.url.path == "/chat"
    assert user.email in arrived.text
    talk = send(visitor, "/chat", content="Is anybody there?")
    assert re.fullmatch(r"/chat/\d+", talk.url.path)
    assert talk.text.count("Is anybody there?") >= 2  # the title and the message
    assert send(visitor, "/chat", "/logout").url.path == "/login"
    assert visitor.get(talk.url.path).url.path == "/login"


def test_a_wrong_password_is_said_and_the_address_stays(
    visitor: httpx.Client, make_user: MakeUser
) -> None:
    user = make_user()
    refused = send(visitor, "/login", email=user.email, password="a wrong one")  # noqa: S106
    assert refused.status_code == 401
    assert "Wrong e-mail address or password." in refused.text
    assert f'value="{user.email}"' in refused.text
    assert "a wrong one" not in refused.text


@pytest.mark.security
def test_the_cookie_is_for_requests_of_our_own_pages_alone(
    visitor: httpx.Client, make_user: MakeUser
) -> None:
    arrived = sign_in(visitor, make_user())
    (cookie,) = arrived.history[0].headers.get_list("Set-Cookie")
    attributes = {part.strip().casefold() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes


@pytest.mark.security
def test_a_changed_cookie_is_nobodys(visitor: httpx.Client, make_user: MakeUser) -> None:
    sign_in(visitor, make_user())
    ((name, value),) = visitor.cookies.items()
    for changed in (value[:-1], value[1:], value.swapcase(), ""):
        visitor.cookies.clear()
        visitor.cookies.set(name, changed)
        assert visitor.get("/chat").url.path == "/login"


@pytest.mark.security
@pytest.mark.parametrize("path", ["/login", "/register", "/logout", "/chat"])
def test_a_form_that_is_not_ours_is_refused(
    visitor: httpx.Client, make_user: MakeUser, path: str
) -> None:
    user = make_user()
    sign_in(visitor, user)
    given = {"email": user.email, "password": user.password, "content": "x"}
    for form in ({}, {"form": ""}, {"form": "guessed"}):
        assert visitor.post(path, data=given | form).status_code == 403
    assert user.email in visitor.get("/chat").text  # still signed in


@pytest.mark.security
def test_a_form_that_another_site_sends_signs_nobody_out(
    visitor: httpx.Client, make_user: MakeUser
) -> None:
    user = make_user()
    sign_in(visitor, user)
    mine = dict(visitor.cookies)
    visitor.cookies.clear()  # as SameSite=Lax has it
    refused = visitor.post("/chat", data={"content": "x"})
    assert refused.status_code == 403
    # What the answer sets is what the browser would send from then on.
    visitor.cookies = httpx.Cookies(mine | dict(refused.cookies))
    assert user.email in visitor.get("/chat").text


@pytest.mark.security
def test_what_people_write_is_text(visitor: httpx.Client, make_user: MakeUser) -> None:
    hostile = """<script>alert(1)</script>'"><img src=x onerror=alert(1)>{{7*7}}"""
    sign_in(visitor, make_user())
    shown = send(visitor, "/chat", content=hostile).text
    assert "<script" not in shown
    assert "<img" not in shown
    assert "49" not in re.sub(r"[\w-]{16,}|/chat/\d+", "", shown)
    assert hostile in html.unescape(shown)
    refused = send(visitor, "/login", email=hostile, password="x").text  # noqa: S106 - hostile
    assert "<script" not in refused
    assert "<img" not in refused


@pytest.mark.security
def test_pages_run_no_script_and_are_in_no_frame(visitor: httpx.Client) -> None:
    headers = visitor.get("/login").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.security
def test_anothers_conversation_is_not_shown(visitor: httpx.Client, make_user: MakeUser) -> None:
    sign_in(visitor, make_user())
    talk = send(visitor, "/chat", content="This is between us.").url.path
    visitor.cookies.clear()
    sign_in(visitor, make_user())
    refused = visitor.get(talk)
    assert refused.status_code == 404
    assert "between us" not in refused.text
