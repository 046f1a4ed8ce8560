"""A patient on Telegram, over the whole running product and a Bot API server that behaves like Telegram's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from tests.fakes.bot_api import TOKEN, FakeBotApi
from tests.journeys.stack import RunningBedside, running_bedside
from tests.serving import serving
from tests.store import free_port

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


class TelegramPatient:
    """Writes and reads through a Bot API server in a thread, since the product starts before any test loop."""

    def __init__(self) -> None:
        self.api = FakeBotApi()
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def start(self) -> None:
        """Open the server."""
        self._thread.start()

    def stop(self) -> None:
        """Close the server."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)
        self._loop.close()

    def say(self, text: str) -> None:
        """Send a text."""
        self._run(self.api.patient_sends(text=text))

    def tap(self, payload: str) -> None:
        """Tap a button."""
        self._run(self.api.patient_taps(payload))

    def read(self, count: int) -> list[dict[str, Any]]:
        """Return everything received, once there are `count` messages."""
        received: list[dict[str, Any]] = self._run(self.api.wait_for_sent(count, timeout_s=60)).result(timeout=70)
        return received

    def _run(self, work: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _serve(self) -> None:
        async with serving(self.api.app(), port=self.port):
            await self._stop.wait()


@pytest.fixture(scope="module")
def telegram(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TelegramPatient, RunningBedside]]:
    """The product with a token set, and a patient who writes to its bot."""
    patient = TelegramPatient()
    patient.start()
    settings = {
        "BEDSIDE_TELEGRAM_TOKEN": TOKEN,
        "BEDSIDE_TELEGRAM_BASE_URL": f"http://127.0.0.1:{patient.port}/bot",
    }
    try:
        with running_bedside(tmp_path_factory.mktemp("telegram"), **settings) as running:
            yield patient, running
    finally:
        patient.stop()


def test_a_patient_on_telegram_agrees_asks_and_gets_a_cited_answer(
    telegram: tuple[TelegramPatient, RunningBedside],
) -> None:
    patient, running = telegram
    patient.say("What is high blood pressure?")
    welcome = patient.read(1)[0]
    assert "AI" in welcome["text"]
    patient.read(2)
    patient.tap("consent:yes")
    sent = patient.read(4)
    answer = next(message for message in sent if "blood vessels" in message["text"])
    assert "https://medlineplus.gov" in answer["text"]

    before = len(sent)
    patient.say("I can't breathe")
    assert "911" in patient.read(before + 1)[before]["text"]

    running.kill("gateway")
    patient.say("thank you")
    assert patient.read(before + 2)
