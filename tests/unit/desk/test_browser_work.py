"""The desk's work in a real Chromium, by keyboard: taking back, ready-made words, search, being offline, being late."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.async_api import Browser, expect
from redis.asyncio import Redis

from actions.handoff.case import Case, CaseReason, Suggestion
from bot.desk.canned import read_canned_replies
from bot.desk.services import DeskSettings
from bot.settings import REPOSITORY
from careguard.verdict import Level
from tests.browser import running_chromium
from tests.store import running_store
from tests.unit.desk.desk import Desk, make_desk
from tests.unit.desk.test_browser import opened, served

pytestmark = pytest.mark.browser


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser of this test's own."""
    async with running_chromium() as browser:
        yield browser


@pytest.fixture
async def desk(redis: Redis) -> Desk:
    made = make_desk(redis, canned=read_canned_replies(REPOSITORY / "locales", ["en", "es"]))
    await made.add_staff("ana", "Ana Ruiz")
    await made.add_staff("ben", "Ben Okafor")
    return made


async def held_by(desk: Desk, sign_in: str) -> Case:
    staff = await desk.services.staff.find(sign_in)
    assert staff is not None
    return await desk.queue.claim((await desk.open_case()).id, staff.id)


async def test_a_reply_is_written_sent_and_taken_back_without_a_mouse(desk: Desk, chromium: Browser) -> None:
    """The seconds count down, one key takes it back, and the words are in the field again."""
    case = await held_by(desk, "ana")
    async with served(desk) as address:
        page = await opened(chromium, address, "ana")
        await page.goto(f"{address}/cases/{case.id}")
        await page.keyboard.press("r")
        await page.keyboard.type("Please call me back")
        await page.keyboard.press("Control+Enter")
        await expect(page.get_by_text("Your reply is on its way")).to_be_visible()
        await expect(page.locator("[data-leaves-at]")).to_have_text("Leaves in 8 s", timeout=9000)
        await page.locator("main").focus()
        await page.keyboard.press("u")
        await expect(page.get_by_text("Your reply was taken back.")).to_be_visible()
        await expect(page.get_by_label("Reply to the patient")).to_have_value("Please call me back")
    assert desk.line.told == []


async def test_ready_made_and_suggested_words_join_what_is_typed(desk: Desk, chromium: Browser) -> None:
    """Nothing that stands in the field is lost."""
    desk.line.suggestion = Suggestion(time.time(), "It often has no signs.")
    case = await held_by(desk, "ana")
    async with served(desk) as address:
        page = await opened(chromium, address, "ana")
        await page.goto(f"{address}/cases/{case.id}")
        reply = page.get_by_label("Reply to the patient")
        await reply.fill("Good evening. ")
        await page.get_by_label("Ready-made replies").select_option(label="One moment")
        await expect(reply).to_have_value("Good evening. Thank you. Please give me a few minutes. I am still here.")
        await expect(reply).to_be_focused()
        await page.keyboard.press("Escape")
        await page.keyboard.press("s")
        await expect(page.get_by_text("The bot suggests the reply below.")).to_be_visible()
        value = await reply.input_value()
        assert value.startswith("Good evening.")
        assert value.endswith("It often has no signs.")


async def test_the_queue_is_searched_and_a_view_is_saved_by_keyboard(desk: Desk, chromium: Browser) -> None:
    """A key opens the filters with the field in focus; the view stands there afterwards."""
    wanted = await desk.open_case("c1", category="asthma")
    await desk.open_case("c2", category="fever")
    async with served(desk) as address:
        page = await opened(chromium, address, "ana")
        await page.keyboard.press("/")
        search = page.get_by_label("Case number or tag")
        await expect(search).to_be_focused()
        await page.keyboard.type(wanted.id[:5].lower())
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("link", name="Asthma")).to_be_visible()
        await expect(page.get_by_role("link", name="Fever")).to_have_count(0)
        await page.get_by_label("Save this view as").fill("one case")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("The view is saved.")).to_be_visible()
        await page.goto(f"{address}/")
        await page.locator("summary").click()
        await page.get_by_role("link", name="one case").click()
        await expect(page.get_by_role("link", name="Fever")).to_have_count(0)


async def test_being_offline_is_said_and_what_is_typed_stays(desk: Desk, chromium: Browser) -> None:
    """The page says since when it knows nothing new, and catches up by itself."""
    case = await held_by(desk, "ana")
    async with served(desk) as address:
        page = await opened(chromium, address, "ana")
        await page.goto(f"{address}/cases/{case.id}")
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
        await page.get_by_label("Reply to the patient").fill("half a sentence")
        await page.context.set_offline(True)
        await page.evaluate("window.dispatchEvent(new Event('offline'))")
        await expect(page.get_by_text("No connection. You see what was known at")).to_be_visible(timeout=20_000)
        await desk.patient_says("are you there?")
        await page.context.set_offline(False)
        await expect(page.get_by_text("are you there?")).to_be_visible(timeout=20_000)
        await expect(page.get_by_text("No connection.")).to_be_hidden()
        await expect(page.get_by_label("Reply to the patient")).to_have_value("half a sentence")


