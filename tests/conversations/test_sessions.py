"""Long conversations, and coming back."""

from __future__ import annotations

import json

import pytest
from redis.asyncio import Redis

from tests.conversations.dialogue import ROLL_OVER_TURNS, Chat

pytestmark = pytest.mark.asyncio(loop_scope="session")


def key_of(chat: Chat) -> str:
    return f"bedside:dialogue:{chat.sender}"


async def stored_events(chat: Chat) -> int:
    async with Redis.from_url(chat.dialogue.redis_url) as redis:
        return int(await redis.llen(key_of(chat)))


async def let_time_pass(chat: Chat, seconds: float) -> None:
    """Make everything that was said be said that much earlier."""
    async with Redis.from_url(chat.dialogue.redis_url, decode_responses=True) as redis:
        events = [json.loads(entry) for entry in await redis.lrange(key_of(chat), 0, -1)]
        earlier = [json.dumps(event | {"timestamp": event["timestamp"] - seconds}) for event in events]
        note = {"event": "slot", "name": "red_flag", "value": "unknown", "timestamp": events[-1]["timestamp"] - seconds}
        await redis.delete(key_of(chat))
        await redis.rpush(key_of(chat), *earlier, json.dumps(note))


async def test_a_long_conversation_is_folded_in_silence_and_forgets_nothing_that_matters(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("What is asthma?")
    await chat.answer_was_given("asthma")
    sizes = []
    for _ in range(2 * ROLL_OVER_TURNS):
        await chat.patient("thank you")
        chat.expect_reply("thanks")
        sizes.append(await stored_events(chat))
    assert max(sizes) > sizes[-1], "the conversation was never folded"
    await chat.tap("simpler")
    chat.expect_order(question="What is asthma?", topic="asthma", style="simpler")


async def test_who_comes_back_after_a_while_is_welcomed_back_and_need_not_consent_again(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("What is asthma?")
    await chat.answer_was_given("asthma")
    await let_time_pass(chat, 2 * 3600)
    await chat.patient("What is diabetes?")
    chat.expect_reply("welcome_back")
    chat.expect_order(question="What is diabetes?", topic=None)
    await chat.patient("hello")
    chat.expect_reply("greet")


async def test_who_comes_back_without_consent_is_asked_again_and_the_question_still_waits(chat: Chat) -> None:
    await chat.patient("What is asthma?")
    await let_time_pass(chat, 2 * 3600)
    await chat.patient("hello")
    chat.expect_reply("welcome")
    await chat.patient("yes")
    chat.expect_order(question="What is asthma?")


async def test_a_button_of_an_earlier_session_works_without_a_welcome(chat: Chat) -> None:
    await chat.patient("What is asthma?")
    await let_time_pass(chat, 2 * 3600)
    await chat.tap("consent:yes")
    chat.expect_reply("consent_thanks")
    chat.expect_order(question="What is asthma?")


async def test_only_the_present_session_is_stored_and_it_expires(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("thank you", "thank you", "thank you")
    before = await stored_events(chat)
    await let_time_pass(chat, 2 * 3600)
    await chat.patient("hello")
    assert await stored_events(chat) < before
    async with Redis.from_url(chat.dialogue.redis_url) as redis:
        assert 3500 < await redis.ttl(key_of(chat)) <= 3600


async def test_a_conversation_that_cannot_be_read_any_more_begins_anew(chat: Chat) -> None:
    await chat.agree()
    async with Redis.from_url(chat.dialogue.redis_url) as redis:
        await redis.rpush(key_of(chat), "{not json")
    await chat.patient("hello")
    chat.expect_reply("welcome")
    await chat.tap("consent:yes")
    await chat.patient("What is asthma?")
    chat.expect_order(question="What is asthma?")


async def test_a_forgotten_conversation_begins_anew(chat: Chat) -> None:
    await chat.agree()
    response = await chat.dialogue.client.delete(f"/conversations/{chat.sender}")
    assert response.status_code == 200
    assert await stored_events(chat) == 0
    await chat.patient("hello")
    chat.expect_reply("welcome")
