"""A question that is too general is asked back once; what the patient then taps or types is understood."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from actions.answering.audience import for_whom
from actions.answering.card import answer_card
from actions.answering.clarify import Choosing, Chosen, Clarification, OpenChoice, read_choice_words
from actions.answering.country import EmergencyNumbers
from actions.answering.embed import Vectors
from actions.answering.knowledge import Knowledge, LanguageIndex
from actions.answering.pipeline import Order, Parts, answer_or_ask, answer_question, order_from_json, with_choice_read
from actions.answering.question import read_question_words
from actions.answering.retrieve import Retriever
from actions.answering.topic import read_topic
from careguard.errors import DataFileError
from careguard.review_words import ReviewPolicy

ROOT = Path(__file__).resolve().parents[3]
LOCALES = ROOT / "locales"


TOPICS = (
    *("asthma", "blood_pressure_medicines", "cancer_basics", "common_cold", "coronary_artery_disease", "depression"),
    *("ear_infections", "fever", "fever_in_children", "flu", "gestational_diabetes", "gout", "heart_attack"),
    *("heart_failure", "high_blood_pressure", "high_cholesterol", "low_blood_sugar", "postpartum_depression"),
    *("pregnancy_care", "safe_sleep_for_babies", "sinus_infection", "sleep_problems", "type_1_diabetes"),
    *("type_2_diabetes", "urinary_tract_infection"),
)
"""Shipped topics whose names have words in common, and some that stand alone."""


class EveryPassageFits:
    """Stands where the embedder stands: to it every text is like every other, so that only names decide."""

    name = "every_passage_fits"

    def passages(self, texts: Sequence[str]) -> Vectors:
        return np.tile(self.question(""), (len(texts), 1))

    def question(self, text: str) -> Vectors:
        return np.full(4, 0.5, dtype=np.float32)


@pytest.fixture(scope="module")
def retriever() -> Retriever:
    embedder, indexes = EveryPassageFits(), {}
    for language in ("en", "es"):
        folder = LOCALES / "languages" / language / "topics"
        topics = [read_topic(folder / f"{topic}.md", language) for topic in TOPICS]
        vectors = embedder.passages([passage.text for topic in topics for passage in topic.passages])
        indexes[language] = LanguageIndex(language, topics, vectors, read_question_words(LOCALES, language))
    return Retriever(Knowledge(indexes), embedder)


@pytest.fixture(scope="module")
def choosing() -> Choosing:
    return Choosing.load(LOCALES, ("en", "es"))


@pytest.fixture(scope="module")
def shipped(retriever: Retriever, choosing: Choosing, policy: ReviewPolicy) -> Parts:
    return Parts(retriever=retriever, policy=policy, numbers=EmergencyNumbers(LOCALES, "US"), choosing=choosing)


def asked_back(question: str, language: str, retriever: Retriever, choosing: Choosing) -> list[str]:
    index = retriever.knowledge.index(language)
    assert index is not None
    found = for_whom(retriever.retrieve(question, language), question, index.asked)
    asked = choosing.ask(found, question, language, retriever)
    return [topic.id for topic in asked.topics] if asked is not None else []


DIABETES = {"type_1_diabetes", "type_2_diabetes", "gestational_diabetes"}
PRESSURE = {"high_blood_pressure", "blood_pressure_medicines"}


@pytest.mark.parametrize(
    ("question", "language", "among"),
    [
        ("tell me about diabetes", "en", DIABETES),
        ("what is diabetes?", "en", DIABETES),
        ("diabetes", "es", DIABETES),
        ("¿qué es la diabetes?", "es", DIABETES),
        ("pressure", "en", PRESSURE),
        ("blood pressure", "en", PRESSURE),
        ("presión", "es", PRESSURE),
        ("I have an infection", "en", {"ear_infections", "sinus_infection", "urinary_tract_infection"}),
        ("how is an infection treated?", "en", {"ear_infections", "sinus_infection", "urinary_tract_infection"}),
        ("tengo una infección", "es", {"ear_infections", "urinary_tract_infection"}),
        ("my sugar", "en", {"low_blood_sugar", "type_2_diabetes"}),
        ("heart problems", "en", {"heart_attack", "heart_failure"}),
    ],
)
def test_a_general_question_is_asked_back_among_the_topics_it_may_mean(
    question: str, language: str, among: set[str], retriever: Retriever, choosing: Choosing
) -> None:
    named = asked_back(question, language, retriever, choosing)
    assert among <= set(named)
    assert len(named) <= 4


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("what is type 2 diabetes?", "en"),
        ("what are the signs of diabetes?", "en"),
        ("my mother has diabetes", "en"),
        ("heart disease", "en"),
        ("kidney infection", "en"),
        ("tell me about depression", "en"),
        ("cancer", "en"),
        ("fever", "en"),
        ("cholesterol", "en"),
        ("I can't sleep", "en"),
        ("high blood pressure", "en"),
        ("what is the difference between a cold and the flu?", "en"),
        ("presión arterial alta", "es"),
        ("¿qué es el asma?", "es"),
        ("embarazo", "es"),
        ("what is the weather tomorrow?", "en"),
        ("water", "en"),
        ("how are you?", "en"),
        ("", "en"),
    ],
)
def test_a_plain_question_and_one_that_is_not_ours_are_not_asked_back(
    question: str, language: str, retriever: Retriever, choosing: Choosing
) -> None:
    assert asked_back(question, language, retriever, choosing) == []


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_title_of_a_topic_is_never_asked_back(language: str, retriever: Retriever, choosing: Choosing) -> None:
    index = retriever.knowledge.index(language)
    assert index is not None
    assert not {t.title for t in index.topics.values() if asked_back(t.title, language, retriever, choosing)}


def test_topics_for_other_people_are_not_offered(retriever: Retriever, choosing: Choosing) -> None:
    assert "gestational_diabetes" not in asked_back("diabetes in kids", "en", retriever, choosing)


CHOICE = OpenChoice("tell me about diabetes", ("type_2_diabetes", "type_1_diabetes", "gestational_diabetes"))


@pytest.mark.parametrize(
    ("typed", "language", "topic"),
    [
        ("the second", "en", "type_1_diabetes"),
        ("the second one please", "en", "type_1_diabetes"),
        ("1", "en", "type_2_diabetes"),
        ("number three", "en", "gestational_diabetes"),
        ("the last one", "en", "gestational_diabetes"),
        ("type 2", "en", "type_2_diabetes"),
        ("I mean type 1", "en", "type_1_diabetes"),
        ("gestational", "en", "gestational_diabetes"),
        ("la segunda", "es", "type_1_diabetes"),
        ("la número 3, por favor", "es", "gestational_diabetes"),
        ("el tipo 2", "es", "type_2_diabetes"),
    ],
)
def test_a_typed_choice_stands_for_the_first_question_about_that_topic(
    typed: str, language: str, topic: str, retriever: Retriever, choosing: Choosing
) -> None:
    chosen = choosing.chosen(typed, language, retriever, topic=None, facet=None, choice=CHOICE)
    assert chosen == Chosen("tell me about diabetes", topic)


@pytest.mark.parametrize(
    ("typed", "language"),
    [
        ("what is asthma?", "en"),
        ("how is type 1 treated?", "en"),
        ("diabetes", "en"),
        ("the fourth", "en"),
        ("my chest hurts", "en"),
        ("no", "en"),
        ("¿qué es la gripe?", "es"),
    ],
)
def test_anything_else_after_a_clarifying_question_is_a_message_of_its_own(
    typed: str, language: str, retriever: Retriever, choosing: Choosing
) -> None:
    assert choosing.chosen(typed, language, retriever, topic=None, facet=None, choice=CHOICE) is None


async def test_the_outcome_has_the_shape_of_an_answer_with_the_topics_beside(shipped: Parts) -> None:
    asked = await answer_or_ask(Order("tell me about diabetes", "en"), shipped)
    assert isinstance(asked, Clarification)
    told = asked.as_json()
    assert (told["kind"], told["text"], told["sentences"], told["abstained"]) == ("clarify", "", [], False)
    assert {"id": "type_2_diabetes", "title": "Type 2 diabetes"} in told["clarify"]["topics"]


async def test_a_patient_who_was_asked_just_now_is_not_asked_again(shipped: Parts) -> None:
    made = await answer_or_ask(Order("tell me about diabetes", "en", may_ask=False), shipped)
    assert not isinstance(made, Clarification)


@pytest.mark.parametrize("topic", sorted(DIABETES))
async def test_the_first_question_is_answered_about_the_topic_that_was_chosen(topic: str, shipped: Parts) -> None:
    order, chosen = with_choice_read(Order("tell me about diabetes", "en", about=topic), shipped)
    answer = await answer_question(order, shipped)
    assert chosen == Chosen("tell me about diabetes", topic)
    assert answer.topic == topic
    assert {citation.id.partition("/")[0] for citation in answer.citations} == {topic}


async def test_a_tapped_facet_is_a_question_of_its_own(shipped: Parts) -> None:
    order, chosen = with_choice_read(Order("", "es", about="asthma", facet="self_care"), shipped)
    answer = await answer_question(order, shipped)
    assert chosen == Chosen("¿Qué puedo hacer?", "asthma")
    assert any(citation.id.startswith("asthma/what_you_can_do") for citation in answer.citations)


def test_a_tapped_topic_without_a_question_is_asked_by_its_title(shipped: Parts) -> None:
    order, _ = with_choice_read(Order("", "en", about="gout"), shipped)
    assert order.question == "Gout"


async def test_the_card_has_the_passage_behind_each_sentence_when_to_get_help_and_what_to_ask_next(
    shipped: Parts,
) -> None:
    answer = await answer_question(Order("what is asthma?", "en", country="GB"), shipped)
    card = answer_card(answer, "what is asthma?", "GB", shipped.retriever, shipped.numbers, shipped.choosing)
    assert {key: card[key] for key in ("text", "kind", "topic")} == {
        "text": answer.text,
        "kind": "answer",
        "topic": "asthma",
    }
    for sentence in card["sentences"]:
        assert sentence["text"] == card["passages"][sentence["citations"][0]]["text"]
    assert [card["sentences"][at]["citations"][0].split("/")[1] for at in card["help"]] == ["get_help_now"]
    assert "999" in card["sentences"][card["help"][0]]["text"]
    assert [each.get("facet") for each in card["related"]][:2] == ["signs", "cause"]
    assert {each["topic"] for each in card["related"][2:]} == {"common_cold", "flu"}


async def test_nothing_stands_around_an_answer_that_was_not_given(shipped: Parts) -> None:
    order = Order("who painted the ceiling?", "en")
    answer = await answer_question(order, shipped)
    card = answer_card(answer, order.question, None, shipped.retriever, shipped.numbers, shipped.choosing)
    assert card == answer.as_json()


def test_an_order_may_carry_what_was_chosen() -> None:
    choice = {"question": "diabetes", "topics": ["type_1_diabetes"]}
    order = order_from_json({"question": "the first", "choice": choice, "may_ask": False}, "en")
    assert order.choice == OpenChoice("diabetes", ("type_1_diabetes",))
    assert order.may_ask is False
    assert order_from_json({"question": "", "about": "gout"}, "en").about == "gout"
    with pytest.raises(ValueError, match="choice must hold"):
        order_from_json({"question": "the first", "choice": {"question": "diabetes"}}, "en")


def test_a_file_of_words_that_bends_the_format_stops_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "languages" / "en"
    folder.mkdir(parents=True)
    (folder / "clarify.yaml").write_text("ordinals: [[first]]\nlast: [last]\nfiller: [the]\nfacets: {}\n")
    with pytest.raises(DataFileError, match="one for each place"):
        read_choice_words(tmp_path, "en")
