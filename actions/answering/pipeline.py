"""From an order to a reviewed answer: retrieve, then draft or take word for word, then review. Start reading here.

Every path ends in a `ReviewedAnswer`; one that has nothing reviewed to say is a refusal without words.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from actions.answering.approved import ApprovedAnswer, ApprovedGate
from actions.answering.audience import for_whom
from actions.answering.clarify import Choosing, Chosen, Clarification, OpenChoice, open_choice_from_json
from actions.answering.country import EmergencyNumbers
from actions.answering.difference import both_sides
from actions.answering.explain import Explanation, Lexicon, explain
from actions.answering.generate import Model, draft_sentences
from actions.answering.letter import retrieve_for_letter
from actions.answering.retrieve import RetrievalDecision, Retrieved, Retriever
from actions.answering.topic import Passage
from actions.answering.verbatim import Style, compose_answer
from careguard.rails import review_draft_sentence
from careguard.review import DraftSentence, Mode, ReviewedAnswer, ReviewedSentence, StepTimes, review_answer
from careguard.review_words import ReviewPolicy
from careguard.verdict import Decision

_LOG = logging.getLogger(__name__)

_LONGEST_QUESTION = 1000
"""Characters of a message that may be one question."""

OnSentence = Callable[[int, ReviewedSentence], Awaitable[None]]
"""Called with the position and the words of each reviewed sentence, in order, before the whole answer is done."""


@dataclass(frozen=True, slots=True)
class Order:
    """One question to answer, as dialogue orders it."""

    question: str
    language: str
    topic: str | None = None
    """The topic talked about before, for a question that names none."""
    style: Style = Style.NORMAL
    country: str | None = None
    message_id: str = ""
    about: str | None = None
    """The topic that the patient chose; the question is answered from it, whatever else it may name."""
    facet: str | None = None
    """What of that topic the patient tapped; it stands for a question of its own."""
    choice: OpenChoice | None = None
    """What the patient was asked just before; the question may be the answer to it."""
    may_ask: bool = True
    """False when the patient must not be asked back, because they were just now."""
    approved: ApprovedAnswer | None = None
    """What a clinician signed as the answer to this question, where the gateway found one."""


@dataclass(frozen=True, slots=True)
class Drafting:
    """A language model that drafts answers, and how much it may take."""

    model: Model
    budget_s: float
    max_new_tokens: int
    at_once: asyncio.Semaphore
    """Drafts that may be under way; a question that finds none free is answered word for word."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What answering needs, built once at the start."""

    retriever: Retriever
    policy: ReviewPolicy
    numbers: EmergencyNumbers
    drafting: Drafting | None = None
    """None: every answer is made of reviewed sentences, word for word."""
    choosing: Choosing = field(default_factory=Choosing)
    """Asks which of several topics a general question means; without words it never asks."""
    approved: ApprovedGate | None = None
    """Lets the answers through that a clinician signed; None lets none."""
    lexicon: Lexicon | None = None
    """What words and abbreviations mean; None explains none."""


async def answer_question(order: Order, parts: Parts, on_sentence: OnSentence | None = None) -> ReviewedAnswer:
    """Return the reviewed answer to the order without asking back; when nothing answers it, one that abstained."""
    made = await answer_or_ask(replace(order, may_ask=False), parts, on_sentence)
    assert isinstance(made, ReviewedAnswer)
    return made


async def answer_or_ask(
    order: Order, parts: Parts, on_sentence: OnSentence | None = None
) -> ReviewedAnswer | Clarification:
    """Return the reviewed answer to the order, or what the patient must be asked first when it is too general."""
    signed = await _approved(order, parts)
    if signed is not None and order.style is Style.NORMAL:
        return await _told(on_sentence, signed)
    started = time.perf_counter()
    question, retrieved = await asyncio.to_thread(_retrieve, order, parts.retriever)
    found = _Found(question, retrieved, _given_passages(retrieved, order, parts), _since(started))
    explanation = await asyncio.to_thread(_explanation, order, parts, retrieved)
    if explanation is not None:
        return await _answer_explained(order, parts, found, explanation, on_sentence)
    if order.may_ask and order.about is None:
        asked = await asyncio.to_thread(parts.choosing.ask, retrieved, question, order.language, parts.retriever)
        if asked is not None:
            return replace(asked, retrieve_ms=_since(started))
    if parts.drafting is not None and found.passages and not parts.drafting.at_once.locked():
        drafted = await _answer_drafted(order, parts, parts.drafting, found, on_sentence)
        if drafted is not None:
            return drafted
    answer = await asyncio.to_thread(_answer_verbatim, order, parts, found)
    if answer.abstained and signed is not None:
        answer = signed
    return await _told(on_sentence, answer)


