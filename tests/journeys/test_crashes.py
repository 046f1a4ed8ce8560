"""A message that was accepted is never lost and never answered twice, whatever is killed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import httpx
import pytest

from tests.chat import Chat, chatting
from tests.journeys.stack import RunningBedside, running_bedside

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

PATIENTS = 4
QUESTIONS = ("thank you", "What is high blood pressure?", "what can you do?", "What is asthma?", "are you a robot?")


@pytest.fixture(scope="module")
def own_bedside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBedside]:
    """A product of this module's own, since its processes are killed."""
    with running_bedside(tmp_path_factory.mktemp("crashes")) as running:
        yield running


@pytest.mark.parametrize("process", ["gateway", "store", "actions", "dialogue"])
async def test_every_accepted_message_gets_its_reply_when_a_process_is_killed(
    own_bedside: RunningBedside, process: str
) -> None:
    chaos = random.Random(process)
    async with asyncio.TaskGroup() as group:
        patients = [group.create_task(_patient(own_bedside.address)) for _ in range(PATIENTS)]
        await asyncio.sleep(chaos.uniform(1.0, 2.5))
        own_bedside.kill(process)
    for patient in patients:
        accepted, replies = patient.result()
        ids = [str(reply["id"]) for reply in replies]
        assert len(set(ids)) == len(ids), f"a reply came twice after killing {process}"
        kinds = {message_id: [r["kind"] for r in replies if r["reply_to"] == message_id] for message_id in accepted}
        assert all(kinds.values()), f"without a reply after killing {process}"
        # One message may have two replies (a first contact is welcomed too), but no apology beside an answer.
        assert all(len(each) == 1 for each in kinds.values() if "unavailable" in each), kinds


async def _patient(address: str) -> tuple[list[str], list[dict[str, object]]]:
    """Write for a few seconds, whatever happens; return what was accepted and every reply."""
    async with chatting(address) as chat:
        for opening in ("hello", "consent:yes"):
            await _send_until_accepted(chat, opening)
        accepted = []
        for question in QUESTIONS:
            accepted.append(await _send_until_accepted(chat, question))
            await asyncio.sleep(0.5)
        chat.events.clear()
        return accepted, await _read_all(chat, set(accepted))


async def _send_until_accepted(chat: Chat, text: str) -> str:
    client_message_id = f"{chat.conversation_id}-{text}"
    async with asyncio.timeout(120):
        while True:
            try:
                response = await chat.post(text, client_message_id)
            except httpx.HTTPError:
                await asyncio.sleep(0.3)
                continue
            if response.status_code == 202:
                return str(response.json()["message_id"])
            assert response.status_code == 503, response.text
            await asyncio.sleep(0.3)


async def _read_all(chat: Chat, wanted: set[str]) -> list[dict[str, object]]:
    """Read the stream from its beginning, reconnecting when it breaks, until every wanted message has its reply."""
    async with asyncio.timeout(120):
        while True:
            chat.events.clear()
            reading = asyncio.create_task(chat.read_on())
            await asyncio.wait({reading}, timeout=3)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            replies = chat.messages()
            if wanted <= {str(reply["reply_to"]) for reply in replies}:
                return replies
