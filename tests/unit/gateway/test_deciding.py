"""Where one missing fact decides, the bot asks it; yes and silence call people, no goes on with the question."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from actions.vault import Vault
from bot.gateway import app as app_module
from bot.gateway.app import build_services
from bot.gateway.deciding import WAIT_S, DecidingQuestions, OpenQuestion, act_on_silence, ask
from bot.gateway.message import PatientMessage
from bot.gateway.services import Services
from bot.settings import GatewaySettings
from careguard.screen import screen
from careguard.verdict import Level
from tests.unit.gateway.conftest import Gateway, start_gateway
from tests.unit.handoff.clock import FakeClock

OLD_SIGN = "I have had chest pain on and off for 3 years. Is there any treatment?"
OLD_SIGN_IN_SPANISH = "Mi papá tiene dolor de pecho crónico. ¿Qué tratamiento hay?"


async def test_a_sign_that_may_be_old_is_asked_about_with_buttons(gateway: Gateway) -> None:
    chat = await gateway.chat()
    await chat.patient(OLD_SIGN)
    reply = await chat.expect_answer_to_last(kind="clarify")
    assert [button["payload"] for button in reply["quick_replies"]] == [
        "happening:yes",
        "happening:no",
        "happening:unsure",
    ]
    assert "911" in reply["text"]
    assert not gateway.dialogue.turns


async def test_it_is_asked_in_the_language_of_the_patient(gateway: Gateway) -> None:
    chat = await gateway.chat(country="ES")
    await chat.patient(OLD_SIGN_IN_SPANISH)
    reply = await chat.expect_answer_to_last(kind="clarify", language="es")
    assert "112" in reply["text"]


@pytest.mark.parametrize("answer", ["happening:yes", "happening:unsure", "yes", "Yes, now", "sí", "not sure"])
async def test_yes_gives_the_words_of_the_red_flag_and_its_case(gateway: Gateway, answer: str) -> None:
    chat = await gateway.chat()
    await chat.patient(OLD_SIGN)
    await chat.expect_answer_to_last(kind="clarify")
    await chat.patient(answer)
    reply = await chat.expect_answer_to_last(kind="emergency")
    case = await chat.expect(name="case", state="waiting", level="emergency")
    assert reply["case_id"] == case["case_id"]
    assert await gateway.redis.zcard("bedside:deciding") == 0


@pytest.mark.parametrize("answer", ["happening:no", "no", "No, not now"])
async def test_no_answers_the_question_and_raises_nothing(gateway: Gateway, answer: str) -> None:
    gateway.dialogue.decide = lambda turn: [{"reply": "greet"}]
    chat = await gateway.chat()
    await chat.patient(OLD_SIGN)
    await chat.expect_answer_to_last(kind="clarify")
    await chat.patient(answer)
    await chat.expect_answer_to_last(kind="notice")
    assert gateway.dialogue.turns[-1]["text"] == OLD_SIGN
    assert await gateway.redis.zcard("bedside:deciding") == 0
    assert not [message for message in chat.messages() if message["kind"] == "emergency"]


async def test_a_red_flag_said_instead_of_an_answer_fires_at_once(gateway: Gateway) -> None:
    chat = await gateway.chat()
    await chat.patient(OLD_SIGN)
    await chat.expect_answer_to_last(kind="clarify")
    await chat.patient("no but now it hurts in my chest and I can't breathe")
    await chat.expect_answer_to_last(kind="emergency")


@pytest.mark.parametrize("evasive", ["I'm fine now, forget it", "what is high blood pressure?"])
async def test_changing_the_subject_is_no_answer(gateway: Gateway, evasive: str) -> None:
    gateway.dialogue.decide = lambda turn: [{"reply": "greet"}]
    chat = await gateway.chat()
    await chat.patient(OLD_SIGN)
    await chat.expect_answer_to_last(kind="clarify")
    await chat.patient(evasive)
    await chat.expect_answer_to_last(kind="notice")
    assert await gateway.redis.zcard("bedside:deciding") == 1


async def test_a_late_tap_on_yes_still_counts(gateway: Gateway) -> None:
    chat = await gateway.chat()
    await chat.patient("happening:yes")
    await chat.expect_answer_to_last(kind="emergency")


async def test_without_an_open_question_yes_and_no_are_ordinary_words(gateway: Gateway) -> None:
    gateway.dialogue.decide = lambda turn: [{"reply": "greet"}]
    chat = await gateway.chat()
    for word in ("yes", "no"):
        await chat.patient(word)
        await chat.expect_answer_to_last(kind="notice")


async def test_silence_for_a_minute_is_yes(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    monkeypatch.setattr(app_module, "DecidingQuestions", functools.partial(DecidingQuestions, clock=clock))
    async with AsyncExitStack() as stack:
        gateway = await start_gateway(stack, store_url)
        chat = await gateway.chat()
        await chat.patient(OLD_SIGN)
        await chat.expect_answer_to_last(kind="clarify")
        clock.pass_s(WAIT_S + 1)
        reply = await chat.expect(kind="emergency", reply_to=chat.last_message_id)
        case = await chat.expect(name="case", state="waiting", level="emergency")
        assert reply["case_id"] == case["case_id"]


@pytest.fixture
async def services(store_url: str) -> AsyncIterator[Services]:
    """The gateway's parts without their doors; nobody sweeps but the test."""
    settings = GatewaySettings.model_validate(
        {
            "redis_url": store_url,
            "dialogue_url": "http://127.0.0.1:9",
            "actions_url": "http://127.0.0.1:9",
            "internal_token": "t" * 40,
            "data_key": Vault.new_key(),
        }
    )
    async with Redis.from_url(store_url, decode_responses=True) as redis:
        services = build_services(settings, redis)
        yield services
        await services.background.stop()
        await services.dialogue.close()
        await services.answering.close()


