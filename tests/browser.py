"""A real Chromium for tests: an installed one, else the driver's own, else the test says that it was skipped."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

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


AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FAULTS_BY_AXE = (
    "async (tags) => (await axe.run(document, {runOnly: tags})).violations"
    ".map((each) => each.id + ': ' + each.nodes.map((node) => node.html).join(' | '))"
)
"""What axe-core finds wrong with the page that is shown, once `axe_script` ran there."""


def axe_script() -> str:
    """Return axe-core, or skip when it is not installed."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-core is not installed (axe-playwright-python brings it): the pages were not checked with it")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


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
