"""The desk in a real Chromium: live without reload, by keyboard, and narrow."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect
from redis.asyncio import Redis

from actions.handoff.case import CaseReason, CaseState
from bot.desk.services import DeskSettings
from careguard.verdict import Level
from tests.browser import running_chromium
from tests.serving import serving
from tests.store import running_store
from tests.unit.desk.desk import PASSWORD, Desk, make_desk

pytestmark = pytest.mark.browser


@contextlib.asynccontextmanager
async def served(desk: Desk) -> AsyncIterator[str]:
    async with serving(desk.app) as address:
        yield f"{address}/desk"


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser of this test's own."""
    async with running_chromium() as browser:
        yield browser


async def opened(chromium: Browser, address: str, who: str, **options: object) -> Page:
    """A signed-in page in a browser of its own; an error in the desk's script fails the test."""
    context = await chromium.new_context(**options)  # type: ignore[arg-type]
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the desk's script failed: {error}"))
    await page.goto(f"{address}/sign-in")
    await page.get_by_label("Sign-in name").fill(who)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    return page


async def test_two_nurses_work_live_by_keyboard(desk: Desk, chromium: Browser) -> None:
    """An urgent case appears on top without reload, one nurse claims it, the other sees it taken at once, the patient's
    words and the reply appear on the open page, and resolving brings both back to an empty queue."""
    async with served(desk) as address:
        ana = await opened(chromium, address, "ana")
        ben = await opened(chromium, address, "ben")
        await expect(ana.get_by_text("Nobody is waiting.")).to_be_visible()

        await desk.open_case("c1", category="asthma")
        await expect(ana.get_by_role("link", name="Asthma")).to_be_visible()
        await desk.patient_says("I have crushing chest pain", "c2")
        urgent = await desk.open_case(
            "c2",
            Level.EMERGENCY,
            CaseReason.EMERGENCY,
            category="chest_pain",
            rules=("chest_pain",),
            matched=("crushing chest pain",),
        )
        await expect(ana.locator("tbody tr").first).to_contain_text("Chest pain")
        await expect(ana.get_by_role("alert")).to_have_text("New case. Emergency: Chest pain")
        await expect(ana).to_have_title("(2) Queue · Bedside care desk")

        await ana.keyboard.press("j")
        await ana.keyboard.press("Enter")
        await expect(ana.locator("mark").first).to_have_text("crushing chest pain")
        await ana.keyboard.press("c")
        await expect(ana.get_by_text("You hold this case now.")).to_be_visible()
        await expect(ben.get_by_role("row", name="Chest pain")).to_contain_text("Ana Ruiz")

        await ana.keyboard.press("r")
        await ana.keyboard.type("Have you called")
        await desk.patient_says("yes, they are on their way", "c2")
        await expect(ana.get_by_text("yes, they are on their way")).to_be_visible()
        reply = ana.get_by_label("Reply to the patient")
        await expect(reply).to_have_value("Have you called")
        await expect(reply).to_be_focused()
        await ana.reload()
        await expect(reply).to_have_value("Have you called")
        await reply.press("End")
        await ana.keyboard.type(" 911?")
        await ana.keyboard.press("Control+Enter")
        await expect(ana.locator(".entry-human")).to_contain_text("Have you called 911?")
        await expect(reply).to_have_value("")

        await ana.get_by_label("How did it end?").select_option("sent_to_emergency")
        await ana.get_by_role("button", name="Resolve").click()
        await expect(ana.get_by_text("the bot is back with the patient")).to_be_visible()
        await expect(ben.get_by_role("link", name="Chest pain")).to_have_count(0)
    assert [told[0] for told in desk.line.told] == ["claimed", "reply", "resolved"]
    assert (await desk.queue.get(urgent.id)).state is CaseState.RESOLVED


