"""The care team's way to a patient: suggestions, and how far a reply came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis

from actions.handoff.case import Case, CitedSource, OutgoingReply
from bot.desk.services import Delivery
from bot.errors import AnswerError
from bot.gateway.app import build_services
from bot.gateway.care_line import CareLine
from bot.gateway.services import Services
from tests.chat import Chat
from tests.fakes.bot_api import TOKEN, FakeBotApi
from tests.serving import serving
from tests.unit.gateway.conftest import Gateway, start_gateway

SOURCE = CitedSource(
    "high_blood_pressure/in_short/1", "High blood pressure", "https://example.org", "MedlinePlus", None
)


@pytest.fixture
async def services(gateway: Gateway) -> AsyncIterator[Services]:
    """The same store and processes that the running gateway has."""
    async with Redis.from_url(gateway.settings.redis_url, decode_responses=True) as redis:
        made = build_services(gateway.settings, redis)
        yield made
        await made.dialogue.close()
        await made.answering.close()


async def waiting_case(chat: Chat, services: Services) -> Case:
    await chat.patient("person")
    case_id = (await chat.expect(name="case", state="waiting"))["case_id"]
    return await services.cases.claim(case_id, "ana")


async def until(line: CareLine, case_id: str, wanted: Delivery) -> None:
    async with asyncio.timeout(15):
        while (await line.deliveries(await line.services.cases.get(case_id))).get("r1") != wanted:
            await asyncio.sleep(0.05)


async def test_a_suggestion_is_what_the_bot_would_answer_to_the_last_question(
    gateway: Gateway, services: Services
) -> None:
    """Reviewed, with its sources, without identifiers on the way; nothing reviewed is nothing suggested."""
    chat = await gateway.chat(country="US")
    case = await waiting_case(chat, services)
    line = CareLine(services)
    await chat.patient("My mail is ana@clinic.example. What is high blood pressure?")
    await chat.expect(name="read")
    suggestion = await line.suggest_reply(case)
    assert suggestion is not None
    assert suggestion.text == "High blood pressure often has no signs. A nurse can check it for you."
    assert [source.title for source in suggestion.sources] == ["High blood pressure"]
    assert "ana@clinic.example" not in str(gateway.answering.orders)
    gateway.answering.failure = "abstain"
    assert await line.suggest_reply(case) is None
    gateway.answering.failure = "error"
    with pytest.raises(AnswerError):
        await line.suggest_reply(case)


async def test_without_a_question_nothing_is_suggested(gateway: Gateway, services: Services) -> None:
    """A tapped button is no question."""
    chat = await gateway.chat(country="US")
    case = await waiting_case(chat, services)
    assert await CareLine(services).suggest_reply(case) is None


async def test_a_reviewed_suggestion_is_marked_so_and_a_reply_is_known_to_have_arrived(
    gateway: Gateway, services: Services
) -> None:
    """On the web a reply has arrived once the patient's device fetched it."""
    chat = await gateway.chat(country="US")
    case = await waiting_case(chat, services)
    line = CareLine(services)
    reply = OutgoingReply("r1", "ana", "Ana", "It often has no signs.", 0.0, 0.0, suggested=True, sources=(SOURCE,))
    await services.cases.hold_reply(case.id, reply)
    said = await chat.expect(kind="human", author="bot_reviewed")
    assert said["citations"][0]["id"] == SOURCE.id
    assert said["person_name"] == "Ana"
    await until(line, case.id, Delivery("sent"))


async def test_a_reply_waits_for_a_patient_who_is_away(gateway: Gateway, services: Services) -> None:
    """Stored, until the patient's device comes for it."""
    chat = await gateway.chat(country="US")
    case = await waiting_case(chat, services)
    line = CareLine(services)
    gone = services.conversations
    conversation = await gone.load(case.conversation_id)
    asleep, _ = await gone.open_web(language="en", country="US", origin=conversation.origin)
    moved = Case.from_json(case.as_json() | {"conversation_id": asleep.id})
    reply = OutgoingReply("r1", "ana", "Ana", "Are you there?", 0.0, 0.0)
    await line.send_outgoing(moved, reply)
    held = moved.with_reply(reply)
    assert await line.deliveries(held) == {"r1": Delivery("stored")}


async def test_a_patient_who_blocked_the_bot_is_known_to_have_got_nothing(store_url: str) -> None:
    """Telegram tells why it takes no more, and the desk can say so."""
    api = FakeBotApi()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(api.app()))
        gateway = await start_gateway(stack, store_url, telegram_token=TOKEN, telegram_base_url=f"{url}/bot")
        services = build_services(gateway.settings, gateway.redis)
        line = CareLine(services)
        await api.patient_sends(text="/person")
        await api.wait_for_sent(1)
        [case] = await services.cases.waiting()
        await services.cases.claim(case.id, "ana")
        await services.cases.hold_reply(case.id, OutgoingReply("r1", "ana", "Ana", "Hello", 0.0, 0.0))
        await until(line, case.id, Delivery("sent"))
        api.blocked = True
        await services.cases.hold_reply(case.id, OutgoingReply("r2", "ana", "Ana", "Still there?", 0.0, 0.0))
        async with asyncio.timeout(15):
            while True:
                known = await line.deliveries(await services.cases.get(case.id))
                if known.get("r2", Delivery("")).state == "failed":
                    break
                await asyncio.sleep(0.05)
        assert known["r2"].reason == "Forbidden"
        await services.dialogue.close()
        await services.answering.close()
