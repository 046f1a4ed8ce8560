"""One clarifying question, what a tap or a typed choice makes of it, and why an answer did not help."""

from __future__ import annotations

import pytest

from tests.conversations.dialogue import Chat

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "tell me about diabetes"
TOPICS = ["type_2_diabetes", "type_1_diabetes", "gestational_diabetes"]
CHOICE = {"question": QUESTION, "topics": TOPICS}


async def asked_back(chat: Chat) -> None:
    """Ask something general, and be asked by the gateway which topic is meant."""
    await chat.agree()
    await chat.patient(QUESTION)
    chat.expect_order(question=QUESTION, may_ask=None)
    await chat.gateway_wrote({"event": "slot", "name": "choice", "value": CHOICE})


async def test_a_tapped_topic_answers_the_first_question_about_it(chat: Chat) -> None:
    await asked_back(chat)
    await chat.told("choose_topic", topic="type_1_diabetes")
    chat.expect_order(question=QUESTION, about="type_1_diabetes", may_ask=False)
    chat.expect_reply()


@pytest.mark.parametrize("typed", ["the second one", "type 2", "la segunda", "número 2"])
async def test_a_typed_choice_goes_along_with_what_was_offered(chat: Chat, typed: str) -> None:
    await asked_back(chat)
    await chat.patient(typed)
    chat.expect_order(question=typed, choice=CHOICE, may_ask=False)


async def test_a_new_question_is_answered_and_not_asked_back_again(chat: Chat) -> None:
    await asked_back(chat)
    await chat.patient("What is asthma?")
    chat.expect_order(question="What is asthma?", may_ask=False)
    await chat.answer_was_given("asthma")
    await chat.patient("what is an infection")
    chat.expect_order(question="what is an infection", choice=None, may_ask=None)


@pytest.mark.parametrize("words", ["something else", "none of these", "otra cosa"])
async def test_something_else_asks_for_other_words_and_the_next_question_is_not_asked_back(
    chat: Chat, words: str
) -> None:
    await asked_back(chat)
    await chat.patient(words)
    chat.expect_reply("ask_in_other_words")
    await chat.patient("what is an infection")
    chat.expect_order(question="what is an infection", choice=None, may_ask=False)


async def test_an_emergency_comes_first_and_leaves_no_choice_open(chat: Chat) -> None:
    await asked_back(chat)
    await chat.told("emergency", category="chest_pain")
    chat.expect_handoff(reason="emergency", level="emergency")
    await chat.patient("the second one")
    chat.expect_order(question="the second one", choice=None, if_no_answer="clarify")


async def test_simpler_keeps_to_the_topic_that_was_chosen(chat: Chat) -> None:
    await asked_back(chat)
    await chat.told("choose_topic", topic="type_1_diabetes")
    await chat.answer_was_given("type_1_diabetes")
    await chat.patient("simpler please")
    chat.expect_order(question=QUESTION, about="type_1_diabetes", style="simpler", may_ask=False)


async def test_what_stands_below_an_answer_is_a_question_about_its_topic(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("What is asthma?")
    await chat.answer_was_given("asthma")
    await chat.told("choose_topic", topic="asthma", facet="treatment")
    chat.expect_order(question="", about="asthma", facet="treatment")
    await chat.told("choose_topic", topic="flu")
    chat.expect_order(question="", about="flu", facet=None)


async def test_a_topic_that_is_tapped_without_consent_waits_for_it(chat: Chat) -> None:
    await chat.told("choose_topic", topic="flu")
    chat.expect_reply("consent_question")
    chat.expect_no_order()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("unhelpful:wrong", "not_right"),
        ("unhelpful:off", "not_what_i_asked"),
        ("unhelpful:hard", "hard_to_read"),
        ("unhelpful:other", "other"),
    ],
)
async def test_why_an_answer_did_not_help_is_one_tap(chat: Chat, payload: str, reason: str) -> None:
    await chat.agree()
    await chat.tap("feedback:no")
    chat.expect_reply("feedback_sorry")
    assert payload in chat.dialogue.wording["replies"]["feedback_sorry"]["buttons"]
    await chat.tap(payload)
    chat.expect_effect("feedback", helpful=False, reason=reason)
    chat.expect_reply("feedback_noted")