async def _approved(order: Order, parts: Parts) -> ReviewedAnswer | None:
    """Return the approved words to this very question.

    "Simpler" and "more detail" are asked of the topics first; where these say nothing, the approved words stand.
    """
    if parts.approved is None or order.approved is None:
        return None
    number = parts.numbers.number(order.country)
    return await asyncio.to_thread(parts.approved.answer, order.approved, order.question, order.language, number)


@dataclass(frozen=True, slots=True)
class _Found:
    """What retrieval found, with the passages as this patient reads them."""

    question: str
    """What was asked; of a letter the question inside it."""
    retrieved: Retrieved
    passages: list[Passage]
    ms: float


def _retrieve(order: Order, retriever: Retriever) -> tuple[str, Retrieved]:
    """Return the question, of a letter the one inside it, and what is found for the people that it is about."""
    question = order.question
    if order.about is not None:
        chosen = retriever.retrieve_about(question, order.language, order.about)
        if chosen is not None:
            return question, chosen
    # What is longer is a letter; as one question it names anything, and retrieval would take seconds.
    as_one = question if len(question) <= _LONGEST_QUESTION else ""
    found = retriever.retrieve(as_one, order.language, order.topic)
    index = retriever.knowledge.index(order.language)
    if index is None:
        return question, found
    if found.decision is RetrievalDecision.ABSTAIN and (ours := index.asked.in_our_words(as_one)) != as_one:
        found = retriever.retrieve(ours, order.language, order.topic)
    if found.decision is RetrievalDecision.ABSTAIN:
        inside = retrieve_for_letter(question, order.language, retriever, index.asked)
        question, found = inside if inside is not None else (question, found)
    # Whom it is about may stand anywhere in the letter.
    found = for_whom(found, order.question, index.asked)
    return question, both_sides(found, question, order.language, retriever)


def _explanation(order: Order, parts: Parts, retrieved: Retrieved) -> Explanation | None:
    index = parts.retriever.knowledge.index(order.language)
    answered = retrieved.topic is not None
    if parts.lexicon is None or index is None or (answered and order.style is Style.DETAIL):
        return None
    return explain(order.question, order.language, parts.lexicon, index, answered=answered)


async def _answer_explained(
    order: Order, parts: Parts, found: _Found, explanation: Explanation, on_sentence: OnSentence | None
) -> ReviewedAnswer:
    """Return what the words mean; the topic that one of them names is what a next question may lean on."""
    index = parts.retriever.knowledge.index(order.language)
    topic = index.topics.get(explanation.topic or "") if index is not None else None
    explained = replace(found, retrieved=replace(found.retrieved, topic=topic), passages=list(explanation.passages))
    answer = await asyncio.to_thread(_reviewed, order, parts, explanation.drafts, explained, Mode.VERBATIM, 0.0, 0.0)
    return await _told(on_sentence, answer)


def _answer_verbatim(order: Order, parts: Parts, found: _Found) -> ReviewedAnswer:
    started = time.perf_counter()
    drafts = _verbatim_sentences(order, found)
    generate_ms = _since(started)
    return _reviewed(order, parts, drafts, found, Mode.VERBATIM, generate_ms, 0.0)


def _verbatim_sentences(order: Order, found: _Found) -> list[DraftSentence]:
    by_id = {passage.id: passage for passage in found.passages}
    return [
        DraftSentence(by_id[sentence.citations[0]].text, sentence.citations, sentence.opens_paragraph)
        for sentence in compose_answer(found.retrieved, order.style)
    ]


async def _answer_drafted(
    order: Order, parts: Parts, drafting: Drafting, found: _Found, on_sentence: OnSentence | None
) -> ReviewedAnswer | None:
    """Return the answer that the model drafted, or None when the reviewed sentences must go out instead.

    A sentence is shown as soon as it passes review. The first one must pass; after it, a sentence that fails is left
    out, and a draft that breaks off or takes too long ends with what has passed.
    """
    started = time.perf_counter()
    review_ms = 0.0
    passed: list[DraftSentence] = []
    async with drafting.at_once:
        try:
            async with (
                asyncio.timeout(drafting.budget_s),
                aclosing(
                    draft_sentences(
                        drafting.model, found.question, found.passages, order.language, drafting.max_new_tokens
                    )
                ) as sentences,
            ):
                async for sentence in sentences:
                    began = time.perf_counter()
                    verdict = await asyncio.to_thread(
                        review_draft_sentence, sentence, found.passages, order.language, parts.policy
                    )
                    review_ms += _since(began)
                    if verdict.decision is Decision.ALLOW and not verdict.failed:
                        passed.append(sentence)
                        await _tell(on_sentence, len(passed) - 1, ReviewedSentence(sentence.text, sentence.citations))
                    elif not passed:
                        _LOG.info("draft for %s: the first sentence broke %s", order.message_id, verdict.category)
                        return None
        except Exception as error:  # whatever a model does, the patient gets the reviewed sentences
            _LOG.warning("draft for %s ended early: %s", order.message_id, type(error).__name__)
    if not passed:
        return None
    passed += await _when_to_get_help(order, found, passed, on_sentence)
    generate_ms = _since(started) - review_ms
    answer = await asyncio.to_thread(_reviewed, order, parts, passed, found, Mode.DRAFTED, generate_ms, review_ms)
    return None if answer.abstained else answer


