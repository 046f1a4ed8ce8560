"""Words from letters, and the page for a visit."""

from __future__ import annotations

import pytest

from tests.conversations.dialogue import Chat

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    "words",
    [
        "make a list for my doctor",
        "I have an appointment tomorrow, can you prepare my visit?",
        "can I print this to show the nurse?",
        "preparar mi cita",
        "¿me hace una hoja para llevar a la consulta?",
    ],
)
async def test_the_patient_can_ask_for_the_page_in_words(chat: Chat, words: str) -> None:
    await chat.agree()
    await chat.patient(words)
    chat.expect_effect("show_visit_sheet")


async def test_the_page_can_be_asked_for_by_a_button(chat: Chat) -> None:
    await chat.agree()
    await chat.tap("visit_sheet")
    chat.expect_effect("show_visit_sheet")


@pytest.mark.parametrize(
    "words",
    [
        "what does hypertension mean",
        "what is NPO",
        "my letter says: Hb 9.8 g/dL, MCV low, mild anemia. what does it mean?",
        "The discharge note reads COPD, follow-up in March. Explain these words please",
        "¿qué significa 'bilateral'?",
        "la carta dice: TA 150/90, hemograma normal. ¿qué quiere decir?",
    ],
)
async def test_a_question_about_words_is_looked_up(chat: Chat, words: str) -> None:
    await chat.agree()
    await chat.patient(words)
    chat.expect_order(question=words)


@pytest.mark.parametrize("words", ["my hemoglobin is 9, is that bad?", "are my lab results normal"])
async def test_whether_a_result_is_good_or_bad_is_still_for_a_person(chat: Chat, words: str) -> None:
    await chat.agree()
    await chat.patient(words)
    chat.expect_reply("refuse_own_result")
