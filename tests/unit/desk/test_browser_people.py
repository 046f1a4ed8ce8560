"""The pages of accounts, people, log, overview and safety in a real Chromium: for everyone, by keyboard, and narrow."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from redis.asyncio import Redis

from actions.handoff.case import CaseReason, CaseState, Outcome, OutgoingReply, Suggestion
from actions.transcript import CitedPassage, EntryAuthor, TranscriptEntry
from bot.desk.canned import read_canned_replies
from bot.desk.open_id import OpenIdSettings
from bot.desk.second_factor import SecondFactors, _totp
from bot.desk.services import DeskSettings
from bot.desk.staff import Role
from careguard.verdict import Level
from tests.browser import AXE_RULES, FAULTS_BY_AXE, axe_script, running_chromium
from tests.serving import serving
from tests.store import free_port
from tests.unit.desk.desk import PASSWORD, Desk, make_desk, with_content
from tests.unit.desk.provider import Claims, running_provider

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

REPOSITORY = Path(__file__).resolve().parents[3]
SHARED = "https://id.clinic.example"


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser of this test's own."""
    async with running_chromium() as browser:
        yield browser


@pytest.fixture
async def house(redis: Redis) -> Desk:
    """A desk with people of every role, cases that ended and wait, and rules to screen with."""
    desk = with_content(
        make_desk(redis),
        settings=DeskSettings(open_id=OpenIdSettings(SHARED, "bedside", f"{SHARED}/back", name="Clinic account")),
        canned=read_canned_replies(REPOSITORY / "locales", ["en", "es"]),
    )
    for role in Role:
        await desk.add_staff(role.value, role.value.replace("_", " ").title(), role)
    await desk.services.staff.change("nurse", skills=["pregnancy"], teams=["wards"])
    nurse = await desk.services.staff.find("nurse")
    assert nurse is not None
    for number, level in enumerate((Level.EMERGENCY, Level.URGENT, Level.NONE)):
        case = await desk.open_case(f"c{number}", level, CaseReason.ASKED_FOR_PERSON, category="chest_pain")
        if number:
            await desk.queue.claim(case.id, nurse.id)
            await desk.queue.resolve(case.id, nurse.id, Outcome.ANSWERED)
    return desk


async def opened(chromium: Browser, address: str, who: str, **options: Any) -> Page:
    """A signed-in page in a browser of its own; an error in the desk's script fails the test."""
    context = await chromium.new_context(**options)
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the desk's script failed: {error}"))
    await page.goto(f"{address}/sign-in")
    await page.locator("#sign_in").fill(who)
    await page.locator("#password").fill(PASSWORD)
    await page.locator("button[type=submit]").click()
    await expect(page.locator("main")).to_be_visible()
    return page


async def faults_of(page: Page, axe: str) -> list[str]:
    """Return what axe-core finds wrong with the page that is shown."""
    await page.evaluate(axe)
    return [str(each) for each in await page.evaluate(FAULTS_BY_AXE, AXE_RULES)]


async def work(desk: Desk) -> list[str]:
    """Cases in every state, with everything that can stand in them; return their pages and those of the queue."""
    admin = await desk.services.staff.find("admin")
    assert admin is not None
    conversation = "c-held"
    await desk.patient_says("My chest hurts when I climb the stairs, and what does amlodipine do?", conversation)
    source = CitedPassage("t/in_short/1", "Blood pressure", "https://medlineplus.gov/x", "NIH")
    await desk.transcript.append(
        conversation,
        TranscriptEntry(
            "b1",
            time.time(),
            EntryAuthor.BOT,
            "answer",
            "High blood pressure often has no signs.",
            "en",
            (source,),
        ),
    )
    held = await desk.open_case(
        conversation,
        Level.URGENT,
        CaseReason.URGENT,
        category="chest_pain",
        rules=("chest_pain.en.1",),
        matched=("My chest hurts",),
        summary="Asked: what amlodipine does.",
    )
    await desk.queue.claim(held.id, admin.id)
    await desk.queue.add_note(held.id, admin.id, "Called the ward.")
    await desk.queue.set_tags(held.id, admin.id, ["call_back"])
    await desk.queue.keep_suggestion(held.id, admin.id, Suggestion(time.time(), "It often has no signs."))
    reply = OutgoingReply("r1", admin.id, admin.name, "Please call us.", time.time(), time.time() + 600)
    await desk.queue.hold_reply(held.id, reply)
    [waiting] = await desk.queue.waiting()
    [ended, *_] = await desk.queue.list_cases(CaseState.RESOLVED)
    cases = [f"/cases/{case.id}" for case in (waiting, held, ended)]
    return ["/", "/?show=resolved", "/?show=mine&level=emergency", *cases, "/cases/NONE", "/nowhere"]


