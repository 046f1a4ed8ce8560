"""What is kept about the patient, and the language."""

from __future__ import annotations

import pytest

from tests.conversations.dialogue import Chat

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("words", ["what do you know about me", "¿qué sabe de mí?"])
async def test_the_patient_can_ask_what_is_kept(chat: Chat, words: str) -> None:
    await chat.agree()
    await chat.patient(words)
    chat.expect_effect("show_record")


@pytest.mark.parametrize(("words", "yes"), [("delete my data", "yes"), ("borre mis datos", "sí, por favor")])
async def test_erasing_takes_two_steps(chat: Chat, words: str, yes: str) -> None:
    await chat.agree()
    await chat.patient(words)
    chat.expect_reply("erase_confirm")
    chat.expect_no_effect("erase")
    await chat.patient(yes)
    chat.expect_effect("erase")


async def test_erasing_can_be_confirmed_by_a_button(chat: Chat) -> None:
    await chat.agree()
    await chat.tap("erase")
    await chat.tap("erase:yes")
    chat.expect_effect("erase")


@pytest.mark.parametrize("between", ["no", "thank you", "What is asthma?"])
async def test_a_yes_that_does_not_follow_the_question_never_erases(chat: Chat, between: str) -> None:
    await chat.agree()
    await chat.patient("delete my data", between, "yes")
    chat.expect_no_effect("erase")


async def test_no_keeps_everything(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("delete my data", "no")
    chat.expect_reply("erase_cancelled")


@pytest.mark.parametrize(
    ("words", "language"),
    [("Spanish please", "es"), ("can we speak English", "en"), ("en español por favor", "es"), ("habla inglés?", "en")],
)
async def test_the_patient_chooses_a_language_by_its_name(chat: Chat, words: str, language: str) -> None:
    await chat.agree()
    await chat.patient(words)
    chat.expect_effect("set_language", language=language)
    chat.expect_reply("language_set")


async def test_a_language_that_we_do_not_have_shows_those_that_we_have(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("do you speak german")
    chat.expect_reply("language_not_available")


async def test_whoever_chooses_a_language_first_is_welcomed_in_it(chat: Chat) -> None:
    await chat.tap("language:es")
    chat.expect_effect("set_language", language="es")
    chat.expect_reply("language_set", "welcome")
    await chat.patient("sí")
    chat.expect_effect("record_consent", granted=True)