async def test_a_case_taken_or_erased_while_one_looks_at_it_says_so(desk: Desk, chromium: Browser) -> None:
    """The open page follows what happens to its case; what was typed stays on it."""
    case = await desk.open_case()
    async with served(desk) as address:
        page = await opened(chromium, address, "ana")
        await page.goto(f"{address}/cases/{case.id}")
        await expect(page.get_by_role("button", name="Claim")).to_be_visible()
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
        await page.get_by_label("New note").fill("my note")
        ben = await desk.services.staff.find("ben")
        assert ben is not None
        await desk.queue.claim(case.id, ben.id)
        await expect(page.get_by_text("With Ben Okafor")).to_be_visible()
        await expect(page.get_by_role("button", name="Claim")).to_have_count(0)
        await desk.queue.erase("c1")
        await expect(page.get_by_text("This case was erased meanwhile.")).to_be_visible()
        await expect(page.get_by_label("New note")).to_have_value("my note")


async def test_an_empty_chair_is_signed_out_after_a_warning(chromium: Browser) -> None:
    """The log-off is announced and can be put off; without a person it happens, and the typed reply is kept."""
    async with running_store() as url, Redis.from_url(url, decode_responses=True) as redis:
        desk = make_desk(redis, DeskSettings(session_idle_s=6))
        ana = await desk.add_staff("ana", "Ana")
        case = await desk.open_case()
        await desk.queue.claim(case.id, ana.id)
        async with served(desk) as address:
            page = await opened(chromium, address, "ana")
            await page.goto(f"{address}/cases/{case.id}")
            await page.get_by_label("Reply to the patient").fill("half a sentence")
            await expect(page.get_by_role("alertdialog")).to_be_visible()
            await page.get_by_role("button", name="Stay signed in").click()
            await expect(page.get_by_role("alertdialog")).to_be_hidden()
            await page.wait_for_url("**/sign-in?why=idle**", timeout=15_000)
            await expect(page.get_by_text("You were signed out because nothing happened")).to_be_visible()
            await page.get_by_label("Sign-in name").fill("ana")
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_role("button", name="Sign in").click()
            await expect(page.get_by_label("Reply to the patient")).to_have_value("half a sentence")


async def test_nothing_is_cut_off_on_a_phone_and_everything_can_be_tapped(desk: Desk, chromium: Browser) -> None:
    """At 320 pixels no page scrolls sideways, and what can be tapped is at least 24 pixels in both directions.

    Source: WCAG 2.2, success criteria 1.4.10 and 2.5.8.
    """
    await desk.patient_says("a" * 200)
    case = await desk.open_case(level=Level.URGENT, reason=CaseReason.URGENT, category="danger_signs_in_pregnancy")
    async with served(desk) as address:
        page = await opened(chromium, address, "ana", viewport={"width": 320, "height": 640})
        held = await desk.open_case("c2", language="es", category="danger_signs_in_pregnancy")
        ana = await desk.services.staff.find("ana")
        assert ana is not None
        await desk.queue.claim(held.id, ana.id)
        await desk.queue.set_tags(held.id, ana.id, ["call_back", "a" * 32])
        for path in ("/", f"/cases/{case.id}", f"/cases/{held.id}", "/?show=resolved", "/?search=nothing"):
            await page.goto(address + path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320
            small = await page.evaluate(
                """[...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea")]
                .filter((element) => element.checkVisibility() && !element.matches(".skip, dialog *"))
                .map((element) => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
                .filter(([, box]) => box.width < 24 || box.height < 24).map(([html]) => html)"""
            )
            assert small == []


async def test_every_field_and_button_has_a_name(desk: Desk, chromium: Browser) -> None:
    """A screen reader says what each control is for; headings and landmarks are there once."""
    case = await desk.open_case()
    ana = await desk.services.staff.find("ana")
    assert ana is not None
    await desk.queue.claim(case.id, ana.id)
    async with served(desk) as address:
        page = await opened(chromium, address, "ana")
        for path in ("/", f"/cases/{case.id}"):
            await page.goto(address + path)
            nameless = await page.evaluate(
                """[...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea")]
                .filter((element) => !(element.labels?.length || element.getAttribute("aria-label")
                    || element.textContent.trim())).map((element) => element.outerHTML)"""
            )
            assert nameless == []
            assert await page.locator("h1").count() == 1
            assert await page.locator("main").count() == 1
            assert await page.evaluate(
                """new Set([...document.querySelectorAll("[id]")].map((element) => element.id)).size
                === document.querySelectorAll("[id]").length"""
            )
