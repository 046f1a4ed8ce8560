"""The pages of answers and gaps in a real browser: clean by axe-core, signed by keyboard alone, usable on a phone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect
from redis.asyncio import Redis

from actions.answering.approved import ApprovedStore
from actions.answering.gaps import GapKind, GapStore
from tests.browser import AXE_RULES, FAULTS_BY_AXE, axe_script, running_chromium
from tests.serving import serving
from tests.unit.desk import test_answers
from tests.unit.desk.desk import PASSWORD, Desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

desk = test_answers.desk
_few_topics = test_answers._few_topics
PHONE = ViewportSize(width=320, height=640)


async def signed_in(chromium: Browser, address: str, who: str, **options: Any) -> Page:
    page = await (await chromium.new_context(**options)).new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the desk's script failed: {error}"))
    await page.goto(f"{address}/sign-in?next=/desk/account")
    await page.locator("#sign_in").fill(who)
    await page.locator("#password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_visible(timeout=30_000)
    return page


async def faults_of(page: Page, axe: str) -> list[str]:
    await page.evaluate(axe)
    return [str(each) for each in await page.evaluate(FAULTS_BY_AXE, AXE_RULES)]


async def test_an_answer_is_signed_by_keyboard_and_axe_finds_nothing_wrong(desk: Desk, redis: Redis) -> None:
    """From the gap over the form to the list, in both schemes and languages, and without scrolling on a phone."""
    axe = axe_script()
    gaps = GapStore(redis, desk.services.vault)
    for number, question in enumerate((test_answers.QUESTION, "is kale tea good for my hair and nails and skin")):
        await gaps.keep(GapKind.UNANSWERED, question, None, "en", conversation_id="c", message_id=str(number))
    async with running_chromium() as chromium, serving(desk.app) as root:
        address = f"{root}/desk"
        page = await signed_in(chromium, address, "cleo", color_scheme="light")
        await page.goto(f"{address}/gaps")
        await page.locator("summary").first.focus()
        await page.keyboard.press("Enter")
        assert await faults_of(page, axe) == []
        await page.locator("summary").nth(1).focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("link", name=f"Answer this: {test_answers.QUESTION}").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#question")).to_have_value(test_answers.QUESTION)
        assert await faults_of(page, axe) == []
        await page.locator("#question").focus()
        await page.keyboard.press("Tab")
        await page.keyboard.type("Take 2 tablets of ibuprofen.")
        await page.locator("#question").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert").filter(has_text="names a dose")).to_be_visible()
        assert await faults_of(page, axe) == []
        await page.locator("#text").fill("A cast should stay dry.")
        await page.locator("#question").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("The answer is signed.")).to_be_visible()
        (answer,) = await ApprovedStore(redis).list()
        assert (answer.text, answer.language) == ("A cast should stay dry.", "en")
        await desk.services.staff.change("cleo", reads="es")
        phone = await signed_in(chromium, address, "cleo", color_scheme="dark", viewport=PHONE)
        for path in ("/answers", f"/answers/{answer.id}", "/answers/new", "/gaps"):
            await phone.goto(address + path)
            assert await faults_of(phone, axe) == [], path
            wide = await phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, path
