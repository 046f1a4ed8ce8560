"""First contact, consent, and a question that was asked before it."""

from __future__ import annotations

import pytest

from tests.conversations.dialogue import Chat

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("greeting", ["hello", "hola"])
async def test_the_first_greeting_is_met_with_who_is_speaking_and_the_question_for_consent(
    chat: Chat, greeting: str
) -> None:
    await chat.patient(greeting)
    chat.expect_reply("welcome")
    chat.expect_no_order()


async def test_a_question_asked_before_consent_is_kept_and_answered_right_after(chat: Chat) -> None:
    await chat.patient("What is high blood pressure?")
    chat.expect_reply("welcome", "question_kept")
    chat.expect_no_order()
    asked_as = chat.last_message_id

    await chat.tap("consent:yes")
    chat.expect_effect("record_consent", granted=True)
    chat.expect_reply("consent_thanks")
    chat.expect_order(
        question="What is high blood pressure?",
        style="normal",
        if_no_answer="no_reviewed_answer",
        message_id=asked_as,
    )


@pytest.mark.parametrize("yes", ["yes", "ok", "sí", "claro"])
async def test_a_written_yes_gives_consent_while_it_was_just_asked_for(chat: Chat, yes: str) -> None:
    await chat.patient("hello", yes)
    chat.expect_effect("record_consent", granted=True)
    chat.expect_reply("consent_thanks", "what_next")


async def test_yes_to_something_else_is_not_consent(chat: Chat) -> None:
    await chat.patient("hello", "are you a robot?", "yes")
    chat.expect_no_effect("record_consent")
    chat.expect_reply("consent_question")
    await chat.patient("yes")
    chat.expect_effect("record_consent", granted=True)


@pytest.mark.parametrize("no", ["no", "no gracias", "I don't agree"])
async def test_a_written_no_refuses_consent_and_says_what_still_works(chat: Chat, no: str) -> None:
    await chat.patient("hello", no)
    chat.expect_effect("record_consent", granted=False)
    chat.expect_reply("consent_refused")


async def test_without_consent_nothing_is_answered_but_a_person_can_be_had(chat: Chat) -> None:
    await chat.patient("hello")
    await chat.tap("consent:no")
    await chat.patient("What is diabetes?")
    chat.expect_no_order()
    chat.expect_reply("question_kept")
    await chat.patient("I want to talk to a nurse")
    chat.expect_handoff(reason="asked_for_person")


async def test_consent_can_be_given_after_it_was_refused(chat: Chat) -> None:
    await chat.patient("hello", "no")
    await chat.tap("consent:yes")
    await chat.patient("What is diabetes?")
    chat.expect_order(question="What is diabetes?")


async def test_the_last_of_two_questions_asked_before_consent_is_the_one_that_is_answered(chat: Chat) -> None:
    await chat.patient("What is diabetes?", "What is asthma?")
    chat.expect_reply("question_kept")
    await chat.tap("consent:yes")
    chat.expect_order(question="What is asthma?")


async def test_a_second_hello_after_consent_is_a_short_greeting(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("hello")
    chat.expect_reply("greet")


async def test_nobody_is_welcomed_in_the_middle_of_an_emergency(chat: Chat) -> None:
    await chat.told("emergency", category="chest_pain")
    chat.expect_reply()
    await chat.patient("What is high blood pressure?")
    chat.expect_reply("welcome", "question_kept")