def with_clock(services: Services, clock: FakeClock) -> Services:
    """Return the parts as a process started at this time would have them."""
    redis = services.deciding._redis
    vault = services.deciding._vault
    return replace(services, deciding=DecidingQuestions(redis, vault, ttl_s=3600, clock=clock))


async def asked(services: Services) -> PatientMessage:
    conversation, _ = await services.conversations.open_web(language="en", country="US", origin="")
    message = PatientMessage(id="m1", conversation_id=conversation.id, text=OLD_SIGN, received_at=1.0)
    await ask(services, conversation, message, screen(OLD_SIGN, services.rulebook))
    return message


async def test_before_the_minute_is_over_nothing_happens(services: Services) -> None:
    clock = FakeClock()
    services = with_clock(services, clock)
    message = await asked(services)
    clock.pass_s(WAIT_S - 1)
    await act_on_silence(services)
    assert (await services.conversations.load(message.conversation_id)).episode.level is Level.NONE
    assert len(await services.deciding.of(message.conversation_id)) == 1


async def test_a_restart_does_not_lose_the_deadline(services: Services) -> None:
    clock = FakeClock()
    message = await asked(with_clock(services, clock))
    later = with_clock(services, FakeClock(clock.now + WAIT_S + 1))
    await act_on_silence(later)
    conversation = await later.conversations.load(message.conversation_id)
    assert conversation.episode.level is Level.EMERGENCY
    case = await later.cases.open_case_of(message.conversation_id)
    assert case is not None and case.level is Level.EMERGENCY and case.category == "chest_pain"
    assert "chest" in " ".join(case.matched)
    assert await later.deciding.of(message.conversation_id) == []


async def test_acting_on_silence_twice_changes_nothing_more(services: Services) -> None:
    message = await asked(with_clock(services, FakeClock(0.0)))
    await services.deciding.open(OpenQuestion(message, screen(OLD_SIGN, services.rulebook)))
    await act_on_silence(services)
    await act_on_silence(services)
    entries = await services.transcript.read(message.conversation_id, limit=20)
    assert [entry.kind for entry in entries] == ["clarify", "emergency"]


async def test_a_question_that_cannot_be_acted_on_stays(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    message = await asked(with_clock(services, FakeClock(0.0)))

    async def no_store(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr("bot.gateway.deciding.escalate", no_store)
    await act_on_silence(services)
    assert len(await services.deciding.of(message.conversation_id)) == 1


async def test_erasing_deletes_the_question(services: Services) -> None:
    message = await asked(services)
    assert await services.deciding.erase(message.conversation_id) == 1
    assert await services.deciding.of(message.conversation_id) == []
    assert await services.deciding.overdue() == []
