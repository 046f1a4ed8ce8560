"""The clarifying question and what stands around an answer, on their way through the gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.gateway.conversation import Conversation
from bot.gateway.ratings import Ratings
from bot.gateway.wording import Wording, load_wording
from tests.fakes.answering import PASSAGE
from tests.fakes.bot_api import FakeBotApi
from tests.unit.gateway.conftest import Gateway

LOCALES = Path(__file__).resolve().parents[3] / "locales"
WHICH = ("type_1_diabetes", "type_2_diabetes")
CARD: dict[str, Any] = {
    "passages": {PASSAGE: {"text": "High blood pressure often has no signs.", "written_on": "2026-11-24"}},
    "help": [1],
    "related": [
        {"topic": "high_blood_pressure", "facet": "cause", "title": "Causes"},
        {"topic": "heart_attack", "title": "Heart attack"},
    ],
}


def decide(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """Decide like a dialogue that has consent, with taps and ratings."""
    intent = turn["intent"] or {}
    entities = intent.get("entities", {})
    order = {"question": turn["text"], "topic": None, "style": "normal", "if_no_answer": "clarify"}
    match intent.get("name"):
        case "choose_topic":
            return [{"order": order | {"question": "diabetes", "about": entities["topic"], "may_ask": False}}]
        case "ask_sources":
            return [{"effect": {"name": "show_sources"}}]
        case "feedback_negative":
            return [{"effect": {"name": "feedback", "helpful": False}}, {"reply": "feedback_sorry"}]
        case "feedback_reason":
            effect = {"name": "feedback", "helpful": False, "reason": entities["reason"]}
            return [{"effect": effect}, {"reply": "feedback_noted"}]
        case "confirm_erase":
            return [{"effect": {"name": "erase"}}]
    return [{"order": order}]


async def test_a_general_question_is_asked_back_with_the_topics_as_buttons_and_a_tap_is_answered(
    gateway: Gateway,
) -> None:
    gateway.dialogue.decide, gateway.answering.which = decide, WHICH
    chat = await gateway.chat()
    await chat.patient("diabetes please")
    asked = await chat.expect_answer_to_last(kind="clarify")
    assert "1. Type 1 diabetes\n2. Type 2 diabetes" in asked["text"]
    buttons = {button["payload"]: button["title"] for button in asked["quick_replies"]}
    assert buttons["topic:type_2_diabetes"] == "Type 2 diabetes"
    assert list(buttons)[-1] == "choice:other"
    async with asyncio.timeout(5):
        while not gateway.dialogue.events:
            await asyncio.sleep(0.01)
    (event,) = gateway.dialogue.events[0]["events"]
    assert event["name"] == "choice"
    assert event["value"] == {"question": "diabetes please", "topics": list(WHICH)}
    await chat.patient("topic:type_2_diabetes")
    await chat.expect_answer_to_last(kind="answer")
    assert gateway.dialogue.turns[-1]["intent"] == {
        "name": "choose_topic",
        "entities": {"topic": "type_2_diabetes"},
    }
    ordered = gateway.answering.orders[-1]
    assert (ordered["about"], ordered["may_ask"]) == ("type_2_diabetes", False)


async def test_an_emergency_after_a_clarifying_question_comes_first(gateway: Gateway) -> None:
    gateway.dialogue.decide, gateway.answering.which = decide, WHICH
    chat = await gateway.chat()
    await chat.patient("diabetes please")
    await chat.expect_answer_to_last(kind="clarify")
    await chat.patient("I have crushing chest pain")
    await chat.expect_answer_to_last(kind="emergency")


async def test_an_answer_carries_its_card(gateway: Gateway) -> None:
    gateway.dialogue.decide, gateway.answering.card = decide, CARD
    chat = await gateway.chat()
    await chat.patient("What is high blood pressure?")
    answer = await chat.expect_answer_to_last(kind="answer")
    assert answer["passages"] == CARD["passages"]
    assert answer["help"] == [1]
    assert set(answer["citations"][0]) == {"id", "title", "url", "publisher", "reviewed_on"}
    assert {"title": "Causes", "payload": "topic:high_blood_pressure:cause"} in answer["quick_replies"]
    await chat.patient("topic:heart_attack")  # a button, and no red flag
    await chat.expect_answer_to_last(kind="answer")
    await chat.patient("sources")
    assert (await chat.expect_answer_to_last(kind="notice"))["passages"] == CARD["passages"]


async def test_why_an_answer_did_not_help_is_kept_without_words_and_erased_with_the_rest(gateway: Gateway) -> None:
    gateway.dialogue.decide = decide
    chat = await gateway.chat()
    await chat.patient("What is high blood pressure?")
    await chat.expect_answer_to_last(kind="answer")
    answered = chat.last_message_id
    for payload, shown in (("feedback:no", "unhelpful:hard"), ("unhelpful:hard", "simpler")):
        await chat.patient(payload)
        reply = await chat.expect_answer_to_last(kind="notice")
        assert shown in [button["payload"] for button in reply["quick_replies"]]
    ratings = Ratings(gateway.redis, ttl_s=60)
    (rating,) = await ratings.of(chat.conversation_id)
    assert (rating.answered, rating.helpful, rating.reason) == (answered, False, "hard_to_read")
    assert rating.topic == "high_blood_pressure"
    await chat.patient("erase:yes")
    await chat.expect_answer_to_last(kind="notice")
    assert await ratings.of(chat.conversation_id) == []


async def test_telegram_shows_the_card_in_words_and_buttons(telegram: tuple[Gateway, FakeBotApi]) -> None:
    gateway, api = telegram
    gateway.dialogue.decide, gateway.answering.card = decide, CARD
    await api.patient_sends(text="What is high blood pressure?")
    (answer,) = await api.wait_for_sent(1)
    assert "Not yet reviewed by a clinician" in answer["text"]
    payloads = [button["callback_data"] for row in answer["markup"]["inline_keyboard"] for button in row]
    assert "topic:high_blood_pressure:cause" in payloads
    assert all(len(payload.encode()) <= 64 for payload in payloads)
    await api.patient_taps("sources")
    sources = (await api.wait_for_sent(2))[-1]
    assert "“High blood pressure often has no signs.”" in sources["text"]
    assert "2026-11-24" in sources["text"]


@pytest.fixture(scope="module")
def wording() -> Wording:
    return load_wording(LOCALES, ("en", "es"))


@pytest.mark.parametrize("text", ["topic:no_such_topic", "topic:", "topic:asthma or chest pain", "topic:ASTHMA"])
def test_what_only_looks_like_a_topics_button_is_a_message(text: str, wording: Wording) -> None:
    assert wording.button(text) is None


def test_every_shipped_topic_fits_a_button_with_its_facet(wording: Wording) -> None:
    assert wording.topics
    assert all(len(f"topic:{topic}:treatment".encode()) <= 64 for topic in wording.topics)


async def test_a_second_rating_takes_the_place_of_the_first(store_url: str) -> None:
    async with Redis.from_url(store_url, decode_responses=True) as redis:
        ratings = Ratings(redis, ttl_s=60, clock=lambda: 1.0)
        patient = Conversation(
            "w_1", "web", "en", False, "US", 0.0, 9.0, last_answered="m_1", last_citations=({"id": "flu/in_short/1"},)
        )
        assert await ratings.rate(patient, helpful=False)
        assert not await ratings.rate(patient, helpful=False, reason="not_right")
        assert not await ratings.rate(patient, helpful=False, reason="<script>")
        (rating,) = await ratings.of("w_1")
        assert (rating.reason, rating.topic) == ("not_right", "flu")
        assert await ratings.rate(patient, helpful=True)
        (rating,) = await ratings.of("w_1")
        assert (rating.helpful, rating.reason) == (True, None)
