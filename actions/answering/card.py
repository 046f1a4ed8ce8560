"""What stands around an answer: the passage behind each sentence, when to get help, what may be asked next.

After review, before the gateway shows it. Nothing here changes a word of the answer.
"""

from __future__ import annotations

from typing import Any

from actions.answering.clarify import Choosing
from actions.answering.country import EmergencyNumbers
from actions.answering.knowledge import LanguageIndex
from actions.answering.question import Aspect
from actions.answering.retrieve import Retriever
from actions.answering.topic import Passage, Topic
from careguard.review import ReviewedAnswer

HELP_SECTION = "get_help_now"
_MOST_FACETS = 2
_MOST_RELATED = 2
_LONGEST_ID = 48
"""Characters of a topic's id that fit a button with its facet."""
_SECTION_OF = {
    Aspect.SELF_CARE: "what_you_can_do",
    Aspect.TREATMENT: "what_doctors_may_do",
    Aspect.DANGER: HELP_SECTION,
}
"""Aspects that every topic tells in a section of its own."""
_ENOUGH = 2
"""Passages that must tell of an aspect without a section before it is offered."""


def answer_card(
    answer: ReviewedAnswer,
    question: str,
    country: str | None,
    retriever: Retriever,
    numbers: EmergencyNumbers,
    choosing: Choosing,
) -> dict[str, Any]:
    """Return the answer in the contract's shape, with what is shown around it beside.

    `passages` holds for each citation the `text` of its passage and when it was written (`written_on`); `help` the
    places of the sentences that say when to get help; `related` what may be asked next, each with `topic`, `title`
    and, for another thing about the same topic, `facet`.
    """
    told = answer.as_json()
    if answer.abstained:
        return told
    place = {"emergency_number": numbers.number(country)}
    indexes = retriever.knowledge.searched(answer.language)
    passages = {c.id: passage for c in answer.citations if (passage := _passage(c.id, indexes)) is not None}
    told["passages"] = {
        passage.id: {"text": passage.filled(place).text, "written_on": passage.written_on.isoformat()}
        for passage in passages.values()
    }
    told["help"] = [
        at
        for at, sentence in enumerate(answer.sentences)
        if any(cited in passages and passages[cited].section == HELP_SECTION for cited in sentence.citations)
    ]
    told["related"] = _related(answer, question, indexes, choosing)
    return told


def _passage(passage_id: str, indexes: tuple[LanguageIndex, ...]) -> Passage | None:
    topic_id = passage_id.partition("/")[0]
    for index in indexes:
        if topic_id in index.topics:
            return next((passage for passage in index.topics[topic_id].passages if passage.id == passage_id), None)
    return None


def _related(
    answer: ReviewedAnswer, question: str, indexes: tuple[LanguageIndex, ...], choosing: Choosing
) -> list[dict[str, str]]:
    index = next((each for each in indexes if answer.topic in each.topics), None)
    if index is None or answer.topic is None or len(answer.topic) > _LONGEST_ID:
        return []
    topic = index.topics[answer.topic]
    asked = index.asked.aspects_of(question)
    facets = [
        {"topic": topic.id, "facet": aspect.value, "title": facet.title}
        for aspect, facet in choosing.facets(answer.language).items()
        if aspect not in asked and _tells(topic, aspect, index)
    ]
    related = [
        {"topic": other, "title": index.topics[other].title}
        for other in topic.related
        if other in index.topics and len(other) <= _LONGEST_ID
    ]
    return facets[:_MOST_FACETS] + related[:_MOST_RELATED]


def _tells(topic: Topic, aspect: Aspect, index: LanguageIndex) -> bool:
    if (section := _SECTION_OF.get(aspect)) is not None:
        return bool(topic.section(section))
    return sum(index.asked.tells(aspect, passage.text) for passage in topic.section("what_it_is")) >= _ENOUGH
