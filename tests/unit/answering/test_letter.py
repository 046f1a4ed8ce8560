"""The question inside a long message is found; a letter that asks for a judgement on one person is not answered."""

from __future__ import annotations

import pytest

from actions.answering.letter import read_letter
from actions.answering.pipeline import Order, Parts, answer_question
from actions.answering.question import QuestionWords, read_question_words
from careguard.review import ReviewedAnswer

from .conftest import ROOT


@pytest.fixture(scope="module", params=["en", "es"])
def asked(request: pytest.FixtureRequest) -> QuestionWords:
    return read_question_words(ROOT / "locales", request.param)


async def answered(text: str, parts: Parts, language: str = "en") -> ReviewedAnswer:
    return await answer_question(Order(text, language, country="US"), parts)


def test_one_sentence_is_no_letter(asked: QuestionWords) -> None:
    assert read_letter("What is sunburn?", asked) is None
    assert read_letter("", asked) is None
    assert read_letter("?!", asked) is None


def test_subject_story_question_and_thanks_are_told_apart() -> None:
    english = read_question_words(ROOT / "locales", "en")
    letter = read_letter(
        "SUBJECT: Sunburn MESSAGE: We sat on the beach all day. I would like to know how long it lasts. Thank you!",
        english,
    )
    assert letter is not None
    assert letter.heading == "Sunburn"
    assert letter.asks == ("how long it lasts",)
    assert len(letter.pieces) == 2


def test_a_spanish_letter_is_read_the_same_way() -> None:
    spanish = read_question_words(ROOT / "locales", "es")
    letter = read_letter(
        "Asunto: Presión alta. Hola. En mi familia todos la tenemos. Quisiera saber qué comidas ayudan. Gracias.",
        spanish,
    )
    assert letter is not None
    assert letter.asks == ("qué comidas ayudan",)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("SUBJECT: Sunburn MESSAGE: We sat on the beach all day. How long does it last? Thanks.", "sunburn"),
        ("My neighbor has hypertension. She is worried about it. What can she eat to lower it?", "high_blood_pressure"),
        ("SUBJECT: Hypertension MESSAGE: My aunt has it for years. Please send information. Regards", None),
        ("Good morning. We moved to a new town last year. I want to know what high blood pressure is.", None),
    ],
)
async def test_the_question_is_answered_from_the_topic_that_the_letter_is_about(
    text: str, topic: str | None, parts: Parts
) -> None:
    answer = await answered(text, parts)
    assert not answer.abstained
    assert answer.topic == (topic or "high_blood_pressure")


@pytest.mark.parametrize(
    "text",
    [
        "SUBJECT: Hypertension MESSAGE: My reading was 150/95 this morning. What should I do with my result?",
        "SUBJECT: Hypertension MESSAGE: She takes two pills in the morning. Should she stop one of them?",
        "SUBJECT: Hypertension MESSAGE: We heard of it at school. Do I have it too? What is it?",
        "SUBJECT: Hypertension MESSAGE: We read a lot at home. Which medicine is best for it?",
        "SUBJECT: Hypertension MESSAGE: We live in Ohio. Where can I find a specialist?",
        "SUBJECT: Hypertension MESSAGE: I read about it. Are there new clinical trials for it?",
    ],
)
async def test_a_letter_that_asks_for_a_judgement_or_an_address_is_not_answered(text: str, parts: Parts) -> None:
    assert (await answered(text, parts)).abstained


@pytest.mark.parametrize(
    "text",
    [
        "SUBJECT: Kawasaki syndrome MESSAGE: A nurse spoke of sunburn. How is it treated?",
        "SUBJECT: Hypertension and zellweger MESSAGE: My aunt has both. How are they treated?",
        "My cousin had a bad day. He told me about it. What is it?",
        "My aunt came back with sunburn. She has hypertension as well. It is a bad week. What can she do for it?",
        "My aunt has pulmonary hypertension on the left side. Is there a treatment for it?",
        "Thank you. Good bye. Hello.",
    ],
)
async def test_a_letter_about_something_else_or_about_nothing_is_not_answered(text: str, parts: Parts) -> None:
    assert (await answered(text, parts)).abstained


async def test_a_spanish_letter_is_answered_in_spanish(parts: Parts) -> None:
    answer = await answered(
        "Asunto: Presión alta. Mi vecina la tiene desde hace mucho. Quisiera saber qué puede comer para bajarla.",
        parts,
        "es",
    )
    assert answer.topic == "high_blood_pressure"
    assert "presión" in answer.text


async def test_a_very_long_letter_is_read_in_the_end(parts: Parts) -> None:
    answer = await answered("We had a day at the sea. " * 400 + "How is sunburn treated?", parts)
    assert answer.topic == "sunburn"
