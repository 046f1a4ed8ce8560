"""Telegram, against a Bot API server on loopback that behaves like Telegram's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actions.vault import Vault
from bot.gateway.outbox import Outbox
from bot.gateway.telegram import MOST_CHARS, split_text
from tests.fakes.bot_api import FakeBotApi
from tests.unit.gateway.conftest import Gateway


async def test_a_question_gets_a_cited_answer_with_buttons(telegram: tuple[Gateway, FakeBotApi]) -> None:
    _, api = telegram
    await api.patient_sends(text="What is high blood pressure?")
    sent = await api.wait_for_sent(1)
    assert sent[0]["text"].startswith("High blood pressure often has no signs.")
    assert "https://medlineplus.gov/highbloodpressure.html" in sent[0]["text"]
    payloads = [button["callback_data"] for row in sent[0]["markup"]["inline_keyboard"] for button in row]
    assert "person" in payloads
    assert api.chat_actions


async def test_an_emergency_gets_the_number_at_once(telegram: tuple[Gateway, FakeBotApi]) -> None:
    gateway, api = telegram
    gateway.dialogue.failure = "error"
    await api.patient_sends(text="I can't breathe")
    assert "911" in (await api.wait_for_sent(1))[0]["text"]


async def test_a_tapped_button_counts_as_its_payload(telegram: tuple[Gateway, FakeBotApi]) -> None:
    gateway, api = telegram
    await api.patient_taps("person")
    await api.wait_for_sent(1)
    assert gateway.dialogue.turns[0]["intent"]["name"] == "ask_person"
    assert api.answered_queries


@pytest.mark.parametrize(
    "content",
    [
        {"photo": [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}]},
        {"voice": {"file_id": "a", "file_unique_id": "b", "duration": 1}},
        {
            "sticker": {
                "file_id": "a", "file_unique_id": "b", "width": 1, "height": 1,
                "is_animated": False, "is_video": False, "type": "regular",
            }
        },
        {"document": {"file_id": "a", "file_unique_id": "b"}},
        {"location": {"latitude": 1.0, "longitude": 1.0}},
    ],
    ids=["photo", "voice", "sticker", "file", "location"],
)  # fmt: skip
async def test_what_is_not_text_gets_a_helpful_answer(
    telegram: tuple[Gateway, FakeBotApi], content: dict[str, Any]
) -> None:
    gateway, api = telegram
    await api.patient_sends(**content)
    assert len((await api.wait_for_sent(1))[0]["text"]) > 20
    assert gateway.dialogue.turns == []


async def test_a_caption_is_read_like_a_message(telegram: tuple[Gateway, FakeBotApi]) -> None:
    _, api = telegram
    photo = [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}]
    await api.patient_sends(photo=photo, caption="I have crushing chest pain")
    assert "911" in (await api.wait_for_sent(1))[0]["text"]


async def test_an_edited_message_is_not_answered_a_second_time_but_its_red_flags_are_seen(
    telegram: tuple[Gateway, FakeBotApi],
) -> None:
    gateway, api = telegram
    await api.patient_edits(text="What is low blood pressure?")
    await api.wait_for_sent(1)
    assert gateway.dialogue.turns == []
    await api.patient_edits(text="I can't breathe")
    assert "911" in (await api.wait_for_sent(2))[1]["text"]


async def test_flood_control_delays_a_reply_and_loses_none(telegram: tuple[Gateway, FakeBotApi]) -> None:
    _, api = telegram
    api.floods = 1
    await api.patient_sends(text="What is high blood pressure?")
    assert len(await api.wait_for_sent(1)) == 1


async def test_an_answer_longer_than_telegram_allows_comes_in_pieces(telegram: tuple[Gateway, FakeBotApi]) -> None:
    gateway, api = telegram
    gateway.answering.sentences = ("High blood pressure often has no signs. " * 150,)
    await api.patient_sends(text="What is high blood pressure?")
    sent = await api.wait_for_sent(2)
    assert all(len(message["text"]) <= MOST_CHARS for message in sent)
    assert sent[0]["markup"] is None
    assert sent[-1]["markup"] is not None


async def test_the_page_for_a_visit_comes_as_a_text_that_nothing_here_keeps(
    telegram: tuple[Gateway, FakeBotApi],
) -> None:
    gateway, api = telegram
    gateway.dialogue.decide = lambda turn: (
        [{"effect": {"name": "show_visit_sheet"}}]
        if (turn["intent"] or {}).get("name") == "make_visit_sheet"
        else [{"reply": "clarify"}]
    )
    await api.patient_sends(text="My elbow hurts since Sunday and I take naproxen.")
    await api.wait_for_sent(1)
    await api.patient_sends(text="/visit")
    sent = await api.wait_for_sent(3)
    assert "Here is your page" in sent[1]["text"]
    assert "What worries me:\n• My elbow hurts since Sunday" in sent[2]["text"]
    assert "• I take naproxen." in sent[2]["text"]
    conversation = gateway.dialogue.turns[0]["sender"]
    outbox = Outbox(gateway.redis, Vault(gateway.settings.data_key.get_secret_value()), ttl_s=60)
    assert "naproxen" not in str([event.data for event in await outbox.read(conversation)])


async def test_a_group_is_left_and_nothing_is_said_there(telegram: tuple[Gateway, FakeBotApi]) -> None:
    _, api = telegram
    await api.patient_sends(chat_id=-100, chat_type="group", text="hello")
    await api.patient_sends(text="What is high blood pressure?")
    sent = await api.wait_for_sent(1)
    assert [message["chat_id"] for message in sent] == ["7"]
    assert api.left_chats == ["-100"]


async def test_telegrams_own_id_is_in_no_key_and_in_no_clear_value(telegram: tuple[Gateway, FakeBotApi]) -> None:
    gateway, api = telegram
    await api.patient_sends(chat_id=987654321, text="What is high blood pressure?")
    await api.wait_for_sent(1)
    keys = [key async for key in gateway.redis.scan_iter("*")]
    assert not any("987654321" in key for key in keys)
    dumps = [await gateway.redis.dump(key) or b"" for key in keys]
    assert not any(b"987654321" in dump for dump in dumps)


async def test_an_update_is_confirmed_only_after_its_message_is_stored(telegram: tuple[Gateway, FakeBotApi]) -> None:
    gateway, api = telegram
    await api.patient_sends(text="What is high blood pressure?")
    await api.wait_for_sent(1)
    async with asyncio.timeout(5):
        while api.confirmed_offset < 2:
            await asyncio.sleep(0.05)
    seen = [key async for key in gateway.redis.scan_iter("bedside:seen:t_*")]
    assert len(seen) == 1


@pytest.mark.parametrize("text", ["word " * 3000, "x" * 9000, "A sentence. " * 900, "line\n" * 3000])
def test_text_is_split_within_the_limit_and_keeps_every_word(text: str) -> None:
    pieces = split_text(text, MOST_CHARS)
    assert all(0 < len(piece) <= MOST_CHARS for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())
