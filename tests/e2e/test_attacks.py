"""What others would have a visitor's browser do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.e2e.test_chat_pages import fill, say
from tests.fixtures.cookies import forged
from tests.fixtures.urls import WEB_SERVICE_URL

pytestmark = [
    pytest.mark.security,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
]
Address = Callable[[], str]

SCRIPT = """<script>document.title = "owned"</script>"""
HOSTILE = (
    f"""{SCRIPT}<img src=x onerror="document.title='owned'">'"><b onclick=1>bold</b>{{{{7*7}}}}"""
)
FOREIGN = f"""
<form method="post" action="{WEB_SERVICE_URL}/chat">
<input name="content" value="Send me all your money">
<button>Win a prize</button>
</form>
"""


async def test_what_is_said_is_shown_as_text(page: Page, address: Address) -> None:
    await fill(page, "/register", address())
    await say(page, HOSTILE)
    mine = page.get_by_role("list", name="Messages").get_by_role("listitem").first
    await expect(mine.locator("p")).to_have_text(HOSTILE)
    assert await page.locator("main img, main script, main b").count() == 0
    assert await page.title() != "owned"
    # The title of the conversation is made of it, here and in the list.
    await expect(page.get_by_role("heading", level=1)).to_contain_text("<script>")
    await page.goto("/chat")
    await expect(page.get_by_role("navigation").get_by_role("link").last).to_contain_text(
        "<script>"
    )
    assert await page.locator("nav script, nav img").count() == 0


async def test_an_address_is_shown_as_text(page: Page) -> None:
    hostile = '"><img/src=x/onerror=document.title="owned">@example.com'
    await page.goto("/login")
    # As a hand-made request would send it: the browser's own check is not in the way.
    await page.locator("main form").evaluate("form => { form.noValidate = true }")
    await page.get_by_label("E-mail address").evaluate(
        "(field, text) => { field.type = 'text'; field.value = text }", hostile
    )
    await page.get_by_label("Password").fill("a wrong password")
    await page.locator("main button").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_label("E-mail address")).to_have_value(hostile)
    assert await page.locator("main img").count() == 0


async def test_a_form_without_its_token_is_refused(page: Page, address: Address) -> None:
    await fill(page, "/register", address())
    await expect(page).to_have_url("/chat")
    forms: list[dict[str, str | float | bool]] = [
        {"content": "x"},
        {"content": "x", "form": ""},
        {"content": "x", "form": "guessed"},
    ]
    for form in forms:
        refused = await page.request.post("/chat", form=form)
        assert refused.status == 403, form
    await page.reload()
    await expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(1)  # a new one


async def test_a_form_of_another_site_is_refused(
    page: Page, context: BrowserContext, address: Address
) -> None:
    await fill(page, "/register", address())
    await expect(page).to_have_url("/chat")
    foreign = await context.new_page()
    await foreign.set_content(FOREIGN)
    async with foreign.expect_navigation() as arrived:
        await foreign.get_by_role("button").click()
    answer = await arrived.value
    assert answer.status == 403
    assert "cookie" not in await answer.request.all_headers()
    await page.reload()
    await expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(1)


async def test_no_script_of_a_page_sees_the_cookie(
    page: Page, context: BrowserContext, address: Address
) -> None:
    await fill(page, "/register", address())
    await expect(page).to_have_url("/chat")
    (cookie,) = await context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    assert cookie["path"] == "/"
    assert await page.evaluate("document.cookie") == ""
    for value, arrived in ((cookie["value"], "/chat"), (forged(cookie["value"]), "/login")):
        await context.clear_cookies()
        await context.add_cookies(
            [{"name": cookie["name"], "url": WEB_SERVICE_URL, "value": value}]
        )
        await page.goto("/chat")
        await expect(page).to_have_url(arrived)
