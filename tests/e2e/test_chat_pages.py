"""Somebody registers, signs in, talks and leaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.fixtures.factories import PASSWORD

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),  # on one worker: to start a second one takes seconds
]
Address = Callable[[], str]


async def fill(page: Page, path: str, email: str, password: str = PASSWORD) -> None:
    """Send the form of /login or /register."""
    await page.goto(path)
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.locator("main button").click()


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.get_by_role("button", name="Send").click()


async def test_register_sign_in_talk_and_sign_out(page: Page, address: Address) -> None:
    email = address()
    await fill(page, "/register", email)
    await expect(page).to_have_url("/chat")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url("/login")

    await fill(page, "/login", email)
    await expect(page.get_by_text(email)).to_be_visible()
    await say(page, "Hello")
    messages = page.get_by_role("list", name="Messages").get_by_role("listitem")
    await expect(messages).to_have_count(2)
    await expect(messages.last).to_contain_text("What would you like to talk about?")
    await say(page, "Of tests that hold.")
    await expect(messages).to_have_count(4)
    await expect(page.get_by_role("navigation").get_by_role("link", name="Hello")).to_be_visible()

    # It is all there again after a reload: nothing was in the page alone.
    await page.reload()
    await expect(messages).to_have_count(4)

    talk = page.url
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url("/login")
    await page.goto(talk)
    await expect(page).to_have_url("/login")


async def test_a_wrong_password_is_said_and_the_address_stays(page: Page, address: Address) -> None:
    email = address()
    await fill(page, "/register", email)
    await page.get_by_role("button", name="Sign out").click()
    await fill(page, "/login", email, "a wrong password")
    await expect(page).to_have_url("/login")
    await expect(page.get_by_role("alert")).to_have_text("Wrong e-mail address or password.")
    await expect(page.get_by_label("E-mail address")).to_have_value(email)
    await expect(page.get_by_label("Password")).to_have_value("")


async def test_an_address_that_is_taken_is_said(page: Page, address: Address) -> None:
    email = address()
    await fill(page, "/register", email)
    await page.get_by_role("button", name="Sign out").click()
    await fill(page, "/register", email)
    await expect(page.get_by_role("alert")).to_have_text("This e-mail address is taken.")


@pytest.mark.security
async def test_anothers_conversation_is_not_shown(
    page: Page, context: BrowserContext, address: Address
) -> None:
    await fill(page, "/register", address())
    await say(page, "This is between us.")
    await expect(page.get_by_role("list", name="Messages")).to_be_visible()
    talk = page.url
    await context.clear_cookies()
    await fill(page, "/register", address())
    await expect(page).to_have_url("/chat")
    answer = await page.goto(talk)
    assert answer is not None
    assert answer.status == 404
    await expect(page.get_by_role("alert")).to_be_visible()
    assert "between us" not in await page.content()
