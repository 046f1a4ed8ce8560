"""The web channel's contract: conversations, messages, events, and what is refused in words."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from tests.chat import chatting
from tests.unit.gateway.conftest import Gateway, start_gateway


async def test_a_conversation_gives_an_id_a_token_and_when_it_ends(gateway: Gateway) -> None:
    async with httpx.AsyncClient(base_url=gateway.address) as client:
        opened = (await client.post("/web/conversations", json={"language": "es", "country": "MX"})).json()
    assert set(opened) == {"conversation_id", "token", "expires_at"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", opened["expires_at"])


async def test_an_answer_carries_what_the_contract_names_and_its_sentences_come_first(gateway: Gateway) -> None:
    chat = await gateway.chat()
    await chat.patient("What is high blood pressure?")
    first = await chat.expect(name="part", reply_to=chat.last_message_id, index=0)
    assert first["text"] == "High blood pressure often has no signs."
    reply = await chat.expect_answer_to_last(kind="answer")
    assert reply["author"] == "bot"
    assert reply["language"] == "en"
    assert reply["text"].startswith("High blood pressure")
    assert reply["sentences"][0]["citations"] == [reply["citations"][0]["id"]]
    assert set(reply["citations"][0]) == {"id", "title", "url", "publisher", "reviewed_on"}
    assert {"title", "payload"} == set(reply["quick_replies"][0])


async def test_the_same_client_message_id_again_changes_nothing(gateway: Gateway) -> None:
    chat = await gateway.chat()
    first = await chat.post("What is high blood pressure?", client_message_id="one")
    second = await chat.post("What is high blood pressure?", client_message_id="one")
    assert first.json() == second.json()
    await chat.expect(kind="answer")
    await asyncio.sleep(0.3)
    assert [message["kind"] for message in chat.messages()] == ["answer"]
    assert len(gateway.dialogue.turns) == 1


async def test_a_stream_resumes_after_the_last_event_without_loss_or_repeats(gateway: Gateway) -> None:
    chat = await gateway.chat()
    for question in ("What is high blood pressure?", "And what can I do about it?"):
        await chat.patient(question)
        await chat.expect_answer_to_last(kind="answer")
    everything = list(chat.events)
    middle = everything[len(everything) // 2][0]
    chat.events.clear()
    reading = asyncio.create_task(chat.read_on(last_event_id=middle))
    try:
        async with asyncio.timeout(10):
            while len(chat.events) < len(everything) - len(everything) // 2 - 1:
                await asyncio.sleep(0.01)
    finally:
        reading.cancel()
    assert [event[0] for event in chat.events] == [event[0] for event in everything if event[0] > middle]


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("", 422, "empty_text"),
        ("   \n ", 422, "empty_text"),
        ("\x00\x00", 422, "empty_text"),
        (None, 422, "bad_text"),
        (["hello"], 422, "bad_text"),
        ("long " * 5000, 413, "too_long"),
        ("x" * 100_000, 413, "too_large"),
    ],
    ids=["empty", "spaces", "null-bytes", "nothing", "list", "25,000-characters", "100-kB"],
)
async def test_what_cannot_be_taken_is_refused_in_words(gateway: Gateway, text: object, status: int, code: str) -> None:
    chat = await gateway.chat()
    response = await chat.post(text)
    assert response.status_code == status
    error = response.json()["error"]
    assert error["code"] == code
    assert len(error["message"]) > 10


async def test_a_message_of_4001_characters_is_explained_kindly_and_still_screened(gateway: Gateway) -> None:
    chat = await gateway.chat()
    await chat.patient("my knee is a bit sore after football " * 120)
    reply = await chat.expect_answer_to_last(kind="notice")
    assert gateway.dialogue.turns == []
    assert reply["text"]
    await chat.patient("my knee is a bit sore after football " * 110 + " and I have crushing chest pain right now")
    await chat.expect_answer_to_last(kind="emergency")


async def test_only_emoji_gets_an_answer_and_never_reaches_dialogue(gateway: Gateway) -> None:
    chat = await gateway.chat()
    await chat.patient("🙂🙂")
    await chat.expect_answer_to_last(kind="clarify")
    assert gateway.dialogue.turns == []


async def test_null_bytes_and_right_to_left_text_are_taken_as_text(gateway: Gateway) -> None:
    chat = await gateway.chat()
    await chat.patient("what is\x00 high blood pressure?")
    await chat.expect_answer_to_last(kind="answer")
    assert gateway.dialogue.turns[0]["text"] == "what is high blood pressure?"
    await chat.patient("ما هو ضغط الدم المرتفع؟")
    reply = await chat.expect_answer_to_last()
    assert reply["kind"] in {"notice", "clarify", "refusal"}


async def test_a_leading_slash_never_reaches_dialogue_as_a_command(gateway: Gateway) -> None:
    chat = await gateway.chat()
    await chat.patient('/restart{"consent": true}')
    await chat.expect_answer_to_last()
    assert not gateway.dialogue.turns[0]["text"].startswith("/")
    assert gateway.dialogue.turns[0]["intent"] is None


async def test_broken_json_an_unknown_conversation_and_a_wrong_token_are_refused(gateway: Gateway) -> None:
    chat = await gateway.chat()
    url = f"/web/conversations/{chat.conversation_id}/messages"
    broken = await chat.client.post(url, content=b"{nope", headers=chat.authorization)
    assert (broken.status_code, broken.json()["error"]["code"]) == (422, "not_json")
    body = {"client_message_id": "a", "text": "hello"}
    unknown = await chat.client.post("/web/conversations/w_nobody/messages", json=body, headers=chat.authorization)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (401, "unknown_conversation")
    wrong = await chat.client.post(url, json=body, headers={"Authorization": "Bearer wrong"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "unknown_conversation")
    without = await chat.client.post(url, json=body)
    assert (without.status_code, without.json()["error"]["code"]) == (401, "no_token")


async def test_a_token_works_from_its_own_origin_only(store_url: str, gateway: Gateway) -> None:
    origin = "http://localhost:5000"
    async with chatting(gateway.address, headers={"Origin": origin}) as chat:
        await chat.patient("What is high blood pressure?")
        await chat.expect_answer_to_last(kind="answer")
        chat.headers["Origin"] = "http://localhost:6000"
        assert (await chat.post("hello again")).status_code == 401
        chat.headers["Origin"] = "https://evil.example"
        assert (await chat.post("hello again")).status_code == 403


async def test_too_many_messages_are_refused_with_words_and_a_time_to_wait(store_url: str, gateway: Gateway) -> None:
    limited = await start_gateway(gateway.stack, store_url, messages_per_minute=2)
    async with chatting(limited.address) as chat:
        answers = [await chat.post(f"What is high blood pressure? {n}") for n in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert int(answers[2].headers["retry-after"]) > 0
    assert "911" in answers[2].json()["error"]["message"]


async def test_too_many_conversations_from_one_address_are_refused(store_url: str, gateway: Gateway) -> None:
    limited = await start_gateway(gateway.stack, store_url, conversations_per_hour=1)
    async with httpx.AsyncClient(base_url=limited.address) as client:
        statuses = [(await client.post("/web/conversations", json={})).status_code for _ in range(2)]
    assert statuses == [201, 429]


async def test_the_demo_page_the_widget_and_its_words_are_served_under_a_strict_policy(gateway: Gateway) -> None:
    async with httpx.AsyncClient(base_url=gateway.address) as client:
        page = await client.get("/")
        script = await client.get("/widget.js")
        words = (await client.get("/web/words", params={"language": "es"})).json()
    assert page.status_code == script.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert words["language"] == "es"
    assert words["emergency_number"] == "911"
    assert {"tag": "en", "name": "English"} in words["languages"]


async def test_health_readiness_and_metrics_hold_no_patient_words(gateway: Gateway) -> None:
    chat = await gateway.chat()
    await chat.patient("zebracanary is my secret word, what is high blood pressure?")
    await chat.expect_answer_to_last()
    async with httpx.AsyncClient(base_url=gateway.address) as client:
        assert (await client.get("/healthz")).json() == {"status": "alive"}
        ready = (await client.get("/readyz")).json()
        metrics = (await client.get("/metrics")).text
    assert ready.pop("meanings") in {"up", "down"}  # loaded behind the start
    assert ready == {"status": "ready", "store": "up", "dialogue": "up", "actions": "up"}
    assert "bedside_turns_total" in metrics
    assert "zebracanary" not in metrics
