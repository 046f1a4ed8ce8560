"""A patient who leaves, or says stop, ends the model's work through the whole actions process."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx

from actions.answering.pipeline import Drafting, Parts
from actions.app import create_app
from actions.settings import load_settings
from tests.serving import serving

from .models import SilentModel

TOKEN = "t" * 40
ORDER = {"question": "What is sunburn?", "language": "en", "message_id": "m1"}


async def test_when_the_gateway_hangs_up_the_model_stops(prepared: tuple[Path, Path], parts: Parts) -> None:
    """The gateway hangs up when the patient leaves or says stop; the model is thinking, and has said nothing yet."""
    model = SilentModel()
    drafting = Drafting(model, 60, 100, asyncio.Semaphore(1))
    settings = load_settings(internal_token=TOKEN, locales=prepared[0], data_dir=prepared[1])
    async with (
        asyncio.timeout(60),
        serving(create_app(settings, replace(parts, drafting=drafting))) as address,
        httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as gateway,
    ):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        asking = asyncio.create_task(gateway.post("/answers", json=ORDER, headers=headers))
        while not drafting.at_once.locked():
            await asyncio.sleep(0.01)
        asking.cancel()
        while not model.stopped:
            await asyncio.sleep(0.01)
        assert not drafting.at_once.locked(), "and the next patient's draft begins"
