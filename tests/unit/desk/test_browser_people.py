"""The pages of accounts, people, log, overview and safety in a real Chromium: for everyone, by keyboard, and narrow."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.routing import Mount

from actions.handoff.case import CaseReason, Outcome
from bot.desk.app import desk_routes
from bot.desk.second_factor import SecondFactors, _totp
from bot.desk.staff import Role
from careguard.rulebook import load_rulebook
from careguard.verdict import Level
from tests.browser import running_chromium
from tests.serving import serving
from tests.unit.desk.desk import PASSWORD, Desk, make_desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

REPOSITORY = Path(__file__).resolve().parents[3]
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def axe_script() -> str:
    """Return axe-core, or skip when it is not installed."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-core is not installed (axe-playwright-python brings it): the pages were not checked with it")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser of this test's own."""
    async with running_chromium() as browser:
        yield browser


@pytest.fixture
async def house(redis: Redis) -> Desk:
    """A desk with people of every role, cases that ended and wait, and rules to screen with."""
    made = make_desk(redis)
    services = replace(
        made.services,
        rulebook=load_rulebook(REPOSITORY / "guardrails", REPOSITORY / "locales", ["en", "es"]),
        guardrails=REPOSITORY / "guardrails",
        locales=REPOSITORY / "locales",
        languages=("en",),
    )
    desk = Desk(services, made.line, Starlette(routes=[Mount("/desk", routes=desk_routes(services))]))
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
    found = await page.evaluate(
        "async (tags) => (await axe.run(document, {runOnly: tags})).violations"
        ".map((each) => each.id + ': ' + each.nodes.map((node) => node.html).join(' | '))",
        list(RULES),
    )
    return [str(each) for each in found]


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
        for path in await places(house):
            await page.goto(address + path)
            assert await faults_of(page, axe) == [], path
        await page.goto(f"{address}/account/second-factor")
        await page.locator("#password-second-factor").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.locator(".otp-key")).to_be_visible()
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
        assert await faults_of(door, axe) == []


async def test_nothing_is_cut_off_on_a_phone_and_everything_can_be_tapped(house: Desk, chromium: Browser) -> None:
    """At 320 pixels no page scrolls sideways, and what can be tapped is at least 24 pixels in both directions.

    Source: WCAG 2.2, success criteria 1.4.10 and 2.5.8.
    """
    async with serving(house.app) as root:
        address = f"{root}/desk"
        page = await opened(chromium, address, "admin", viewport={"width": 320, "height": 640})
        for path in ("/", *await places(house)):
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
        await page.keyboard.type("nurse")
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/sign-in/code")
        await page.keyboard.type(code)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()


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