async def _when_to_get_help(
    order: Order, found: _Found, passed: Sequence[DraftSentence], on_sentence: OnSentence | None
) -> list[DraftSentence]:
    """Return the reviewed sentence on when to get help, word for word, unless the draft has one of its own."""
    helping = {passage.id for passage in found.passages if passage.section == "get_help_now"}
    if any(helping.intersection(sentence.citations) for sentence in passed):
        return []
    last = [s for s in _verbatim_sentences(order, found) if helping.intersection(s.citations)][-1:]
    for sentence in last:
        await _tell(on_sentence, len(passed), ReviewedSentence(sentence.text, sentence.citations))
    return last


async def _told(on_sentence: OnSentence | None, answer: ReviewedAnswer) -> ReviewedAnswer:
    """Return the answer, once each of its sentences was told."""
    for position, sentence in enumerate(answer.sentences):
        await _tell(on_sentence, position, sentence)
    return answer


async def _tell(on_sentence: OnSentence | None, position: int, sentence: ReviewedSentence) -> None:
    if on_sentence is not None:
        await on_sentence(position, sentence)


def _reviewed(
    order: Order,
    parts: Parts,
    drafts: Sequence[DraftSentence],
    found: _Found,
    mode: Mode,
    generate_ms: float,
    review_ms: float,
) -> ReviewedAnswer:
    started = time.perf_counter()
    allowed = [
        draft
        for draft in drafts
        if mode is Mode.DRAFTED or _passes_the_rail(draft, found.passages, order.language, parts.policy)
    ]
    # Without its first sentence it is no answer; review_answer() decides the same about what it is given.
    whole = allowed if drafts and allowed[:1] == list(drafts[:1]) else []
    topic = found.retrieved.topic.id if found.retrieved.topic is not None else None
    answer = review_answer(whole, found.passages, language=order.language, mode=mode, policy=parts.policy, topic=topic)
    return answer.timed(StepTimes(found.ms, round(generate_ms, 2), round(review_ms + _since(started), 2)))


def _passes_the_rail(draft: DraftSentence, passages: Sequence[Passage], language: str, policy: ReviewPolicy) -> bool:
    verdict = review_draft_sentence(draft, passages, language, policy)
    return verdict.decision is Decision.ALLOW and not verdict.failed


def _given_passages(retrieved: Retrieved, order: Order, parts: Parts) -> list[Passage]:
    number = parts.numbers.number(order.country)
    return [scored.passage.filled({"emergency_number": number}) for scored in retrieved.passages]


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)


def with_choice_read(order: Order, parts: Parts) -> tuple[Order, Chosen | None]:
    """Return the order for what is really asked, and what was chosen where the patient chose.

    "The second" becomes the question that was asked before, about the second topic; a tapped facet its own question.
    """
    chosen = parts.choosing.chosen(
        order.question,
        order.language,
        parts.retriever,
        topic=order.about,
        facet=order.facet,
        choice=order.choice,
    )
    return order if chosen is None else replace(order, question=chosen.question, about=chosen.topic), chosen


def order_from_json(data: Any, default_language: str) -> Order:
    """Return the order that a request holds.

    Raises:
        ValueError: A field is missing or of the wrong kind; the message names the field and holds none of its words.
    """
    if not isinstance(data, dict):
        raise ValueError("the order must be a JSON object")
    question = data.get("question")
    if not isinstance(question, str) or not (question.strip() or data.get("about")):
        raise ValueError("question must be text")
    style = data.get("style") or Style.NORMAL.value
    if style not in {known.value for known in Style}:
        raise ValueError("style must be normal, simpler or detail")
    for key in ("topic", "language", "country", "message_id", "about", "facet"):
        if data.get(key) is not None and not isinstance(data[key], str):
            raise ValueError(f"{key} must be text or null")
    return Order(
        question=question,
        language=data.get("language") or default_language,
        topic=data.get("topic"),
        style=Style(style),
        country=data.get("country"),
        message_id=data.get("message_id") or "",
        about=data.get("about"),
        facet=data.get("facet"),
        choice=open_choice_from_json(data.get("choice")),
        may_ask=data.get("may_ask") is not False,
        approved=ApprovedAnswer.from_order(data.get("approved")),
    )