async def test_a_case_becomes_late_before_ones_eyes_in_words_and_is_heard(redis: Redis, chromium: Browser) -> None:
    """Half time and late appear without a reload; both sound when the sound is on."""
    targets = dict.fromkeys(Level, 6.0)
    desk = make_desk(redis, DeskSettings(targets_s=targets))
    await desk.add_staff("ana", "Ana")
    async with served(desk) as address:
        page = await opened(chromium, address, "ana")
        await page.evaluate(
            """() => {
              window.tones = 0;
              const start = OscillatorNode.prototype.start;
              OscillatorNode.prototype.start = function (...given) {
                window.tones += 1;
                return start.apply(this, given);
              };
            }"""
        )
        await page.get_by_role("button", name="Sound").click()
        await desk.open_case(category="asthma")
        row = page.locator("tbody tr").first
        await expect(row).to_contain_text("half time", timeout=10_000)
        tones = await page.evaluate("window.tones")
        await expect(row).to_contain_text("late", timeout=10_000)
        assert await page.evaluate("window.tones") > tones > 1


async def test_a_store_that_is_gone_for_a_while_costs_no_word(chromium: Browser) -> None:
    """The page says what is going on and gives the words back; they are in the field again, and are sent afterwards."""
    async with running_store() as url:
        named = f"127.0.0.1:{urlsplit(url).port}"  # how the server calls itself in the list of processes
        [store] = [each for each in psutil.process_iter(["cmdline"]) if named in " ".join(each.info["cmdline"] or [])]
        async with Redis.from_url(url, decode_responses=True, socket_timeout=1.0) as redis:
            desk = make_desk(redis)
            await desk.add_staff("ana", "Ana Ruiz")
            case = await held_by(desk, "ana")
            async with served(desk) as address:
                page = await opened(chromium, address, "ana")
                await page.goto(f"{address}/cases/{case.id}")
                await page.get_by_label("Reply to the patient").fill("my long answer")
                store.suspend()
                try:
                    await page.get_by_role("button", name="Send reply").click()
                    await expect(page.get_by_role("heading", name="The store does not answer")).to_be_visible()
                    await expect(page.get_by_label("What you typed")).to_have_value("my long answer")
                finally:
                    store.resume()
                await page.goto(f"{address}/cases/{case.id}")
                await expect(page.get_by_label("Reply to the patient")).to_have_value("my long answer")
                await page.keyboard.press("r")
                await page.keyboard.press("Control+Enter")
                await expect(page.get_by_text("Your reply is on its way")).to_be_visible()
                await expect(page.get_by_label("Reply to the patient")).to_have_value("")


async def test_five_hundred_cases_scroll_smoothly(desk: Desk, chromium: Browser) -> None:
    """All rows are there, and half the frames of a scroll through them take less than a tenth of a second."""
    for number in range(500):
        await desk.open_case(f"c{number}", Level.URGENT, CaseReason.URGENT, category="fever")
    async with served(desk) as address:
        page = await opened(chromium, address, "ana", reduced_motion="reduce")
        await page.goto(f"{address}/?all=1")
        assert await page.locator("#queue tbody tr").count() == 500
        frames = await page.evaluate(
            """async () => {
              const frames = [];
              let last = performance.now();
              for (let index = 0; index < 60; index += 1) {
                window.scrollBy(0, 600);
                await new Promise(requestAnimationFrame);
                const now = performance.now();
                frames.push(now - last);
                last = now;
              }
              return frames.sort((a, b) => a - b);
            }"""
        )
        assert frames[len(frames) // 2] < 100


async def test_the_desk_reads_in_spanish_down_to_its_script(desk: Desk, chromium: Browser) -> None:
    """Whoever reads Spanish is told in Spanish, also of what happens later."""
    async with served(desk) as address:
        context = await chromium.new_context(locale="es-ES")
        page = await context.new_page()
        await page.goto(f"{address}/sign-in")
        await page.locator("#sign_in").fill("ana")
        await page.locator("#password").fill("correct horse battery")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("En vivo", exact=True)).to_be_visible()
        await expect(page.get_by_text("Nadie está esperando.")).to_be_visible()
        await desk.open_case(level=Level.EMERGENCY, reason=CaseReason.EMERGENCY, category="chest_pain")
        await expect(page.locator("[data-announce-now]")).to_have_text("Caso nuevo. Emergencia: Dolor de pecho")
        assert await page.evaluate("document.documentElement.lang") == "es"
