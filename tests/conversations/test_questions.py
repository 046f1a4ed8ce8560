"""Health questions, follow-ups, and what is not understood."""

from __future__ import annotations

import pytest

from tests.conversations.dialogue import Chat

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    "question",
    [
        "blood pressure",
        "diabetes symptoms",
        "is flu contagious",
        "breast cancer",
        "my back hurts what can i do",
        "no chest pain, just want to know what a heart attack feels like",
        "¿qué es el colesterol?",
        "¿Cuáles son los síntomas de la diabetes?",
        "me duele la espalda qué hago",
        "/what is asthma",
    ],
)
async def test_a_health_question_becomes_an_order(chat: Chat, question: str) -> None:
    await chat.agree()
    await chat.patient(question)
    chat.expect_order(question=question.lstrip("/"), topic=None, style="normal", if_no_answer="no_reviewed_answer")
    chat.expect_reply()


async def test_a_follow_up_carries_the_topic_of_the_last_answer(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("What is high blood pressure?")
    await chat.answer_was_given("high_blood_pressure")
    await chat.patient("How can I lower it without pills?")
    chat.expect_order(question="How can I lower it without pills?", topic="high_blood_pressure")


@pytest.mark.parametrize(
    ("words", "style"),
    [
        ("simpler please", "simpler"),
        ("más sencillo", "simpler"),
        ("tell me more", "detail"),
        ("más detalles", "detail"),
    ],
)
async def test_the_last_answer_comes_again_in_another_style(chat: Chat, words: str, style: str) -> None:
    await chat.agree()
    await chat.patient("What is asthma?")
    await chat.answer_was_given("asthma")
    await chat.patient(words)
    chat.expect_order(question="What is asthma?", topic="asthma", style=style)


async def test_there_is_nothing_to_put_simpler_before_the_first_answer(chat: Chat) -> None:
    await chat.agree()
    await chat.tap("simpler")
    chat.expect_reply("nothing_to_rephrase")


@pytest.mark.parametrize("words", ["who won the world cup", "quién ganó el mundial"])
async def test_what_is_not_about_health_is_looked_up_all_the_same_and_then_kindly_out_of_scope(
    chat: Chat, words: str
) -> None:
    await chat.agree()
    await chat.patient(words)
    chat.expect_order(if_no_answer="out_of_scope")
    await chat.no_answer_was_found()
    chat.expect_reply("out_of_scope")
    chat.expect_no_handoff()


async def test_a_health_question_without_a_reviewed_answer_is_admitted_and_a_person_offered(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("What is lupus?")
    await chat.no_answer_was_found()
    chat.expect_reply("no_reviewed_answer")
    await chat.patient("yes please")
    chat.expect_handoff(reason="asked_for_person", level="none")
    chat.expect_reply("handoff_opened")


async def test_two_misunderstandings_in_a_row_bring_a_person(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("flurb the wozzle grint")
    chat.expect_order(if_no_answer="clarify")
    await chat.no_answer_was_found()
    chat.expect_reply("clarify")
    chat.expect_no_handoff()
    await chat.patient("wozzle grint flurb it")
    await chat.no_answer_was_found()
    chat.expect_handoff(reason="two_misunderstandings", level="none")
    chat.expect_reply("handoff_opened")


async def test_an_answer_between_two_misunderstandings_starts_the_count_anew(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("flurb the wozzle grint")
    await chat.no_answer_was_found()
    await chat.patient("zint the morf")
    await chat.answer_was_given("asthma")
    await chat.patient("wozzle grint flurb it")
    await chat.no_answer_was_found()
    chat.expect_reply("clarify")
    chat.expect_no_handoff()


async def test_thanks_between_two_misunderstandings_starts_the_count_anew(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("asdf", "thank you", "asdf")
    chat.expect_reply("clarify")
    await chat.patient("asdf")
    chat.expect_handoff(reason="two_misunderstandings")


async def test_stop_sources_and_feedback_are_the_gateways_to_do(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("stop")
    chat.expect_effect("stop")
    chat.expect_reply("stopped")
    await chat.patient("where did you get that")
    chat.expect_effect("show_sources")
    await chat.patient("I want to give feedback")
    chat.expect_reply("feedback_ask")
    await chat.tap("feedback:yes")
    chat.expect_effect("feedback", helpful=True)
    await chat.patient("that was not helpful")
    chat.expect_effect("feedback", helpful=False)
    chat.expect_reply("feedback_sorry")


@pytest.mark.parametrize(
    ("words", "reply_id"),
    [
        ("thank you", "thanks"),
        ("gracias", "thanks"),
        ("goodbye", "goodbye"),
        ("adiós", "goodbye"),
        ("how are you", "small_talk"),
        ("are you a robot", "i_am_an_ai"),
        ("¿es usted médico?", "i_am_an_ai"),
        ("what can you do", "help"),
        ("ayuda", "help"),
        ("I need an appointment", "ask_admin"),
        ("necesito renovar mi receta", "ask_admin"),
        ("no", "what_next"),
    ],
)
async def test_manners_have_their_words(chat: Chat, words: str, reply_id: str) -> None:
    await chat.agree()
    await chat.patient(words)
    chat.expect_reply(reply_id)
    chat.expect_no_order()
    chat.expect_no_handoff()
