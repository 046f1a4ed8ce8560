"""One message to one reply, whatever breaks."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.gateway.conftest import Gateway


async def test_a_red_flag_gets_the_approved_words_and_a_case_and_dialogue_is_told_afterwards(gateway: Gateway) -> None:
    chat = await gateway.chat(country="ES")
    await chat.patient("I have crushing chest pain and my left arm is numb")
    reply = await chat.expect_answer_to_last(kind="emergency")
    assert "112" in reply["text"]
    assert reply["author"] == "bot"
    case = await chat.expect(name="case", state="waiting", level="emergency")
    assert reply["case_id"] == case["case_id"]
    async with asyncio.timeout(5):
        while not gateway.dialogue.turns:
            await asyncio.sleep(0.01)
    assert gateway.dialogue.turns[0]["intent"]["name"] == "emergency"
    assert "chest" not in gateway.dialogue.turns[0]["text"].replace("chest_pain", "")


@pytest.mark.parametrize("failure", ["error", "empty", "slow"])
async def test_the_emergency_reply_and_its_case_do_not_need_dialogue(gateway: Gateway, failure: str) -> None:
    gateway.dialogue.failure = failure
    gateway.answering.failure = "error"
    chat = await gateway.chat()
    await chat.patient("I can't breathe")
    reply = await chat.expect_answer_to_last(kind="emergency")
    assert "911" in reply["text"]
    await chat.expect(name="case", state="waiting", level="emergency")


@pytest.mark.parametrize("failure", ["error", "empty", "slow"])
async def test_when_dialogue_fails_an_ordinary_message_still_gets_a_reply(gateway: Gateway, failure: str) -> None:
    gateway.dialogue.failure = failure
    chat = await gateway.chat()
    await chat.patient("What is high blood pressure?")
    reply = await chat.expect_answer_to_last(kind="unavailable")
    assert "911" in reply["text"]
    assert "person" in [button["payload"] for button in reply["quick_replies"]]


async def test_someone_who_asks_for_a_person_gets_one_also_without_dialogue(gateway: Gateway) -> None:
    gateway.dialogue.failure = "error"
    chat = await gateway.chat()
    await chat.patient("person")
    await chat.expect(name="case", state="waiting")
    await chat.expect(reply_to=chat.last_message_id, kind="handoff")


@pytest.mark.parametrize("failure", ["error", "breaks_off"])
async def test_when_answering_fails_the_patient_is_told(gateway: Gateway, failure: str) -> None:
    gateway.answering.failure = failure
    chat = await gateway.chat()
    await chat.patient("What is high blood pressure?")
    await chat.expect_answer_to_last(kind="unavailable")


async def test_without_a_reviewed_answer_dialogue_says_what_to_say(gateway: Gateway) -> None:
    gateway.answering.failure = "abstain"
    chat = await gateway.chat()
    await chat.patient("What is high blood pressure?")
    await chat.expect_answer_to_last(kind="clarify")
    assert gateway.dialogue.turns[-1]["intent"]["name"] == "no_answer_found"


async def test_a_red_flag_interrupts_an_answer_that_is_being_made(gateway: Gateway) -> None:
    gateway.answering.pause_s = 5
    chat = await gateway.chat()
    await chat.patient("What is high blood pressure?")
    question = chat.last_message_id
    await chat.expect(name="typing", reply_to=question)
    await chat.patient("I can't breathe")
    await chat.expect_answer_to_last(kind="emergency", timeout_s=3)
    await chat.expect(reply_to=question, kind="notice", timeout_s=3)


async def test_a_red_flag_behind_a_slow_turn_is_answered_before_that_turn_ends(gateway: Gateway) -> None:
    gateway.dialogue.failure = "slow"
    chat = await gateway.chat()
    await chat.patient("What is high blood pressure?")
    slow = chat.last_message_id
    await asyncio.sleep(0.2)
    await chat.patient("I can't breathe")
    await chat.expect_answer_to_last(kind="emergency", timeout_s=0.7)
    await chat.expect(reply_to=slow, kind="unavailable")
    await asyncio.sleep(0.5)
    assert [message["kind"] for message in chat.messages()].count("emergency") == 1


async def test_identifiers_do_not_reach_dialogue_or_answering(gateway: Gateway) -> None:
    chat = await gateway.chat()
    await chat.patient("My name is Zelda Canary, my phone is 415-555-2671. What is high blood pressure?")
    await chat.expect_answer_to_last()
    heard = str(gateway.dialogue.turns) + str(gateway.answering.orders)
    assert "Canary" not in heard
    assert "555-2671" not in heard


async def test_no_key_in_the_store_holds_a_patients_words_in_clear(gateway: Gateway) -> None:
    chat = await gateway.chat()
    await chat.patient("zebracanary what is high blood pressure?")
    await chat.expect_answer_to_last()
    await chat.patient("zebracanary I can't breathe")
    await chat.expect_answer_to_last(kind="emergency")
    dumps = [await gateway.redis.dump(key) for key in await _keys(gateway)]
    assert dumps
    assert not any(b"zebracanary" in (dump or b"") for dump in dumps)


async def test_the_patients_own_choice_of_language_sticks(gateway: Gateway) -> None:
    gateway.dialogue.decide = lambda turn: (
        [{"effect": {"name": "set_language", "language": "es"}}, {"reply": "language_set"}]
        if (turn["intent"] or {}).get("name") == "change_language"
        else [{"reply": "clarify"}]
    )
    chat = await gateway.chat()
    await chat.patient("language:es")
    assert (await chat.expect_answer_to_last())["language"] == "es"
    await chat.patient("What is high blood pressure, and what can I do about it?")
    assert (await chat.expect_answer_to_last())["language"] == "es"


async def test_a_language_we_do_not_have_is_said_so_and_its_red_flags_still_work(gateway: Gateway) -> None:
    chat = await gateway.chat()
    await chat.patient("Wie hoch ist normaler Blutdruck?")
    reply = await chat.expect_answer_to_last()
    payloads = [button["payload"] for button in reply["quick_replies"]]
    assert {"language:es", "language:en", "person"} <= set(payloads)
    assert "Español" in reply["text"]
    await chat.patient("Hilfe, chest pain")
    await chat.expect_answer_to_last(kind="emergency")


async def test_each_turn_speaks_the_language_it_was_written_in(gateway: Gateway) -> None:
    gateway.dialogue.decide = lambda turn: [{"reply": "clarify"}]
    chat = await gateway.chat()
    await chat.patient("¿Cuáles son los síntomas de la diabetes?")
    assert (await chat.expect_answer_to_last())["language"] == "es"
    await chat.patient("How can I lower it without pills?")
    assert (await chat.expect_answer_to_last())["language"] == "en"
    await chat.patient("ok")
    assert (await chat.expect_answer_to_last())["language"] == "en"


async def test_messages_of_one_patient_keep_their_order_and_patients_do_not_wait_for_each_other(
    gateway: Gateway,
) -> None:
    gateway.dialogue.decide = lambda turn: [{"reply": "clarify"}]
    chats = [await gateway.chat() for _ in range(5)]
    sent: dict[str, list[str]] = {}
    for round_ in range(4):
        for chat in chats:
            await chat.patient(f"tell me about number {round_} please")
            sent.setdefault(chat.conversation_id, []).append(chat.last_message_id)
    for chat in chats:
        for message_id in sent[chat.conversation_id]:
            await chat.expect(reply_to=message_id)
    for chat in chats:
        assert [message["reply_to"] for message in chat.messages()] == sent[chat.conversation_id]
        heard = [turn["message_id"] for turn in gateway.dialogue.turns if turn["sender"] == chat.conversation_id]
        assert heard == sent[chat.conversation_id]


async def test_erase_deletes_every_word_in_every_key(gateway: Gateway) -> None:
    gateway.dialogue.decide = lambda turn: (
        [{"effect": {"name": "erase"}}]
        if (turn["intent"] or {}).get("name") == "confirm_erase"
        else [{"reply": "clarify"}]
    )
    chat = await gateway.chat()
    await chat.patient("tell me something about high blood pressure please")
    await chat.expect_answer_to_last()
    await chat.patient("I can't breathe")
    await chat.expect_answer_to_last(kind="emergency")
    await chat.patient("erase:yes")
    await chat.expect_answer_to_last(kind="notice")
    kept = {"conversation", "outbox", "written", "seen", "limit"}
    async with asyncio.timeout(5):  # the turn itself ends a moment after its reply
        while not {key.split(":")[1] for key in await _keys(gateway) if chat.conversation_id in key} <= kept:
            await asyncio.sleep(0.05)
    assert gateway.dialogue.forgotten == [chat.conversation_id]
    assert await gateway.redis.xlen(f"bedside:outbox:{chat.conversation_id}") == 1


async def _keys(gateway: Gateway) -> list[str]:
    return [key async for key in gateway.redis.scan_iter("*")]