async def places(desk: Desk) -> list[str]:
    nurse = await desk.services.staff.find("nurse")
    assert nurse is not None
    return [
        "/account",
        "/account/password",
        "/account/second-factor",
        "/people",
        f"/people/{nurse.id}",
        "/audit",
        "/lead",
        "/lead?days=1",
        "/safety",
    ]


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
async def test_axe_finds_nothing_wrong_with_any_page(
    house: Desk, chromium: Browser, scheme: str, language: str
) -> None:
    """Source: WCAG 2.2 level A and AA as axe-core checks them, in both schemes and both languages."""
    axe = axe_script()
    await house.services.staff.change("admin", reads=language)
    await house.services.staff.change("clinical_safety", reads=language)
    async with serving(house.app) as root:
        address = f"{root}/desk"
        page = await opened(chromium, address, "admin", color_scheme=scheme, locale=language)
        for path in [*await work(house), *await places(house)]:
            await page.goto(address + path)
            assert await faults_of(page, axe) == [], path
        await page.goto(f"{address}/")
        await page.keyboard.press("?")
        await expect(page.locator("[data-help]")).to_be_visible()
        assert await faults_of(page, axe) == [], "the list of keys"
        await page.goto(f"{address}/account/second-factor")
        await page.locator("#password-second-factor").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.locator(".otp-key")).to_be_visible()
        drawn = await page.locator(".qr").bounding_box()
        assert drawn is not None and drawn["width"] >= 150 and drawn["height"] >= 150
        assert await faults_of(page, axe) == []
        await page.goto(f"{address}/safety")
        await page.locator("#text").fill("My chest hurts and I cannot breathe")
        await page.locator(".box-form button").click()
        await expect(page.locator(".verdict")).to_be_visible()
        assert await faults_of(page, axe) == []
        safety = await opened(chromium, address, "clinical_safety", color_scheme=scheme, locale=language)
        [case] = await house.queue.waiting()
        await safety.goto(f"{address}/cases/{case.id}")
        await expect(safety.locator("#reason")).to_be_visible()
        assert await faults_of(safety, axe) == []
        await safety.goto(f"{address}/people")
        assert await faults_of(safety, axe) == []
        door = await (await chromium.new_context(color_scheme="dark" if scheme == "dark" else "light")).new_page()
        await door.goto(f"{address}/sign-in")
        await expect(door.locator("[data-open-id]")).to_be_visible()
        assert await faults_of(door, axe) == []
        await door.locator("#sign_in").fill("nobody")
        await door.locator("#password").fill(PASSWORD)
        await door.keyboard.press("Enter")
        await expect(door.get_by_role("alert")).to_be_visible()
        assert await faults_of(door, axe) == []


