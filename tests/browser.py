"""A real Chromium for tests: an installed one, else the driver's own, else the test says that it was skipped."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Error, async_playwright

INSTALLED = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Nothing of the browser's own goes out while a test runs."""


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """Give a Chromium of the test's own."""
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=INSTALLED, args=QUIET)
        except Error:
            pytest.skip("no Chromium: neither an installed one nor the driver's own; the page was not driven")
        try:
            yield browser
        finally:
            await browser.close()
