"""Who is handed to a person, and when."""

from __future__ import annotations

import pytest

from tests.conversations.dialogue import Chat

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    "words", ["I want to talk to a nurse", "quiero hablar con una persona", "human please", "páseme con un doctor"]
)
async def test_whoever_asks_for_a_person_gets_one(chat: Chat, words: str) -> None:
    await chat.agree()
    await chat.patient(words)
    chat.expect_handoff(reason="asked_for_person", level="none")
    chat.expect_reply("handoff_opened")


async def test_the_button_for_a_person_works_before_consent(chat: Chat) -> None:
    await chat.tap("person")
    chat.expect_handoff(reason="asked_for_person")
    chat.expect_reply("welcome", "handoff_opened")


@pytest.mark.parametrize(
    ("words", "reply_id"),
    [
        ("How much ibuprofen can I give my 2-year-old?", "refuse_medicine"),
        ("I feel fine, can I stop my blood pressure medicine?", "refuse_medicine"),
        ("¿puedo dejar mis pastillas de la presión?", "refuse_medicine"),
        ("my a1c is 7.2 is that bad", "refuse_own_result"),
        ("¿qué significan mis resultados?", "refuse_own_result"),
    ],
)
async def test_own_medicines_doses_and_results_are_refused_and_a_person_is_offered_not_called(
    chat: Chat, words: str, reply_id: str
) -> None:
    await chat.agree()
    await chat.patient(words)
    chat.expect_reply(reply_id)
    chat.expect_no_order()
    chat.expect_no_handoff()
    assert "person" in chat.dialogue.wording["replies"][reply_id]["buttons"]
    await chat.patient("yes")
    chat.expect_handoff(reason="asked_for_person")


@pytest.mark.parametrize(
    ("category", "reply_id"),
    [
        ("dosing", "refuse_dosing"),
        ("stop_medicine", "refuse_stop_medicine"),
        ("own_result", "refuse_own_result"),
        ("diagnosis", "refuse_diagnosis"),
        ("prompt_injection", "refuse_instructions"),
        ("harm_method", "refuse_harm"),
        ("other_patient_data", "refuse_other_patient"),
        ("forged_prescription", "refuse_prescription"),
        ("something_new", "refuse_other"),
    ],
)
async def test_what_screening_refused_is_refused_in_the_words_of_its_category(
    chat: Chat, category: str, reply_id: str
) -> None:
    await chat.agree()
    await chat.told("refused_by_screen", category="dosing")
    await chat.told("refused_by_screen", category=category)
    chat.expect_reply(reply_id)
    chat.expect_no_order()
    chat.expect_no_handoff()


@pytest.mark.parametrize(
    ("intent", "reason", "level"),
    [("emergency", "emergency", "emergency"), ("crisis", "crisis", "emergency"), ("urgent", "urgent", "urgent")],
)
async def test_a_red_flag_is_handed_over_with_its_category_and_without_more_words(
    chat: Chat, intent: str, reason: str, level: str
) -> None:
    await chat.agree()
    await chat.told(intent, category="stroke")
    chat.expect_handoff(reason=reason, level=level, category="stroke")
    chat.expect_reply()


@pytest.mark.parametrize("no", ["no", "no quiero", "no way"])
async def test_a_declined_emergency_stays_an_emergency(chat: Chat, no: str) -> None:
    await chat.agree()
    await chat.told("emergency", category="chest_pain")
    await chat.patient(no)
    chat.expect_handoff(reason="declined_emergency", level="emergency", category="chest_pain")
    chat.expect_reply("emergency_declined")


async def test_the_button_for_not_calling_is_a_declined_emergency(chat: Chat) -> None:
    await chat.told("emergency", category="stroke")
    await chat.tap("emergency:no")
    chat.expect_handoff(reason="declined_emergency", level="emergency", category="stroke")


async def test_yes_after_emergency_words_gets_the_number_once_more(chat: Chat) -> None:
    await chat.agree()
    await chat.told("emergency", category="chest_pain")
    await chat.patient("yes")
    chat.expect_reply("emergency_acknowledged")


@pytest.mark.parametrize("word", ["yes", "no", "sí"])
async def test_after_crisis_words_the_lines_stay_in_sight_whatever_is_said(chat: Chat, word: str) -> None:
    await chat.agree()
    await chat.told("crisis", category="self_harm")
    await chat.patient(word)
    chat.expect_reply("crisis_support")


async def test_whoever_no_longer_wants_to_wait_leaves_the_queue(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("I want to talk to a nurse")
    await chat.tap("handoff:cancel")
    chat.expect_effect("leave_queue")
    chat.expect_reply("handoff_left")


async def test_a_resolved_case_is_taken_note_of_in_silence(chat: Chat) -> None:
    await chat.agree()
    await chat.told("case_resolved")
    assert chat.messages == []
    await chat.patient("What is asthma?")
    chat.expect_order(question="What is asthma?")


async def test_no_to_an_offered_person_is_respected(chat: Chat) -> None:
    await chat.agree()
    await chat.patient("I need an appointment", "no thanks")
    chat.expect_reply("person_declined")
    chat.expect_no_handoff()