async def test_nothing_is_cut_off_on_a_phone_and_everything_can_be_tapped(house: Desk, chromium: Browser) -> None:
    """At 320 pixels no page scrolls sideways, and what can be tapped is at least 24 pixels in both directions.

    Source: WCAG 2.2, success criteria 1.4.10 and 2.5.8.
    """
    async with serving(house.app) as root:
        address = f"{root}/desk"
        page = await opened(chromium, address, "admin", viewport={"width": 320, "height": 640})
        for path in (*await work(house), *await places(house)):
            await page.goto(address + path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path
            small = await page.evaluate(
                """[...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, summary")]
                .filter((element) => element.checkVisibility() && !element.matches(".skip, dialog *"))
                .map((element) => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
                .filter(([, box]) => box.width < 24 || box.height < 24).map(([html]) => html)"""
            )
            assert small == [], path


async def test_a_second_factor_is_set_up_and_used_by_keyboard_alone(house: Desk, chromium: Browser) -> None:
    """From the account's page to the recovery codes and through the next sign-in, without a mouse."""
    async with serving(house.app) as root:
        address = f"{root}/desk"
        page = await opened(chromium, address, "nurse")
        await page.goto(f"{address}/account")
        await tab_to(page, 'a[href$="/account/second-factor"]')
        await page.keyboard.press("Enter")
        await tab_to(page, "#password-second-factor")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        nurse = await house.services.staff.find("nurse")
        assert nurse is not None
        await expect(page.locator(".otp-key")).to_be_visible()
        await tab_to(page, "#code")
        await page.keyboard.type(await code_of(house, nurse.id))
        await page.keyboard.press("Enter")
        code = await page.locator(".codes code").first.inner_text()
        await tab_to(page, ".panel a.button")
        await page.keyboard.press("Enter")
        await tab_to(page, "[data-sign-out] button")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/sign-in")
        await tab_to(page, "#sign_in")
        await page.keyboard.type("nurse")
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/sign-in/code")
        await page.keyboard.type(code)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the provider is written for an older Authlib
async def test_a_nurse_comes_by_the_organisations_sign_in_and_back_to_the_case(redis: Redis, chromium: Browser) -> None:
    """Through a real provider and the desk's strict policy, from a link to a case, by keyboard on our side."""
    port = free_port()
    people: dict[str, Claims] = {
        "ana": {"email": "ana.ruiz@clinic.example", "email_verified": True},
        "eve": {"email": "eve@x.example"},
    }
    with running_provider(**people) as provider:
        back = f"http://127.0.0.1:{port}/desk/sign-in/open-id/back"
        settings = OpenIdSettings(provider.address, "bedside", back, "s3cret", name="Clinic")
        desk = make_desk(redis, DeskSettings(open_id=settings))
        await desk.add_staff("ana", "Ana Ruiz")
        await desk.services.staff.change("ana", open_id="ana.ruiz@clinic.example")
        case = await desk.open_case(category="asthma")
        async with serving(desk.app, port=port) as root:
            page = await (await chromium.new_context()).new_page()
            refused: list[str] = []
            page.on("console", lambda said: refused.append(said.text) if "Content Security" in said.text else None)
            for who, seen in (("eve", "you have no open account here"), ("ana", "Asthma")):
                await page.goto(f"{root}/desk/cases/{case.id}")
                await tab_to(page, "[data-open-id]")
                await page.keyboard.press("Enter")
                await page.get_by_placeholder("sub").fill(who)
                await page.get_by_role("button", name="Authorize").click()
                await expect(page.locator("main")).to_contain_text(seen)
            assert page.url == f"{root}/desk/cases/{case.id}"
            assert refused == []


async def code_of(desk: Desk, staff_id: str) -> str:
    """Return the code that an authenticator app would show for what is being set up."""
    factors = SecondFactors(desk.services.redis, desk.services.vault)
    secret = await factors._secret(staff_id, "coming")
    assert secret is not None
    return _totp(secret).generate(int(time.time())).decode()


async def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus."""
    await page.locator(selector).first.wait_for(state="attached")
    await page.wait_for_load_state()
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("(selector) => document.activeElement?.matches(selector) ?? false", selector):
            return
    pytest.fail(f"{selector} cannot be reached with the Tab key")
