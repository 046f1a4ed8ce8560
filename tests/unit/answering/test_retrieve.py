"""Which questions are answered, from which topic, and when the bot says that it does not know."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from actions.answering.embed import PackagedEmbedder
from actions.answering.knowledge import Knowledge
from actions.answering.question import Aspect, read_question_words
from actions.answering.retrieve import RetrievalDecision, Retriever
from careguard.errors import DataFileError

from .conftest import ROOT


@pytest.mark.parametrize(
    ("question", "language", "topic"),
    [
        ("What is high blood pressure?", "en", "high_blood_pressure"),
        ("what is hypertension", "en", "high_blood_pressure"),
        ("my blood pressure is high, what should I do?", "en", "high_blood_pressure"),
        ("what is high blood presure", "en", "high_blood_pressure"),
        ("is sunburn contagious?", "en", "sunburn"),
        ("¿Qué es la presión alta?", "es", "high_blood_pressure"),
        ("que es la presion alta", "es", "high_blood_pressure"),
        ("¿Qué puedo hacer si tengo hipertension?", "es", "high_blood_pressure"),
    ],
)
def test_a_question_that_names_a_topic_is_answered_from_it(
    question: str, language: str, topic: str, retriever: Retriever
) -> None:
    found = retriever.retrieve(question, language)
    assert found.decision is RetrievalDecision.ANSWER
    assert found.topic is not None
    assert found.topic.id == topic
    assert all(scored.passage.topic == topic for scored in found.passages)


@pytest.mark.parametrize(
    "question",
    [
        "what is lupus?",
        "who won the world cup",
        "book a table for two",
        "what is low blood pressure",
        "what is hypotension",
        "what is pulmonary hypertension",
        "does zorbitrexin cause sunburn",
        "",
        "   ",
        "120/80",
        "\0\0",
        "🙂🙂🙂",
        "x" * 4000,
    ],
)
def test_what_no_reviewed_topic_is_about_is_not_answered(question: str, retriever: Retriever) -> None:
    found = retriever.retrieve(question, "en")
    assert found.decision is RetrievalDecision.ABSTAIN
    assert found.passages == ()


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("How can I lower it without pills?", "en"),
        ("is it hereditary?", "en"),
        ("what are the symptoms?", "en"),
        ("tell me more", "en"),
        ("and in children?", "en"),
        ("¿Cómo puedo bajarla sin pastillas?", "es"),
        ("¿y en los niños?", "es"),
        ("¿cuáles son los síntomas?", "es"),
    ],
)
def test_a_follow_up_leans_on_what_was_talked_about(question: str, language: str, retriever: Retriever) -> None:
    found = retriever.retrieve(question, language, "high_blood_pressure")
    assert found.topic is not None
    assert found.topic.id == "high_blood_pressure"


@pytest.mark.parametrize("question", ["who won the world cup", "what is lupus?", "how old are you", "play some music"])
def test_something_else_does_not_lean_on_it(question: str, retriever: Retriever) -> None:
    assert retriever.retrieve(question, "en", "high_blood_pressure").decision is RetrievalDecision.ABSTAIN


def test_a_follow_up_that_names_another_topic_goes_there(retriever: Retriever) -> None:
    found = retriever.retrieve("and what helps with sunburn?", "en", "high_blood_pressure")
    assert found.topic is not None
    assert found.topic.id == "sunburn"


def test_a_topic_that_does_not_exist_is_no_hint(retriever: Retriever) -> None:
    assert retriever.retrieve("is it dangerous?", "en", "no_such_topic").decision is RetrievalDecision.ABSTAIN


def test_a_language_without_content_is_not_answered(retriever: Retriever) -> None:
    assert retriever.retrieve("Was ist Bluthochdruck?", "de").decision is RetrievalDecision.ABSTAIN


def test_a_regional_tag_finds_its_language(retriever: Retriever) -> None:
    assert retriever.retrieve("¿Qué es la presión alta?", "es-MX").decision is RetrievalDecision.ANSWER


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("What is high blood pressure?", "high_blood_pressure/in_short/1"),
        ("How can I lower my high blood pressure?", "high_blood_pressure/what_you_can_do/1"),
        ("What are the signs of sunburn?", "sunburn/what_it_is/1"),
        ("Is sunburn contagious?", "sunburn/what_it_is/2"),
        ("Should I drink with a sunburn?", "sunburn/what_you_can_do/2"),
    ],
)
def test_the_passage_that_answers_comes_first(question: str, first: str, retriever: Retriever) -> None:
    assert retriever.retrieve(question, "en").passages[0].passage.id == first


def test_an_empty_knowledge_answers_nothing(tmp_path: Path, embedder: PackagedEmbedder) -> None:
    folder = tmp_path / "languages" / "en"
    (folder / "topics").mkdir(parents=True)
    shutil.copy(ROOT / "locales/languages/en/questions.yaml", folder / "questions.yaml")
    empty = Retriever(Knowledge.load(tmp_path, ["en"], tmp_path / "data", embedder), embedder)
    assert empty.retrieve("What is high blood pressure?", "en").decision is RetrievalDecision.ABSTAIN


def test_the_aspect_of_a_question_is_known_by_its_longest_cue() -> None:
    english = read_question_words(ROOT / "locales", "en")
    assert english.aspects_of("What are the symptoms of asthma?")[0] is Aspect.SIGNS
    assert english.aspects_of("When should I see a doctor?")[0] is Aspect.DANGER
    assert english.aspects_of("")[:1] == ()


@pytest.mark.parametrize(
    ("bend", "problem"),
    [
        (lambda t: t.replace("frame:", "farme:"), "exactly these keys"),
        (lambda t: t.replace("  danger:", "  dangers:"), "aspects must be exactly"),
        (lambda t: t.replace("  - [high, low]", "  - [high, low, middle]"), "must be a pair"),
        (lambda t: t.replace("    asked: [questions to ask", "    wanted: [questions to ask"), "'asked' and 'told'"),
    ],
    ids=["unknown key", "unknown aspect", "three opposites", "aspect without asked"],
)
def test_bent_question_words_stop_the_start(bend: object, problem: str, tmp_path: Path) -> None:
    text = (ROOT / "locales/languages/en/questions.yaml").read_text(encoding="utf-8")
    bent = bend(text)  # type: ignore[operator]
    assert bent != text
    folder = tmp_path / "languages" / "en"
    folder.mkdir(parents=True)
    (folder / "questions.yaml").write_text(bent, encoding="utf-8")
    with pytest.raises(DataFileError, match=problem):
        read_question_words(tmp_path, "en")
