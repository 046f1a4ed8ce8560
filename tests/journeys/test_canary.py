"""Identifiers never reach a log, a metric, dialogue or the disk in clear; a patient's words never reach a log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.chat import chatting
from tests.journeys.stack import RunningBedside, running_bedside

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

NAME, PHONE, EMAIL = "Zelda Canaryvogel", "415-555-2671", "zelda.canaryvogel@example.com"
IDENTIFIERS = (b"Canaryvogel", b"canaryvogel", b"415-555-2671", b"4155552671")
WORDS = (b"grompledink", b"quibberflax")
"""Words that nothing but the patient would write."""


@pytest.fixture(scope="module")
def own_bedside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBedside]:
    """A product of this module's own, whose every file can be read through."""
    with running_bedside(tmp_path_factory.mktemp("canary")) as running:
        yield running


async def test_what_a_patient_tells_stays_between_the_patient_and_the_desk(own_bedside: RunningBedside) -> None:
    async with chatting(own_bedside.address) as chat:
        await chat.agree()
        for text in (
            f"My name is {NAME}, my phone is {PHONE}, my e-mail is {EMAIL}. What is high blood pressure?",
            "my grompledink feels quibberflax today, what can I do?",
            f"I am {NAME} and I can't breathe, grompledink",
            "I want to talk to a nurse about my quibberflax",
        ):
            await chat.patient(text)
            await chat.expect_answer_to_last()
        await chat.post("x" * 70_000 + " grompledink")
    async with httpx.AsyncClient(base_url=own_bedside.address) as client:
        metrics = (await client.get("/metrics")).content
    await asyncio.sleep(1.5)  # the store writes to its disk once a second
    kept = {path: path.read_bytes() for path in own_bedside.folder.rglob("*") if path.is_file()}
    logs = {path.name: content for path, content in kept.items() if path.parent.name == "logs"}
    assert {"gateway.log", "dialogue.log", "actions.log", "store.log"} <= set(logs)
    assert any(b"bedside:dialogue:" in content for content in kept.values()), "the store's disk was not read"
    for identifier in IDENTIFIERS:
        assert identifier not in metrics
        assert _holding(identifier, kept) == []
    for word in WORDS:
        assert word not in metrics
        assert [name for name, content in logs.items() if word in content] == []


def _holding(canary: bytes, kept: dict[Path, bytes]) -> list[str]:
    return [str(path) for path, content in kept.items() if canary in content]
