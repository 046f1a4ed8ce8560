"""A question on how two illnesses differ is answered from both."""

from __future__ import annotations

from actions.answering.pipeline import Order, Parts, answer_question
from careguard.review import ReviewedAnswer


async def answered(text: str, parts: Parts, language: str = "en") -> ReviewedAnswer:
    return await answer_question(Order(text, language, country="US"), parts)


def topics(answer: ReviewedAnswer) -> set[str]:
    """The topics whose passages the answer cites."""
    return {citation.id.partition("/")[0] for citation in answer.citations}


async def test_two_that_cannot_be_compared_are_not_answered(parts: Parts) -> None:
    """Neither topic names the other, and their passages do not both say what it is."""
    assert (await answered("What is the difference between sunburn and hypertension?", parts)).abstained


async def test_a_topic_that_is_not_ours_is_not_compared(parts: Parts) -> None:
    answer = await answered("What is the difference between sunburn and lupus?", parts)
    assert topics(answer) <= {"sunburn"}
    assert (await answered("difference between lupus and zellweger", parts)).abstained


async def test_a_question_that_compares_nothing_stays_with_its_topic(parts: Parts) -> None:
    assert topics(await answered("What is sunburn?", parts)) == {"sunburn"}


async def test_how_their_treatments_differ_is_not_answered_with_what_they_are(parts: Parts) -> None:
    answer = await answered("What is the difference in treatment of sunburn and hypertension?", parts)
    assert topics(answer) != {"sunburn", "high_blood_pressure"}
