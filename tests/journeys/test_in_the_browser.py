"""A patient at the widget and a nurse at the desk, both in a real Chromium, over the whole running product."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser import running_chromium
from tests.journeys.stack import RunningBedside

pytestmark = [pytest.mark.journey, pytest.mark.browser, pytest.mark.timeout(300)]

SLOW_MS = 20_000


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser of this test's own."""
    async with running_chromium() as browser:
        yield browser


async def write(page: Page, text: str) -> None:
    """Write into the widget and send."""
    await page.get_by_role("textbox").fill(text)
    await page.keyboard.press("Enter")


async def test_a_patient_asks_reads_the_sources_and_meets_a_nurse(bedside: RunningBedside, chromium: Browser) -> None:
    patient = await (await chromium.new_context(locale="en-US")).new_page()
    patient.set_default_timeout(SLOW_MS)
    await patient.goto(f"{bedside.address}/?open")
    await write(patient, "What is high blood pressure?")
    await patient.get_by_role("button", name="Yes, that is OK").first.click()
    log = patient.get_by_role("log")
    await expect(log).to_contain_text("walls of your blood vessels", timeout=SLOW_MS)
    await log.locator("button.cite, button[class*=cite], [aria-expanded]").first.click()
    await expect(log).to_contain_text("MedlinePlus", timeout=SLOW_MS)

    await write(patient, "I want to talk to a nurse")
    await expect(log).to_contain_text("asked the care team", timeout=SLOW_MS)

    nurse = await (await chromium.new_context()).new_page()
    nurse.set_default_timeout(SLOW_MS)
    name, password = bedside.first_sign_in()
    await nurse.goto(f"{bedside.address}/desk")
    await nurse.get_by_label("Sign-in name").fill(name)
    await nurse.get_by_label("Password").fill(password)
    await nurse.get_by_role("button", name="Sign in").click()
    row = nurse.get_by_role("row").filter(has_text="I want to talk to a nurse").first
    await row.get_by_role("link").first.click()
    await nurse.get_by_role("button", name="Claim").first.click()
    await expect(log).to_contain_text("is here now", timeout=SLOW_MS)
    await nurse.locator("#reply").fill("Hello, I am a nurse. What worries you?")
    await nurse.get_by_role("button", name="Send").first.click()
    await expect(log).to_contain_text("Hello, I am a nurse. What worries you?", timeout=SLOW_MS)

    await patient.reload()
    await expect(patient.get_by_role("log")).to_contain_text("What worries you?", timeout=SLOW_MS)


async def test_an_emergency_in_the_widget_names_the_number_and_can_be_called(
    bedside: RunningBedside, chromium: Browser
) -> None:
    page = await (await chromium.new_context(locale="en-US")).new_page()
    page.set_default_timeout(SLOW_MS)
    await page.goto(f"{bedside.address}/?open")
    await write(page, "I can't breathe")
    log = page.get_by_role("log")
    await expect(log).to_contain_text("Call 911", timeout=SLOW_MS)
    await expect(log.locator("a[href='tel:911']").first).to_be_visible()
