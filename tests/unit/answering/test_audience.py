"""A question about a child is not answered with what was written for adults, nor the other way round."""

from __future__ import annotations

import datetime as dt

import pytest

from actions.answering.audience import for_whom
from actions.answering.question import Group, read_question_words
from actions.answering.retrieve import RetrievalDecision, Retrieved, ScoredPassage
from actions.answering.topic import Passage, Topic

from .conftest import ROOT

ENGLISH = read_question_words(ROOT / "locales", "en")
SPANISH = read_question_words(ROOT / "locales", "es")
DAY = dt.date(2026, 11, 24)


def found(audience: tuple[str, ...], *told: tuple[str, str, float]) -> Retrieved:
    """A topic for an audience; `told` are section, text and score of its passages."""
    passages = tuple(
        ScoredPassage(Passage(f"t/{section}/{n}", text, section, "t", "T", "en", audience, (), DAY, None, None), score)
        for n, (section, text, score) in enumerate(told, start=1)
    )
    topic = Topic("t", "T", "en", (), audience, (), DAY, None, None, DAY, (), ())
    return Retrieved(RetrievalDecision.ANSWER, topic, passages, 1.0)


def texts(one: Retrieved) -> list[str]:
    return [scored.passage.text for scored in one.passages]


@pytest.mark.parametrize(
    ("question", "group"),
    [
        ("My 2-year-old has a cough.", {Group.CHILD}),
        ("How do I care for a newborn?", {Group.CHILD}),
        ("my baby is 9 months old", {Group.CHILD}),
        ("My son is 30 years old and has gout.", {Group.ADULT}),
        ("I am 70 years old", {Group.OLDER_ADULT}),
        ("My husband snores", {Group.ADULT}),
        ("I am pregnant and have a cold", {Group.PREGNANCY}),
        ("I have had it for 20 years", set()),
        ("What is asthma?", set()),
        ("aged 999", set()),
    ],
)
def test_english_questions_say_whom_they_are_about(question: str, group: set[Group]) -> None:
    assert ENGLISH.about(question) == group


@pytest.mark.parametrize(
    ("question", "group"),
    [
        ("Mi hijo tiene fiebre", {Group.CHILD}),
        ("Mi bebé de 6 meses tose", {Group.CHILD}),
        ("Mi hija tiene 25 años y tose", {Group.ADULT}),
        ("mi abuela de 80 años", {Group.OLDER_ADULT}),
        ("estoy embarazada", {Group.PREGNANCY}),
        ("me duele desde hace 20 años", set()),
        ("¿Qué es el asma?", set()),
    ],
)
def test_spanish_questions_say_whom_they_are_about(question: str, group: set[Group]) -> None:
    assert SPANISH.about(question) == group


def test_a_baby_is_not_answered_from_a_topic_for_adults() -> None:
    one = found(("adult", "older_adult"), ("what_you_can_do", "Rest the back for a day.", 0.9))
    kept = for_whom(one, "My baby has back pain", ENGLISH)
    assert kept.decision is RetrievalDecision.ABSTAIN
    assert kept.reason == "for_other_people"
    assert not kept.passages


def test_an_adult_is_not_answered_from_a_topic_for_children() -> None:
    one = found(("child",), ("what_you_can_do", "Give small sips.", 0.9))
    assert for_whom(one, "My husband has a fever", ENGLISH).decision is RetrievalDecision.ABSTAIN


def test_a_topic_for_both_answers_without_the_passages_for_the_others() -> None:
    one = found(
        ("adult", "child"),
        ("what_you_can_do", "Rest helps.", 0.9),
        ("what_you_can_do", "Adults can try a warm shower.", 0.8),
        ("what_you_can_do", "A child can have small sips.", 0.7),
    )
    assert texts(for_whom(one, "what helps my toddler", ENGLISH)) == ["Rest helps.", "A child can have small sips."]
    assert texts(for_whom(one, "what helps my wife", ENGLISH)) == ["Rest helps.", "Adults can try a warm shower."]
    assert len(for_whom(one, "what helps", ENGLISH).passages) == 3, "nobody is named: nothing is left out"


def test_a_passage_that_names_the_group_answers_in_a_topic_for_others() -> None:
    one = found(
        ("adult",),
        ("what_it_is", "Children can have gout too, but rarely.", 0.9),
        ("what_it_is", "Gout comes suddenly.", 0.85),
        ("get_help_now", "Call if you faint.", 0.2),
    )
    assert texts(for_whom(one, "can children get gout", ENGLISH)) == ["Children can have gout too, but rarely."]


def test_a_passage_that_names_the_group_by_the_way_is_no_answer() -> None:
    one = found(
        ("adult",),
        ("what_you_can_do", "Take the tablets with food.", 0.9),
        ("what_you_can_do", "Keep the tablets away from children.", 0.3),
    )
    assert for_whom(one, "how does my child take the tablets", ENGLISH).decision is RetrievalDecision.ABSTAIN


def test_only_when_to_get_help_is_no_answer() -> None:
    one = found(("child",), ("get_help_now", "Call if a baby is limp.", 0.9))
    assert for_whom(one, "my baby", ENGLISH).decision is RetrievalDecision.ABSTAIN


def test_mother_and_child_are_answered_from_a_topic_for_either() -> None:
    one = found(("pregnancy",), ("what_you_can_do", "Talk with someone you trust.", 0.9))
    assert for_whom(one, "sad after having a baby", ENGLISH).decision is RetrievalDecision.ANSWER


def test_what_abstained_stays_so() -> None:
    nothing = Retrieved(RetrievalDecision.ABSTAIN, None, (), 0.0, reason="no_topic")
    assert for_whom(nothing, "my baby", ENGLISH) is nothing
