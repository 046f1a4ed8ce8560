"""The door into Rasa: who may enter, what is refused, and that no failure is silent."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from tests.conversations.dialogue import Chat, RunningDialogue

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Basic a-token-for-tests"])
@pytest.mark.parametrize(("method", "path"), [("POST", "/turn"), ("POST", "/events"), ("DELETE", "/conversations/a")])
async def test_nobody_enters_without_the_token(
    dialogue: RunningDialogue, authorization: str, method: str, path: str
) -> None:
    headers = {"Authorization": authorization}
    response = await dialogue.client.request(method, path, headers=headers, json={"sender": "a", "text": "hi"})
    assert response.status_code == 401


async def test_no_other_door_is_open(dialogue: RunningDialogue) -> None:
    base = str(dialogue.client.base_url).removesuffix("/webhooks/bedside/")
    async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
        for path in ("/webhooks/rest/webhook", "/model/parse", "/conversations/a/tracker", "/status"):
            assert (await client.post(path, json={"sender": "a", "message": "hi"})).status_code in {404, 405}


@pytest.mark.parametrize("text", ["", "   ", "/", "\0", None, 7, [], {}, "a" * 4001])
async def test_what_is_no_text_is_refused(chat: Chat, text: object) -> None:
    response = await chat.post(text=text, intent=None)
    assert response.status_code == 422
    assert response.json() == {"error": "text"}


@pytest.mark.parametrize("sender", [None, "", "a b", "../a", "a\n", "a" * 201, 7, "*"])
async def test_who_has_no_proper_id_is_refused(dialogue: RunningDialogue, sender: object) -> None:
    response = await dialogue.client.post("/turn", json={"sender": sender, "text": "hi"})
    assert response.status_code == 422


@pytest.mark.parametrize(
    "intent",
    [
        "emergency",
        {"name": "restart"},
        {"name": "session_start"},
        {"name": "back"},
        {"name": "no_such_intent"},
        {"name": "emergency", "entities": []},
        {"name": "emergency", "entities": {"no_such_entity": "x"}},
    ],
)
async def test_only_intents_that_we_know_can_be_told(chat: Chat, intent: object) -> None:
    response = await chat.post(text="x", intent=intent)
    assert response.status_code == 422


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff"])
async def test_a_body_that_is_no_object_is_refused(dialogue: RunningDialogue, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert (await dialogue.client.post("/turn", content=body, headers=headers)).status_code == 422


async def test_the_longest_message_is_understood(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("What is asthma? " * 250)
    chat.expect_order(style="normal")


@pytest.mark.parametrize("command", ["/restart", "/session_start", '/emergency{"category": "x"}', "//back"])
async def test_a_leading_slash_commands_nothing(chat: Chat, command: str) -> None:
    await chat.agree()
    response = await chat.post(text=command, intent=None)
    assert response.status_code == 200
    assert not [message for message in response.json()["messages"] if "handoff" in message]
    await chat.patient("hello")
    chat.expect_reply("greet")


@pytest.mark.parametrize(
    "event",
    [
        {"event": "user", "text": "x"},
        {"event": "action", "name": "action_listen"},
        {"event": "restart"},
        {"event": "no_such_event"},
        {"event": "slot"},
        "x",
    ],
)
async def test_only_words_and_slots_can_be_appended(chat: Chat, event: Any) -> None:
    await chat.agree()
    response = await chat.dialogue.client.post("/events", json={"sender": chat.sender, "events": [event]})
    assert response.status_code == 422


async def test_nothing_is_appended_to_a_conversation_that_is_not_there(chat: Chat) -> None:
    events = [{"event": "slot", "name": "topic", "value": "asthma"}]
    response = await chat.dialogue.client.post("/events", json={"sender": chat.sender, "events": events})
    assert response.json() == {"appended": 0}
    async with Redis.from_url(chat.dialogue.redis_url) as redis:
        assert not await redis.exists(f"bedside:dialogue:{chat.sender}")


async def test_a_dead_actions_process_is_an_error_and_the_message_can_be_sent_again(chat: Chat) -> None:
    await chat.agree()
    await chat.dialogue.stop_actions()
    try:
        response = await chat.post(text="What is zebrafever?", intent=None)
        assert response.status_code == 502
        assert response.json()["error"] not in {"", "empty"}
        # What needs no state needs no actions process either.
        await chat.patient("I want to talk to a nurse")
        chat.expect_handoff(reason="asked_for_person")
        await chat.told("emergency", category="stroke")
        chat.expect_handoff(level="emergency")
    finally:
        await chat.dialogue.start_actions()
    await chat.patient("What is asthma?")
    chat.expect_order(question="What is asthma?")
    assert "zebrafever" not in chat.dialogue.log.read_text(errors="replace")


async def test_a_first_message_that_failed_is_met_with_the_welcome_when_it_is_sent_again(chat: Chat) -> None:
    await chat.dialogue.stop_actions()
    try:
        assert (await chat.post(text="hello", intent=None)).status_code == 502
    finally:
        await chat.dialogue.start_actions()
    await chat.patient("hello")
    chat.expect_reply("welcome")


async def test_one_patients_messages_are_handled_one_at_a_time_and_in_order(chat: Chat) -> None:
    await chat.agree()
    questions = [f"What is asthma, question {number}?" for number in range(15)]
    sent = [asyncio.create_task(chat.post(text=question, intent=None)) for question in questions]
    answers = [response.json()["messages"][0]["order"]["question"] for response in await asyncio.gather(*sent)]
    assert answers == questions
    await chat.tap("simpler")
    chat.expect_order(question=questions[-1])


async def test_a_flood_from_one_patient_is_refused_and_others_are_served(chat: Chat) -> None:
    await chat.agree()
    flood = [asyncio.create_task(chat.post(text="thank you", intent=None)) for _ in range(60)]
    other = Chat(chat.dialogue)
    await other.agree()
    statuses = [response.status_code for response in await asyncio.gather(*flood)]
    assert set(statuses) == {200, 503}
    await chat.patient("thank you")
    chat.expect_reply("thanks")
