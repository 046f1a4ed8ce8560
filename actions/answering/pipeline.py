"""From an order to a reviewed answer: retrieve, then draft or take word for word, then review. Start reading here.

Every path ends in a `ReviewedAnswer`; one that has nothing reviewed to say is a refusal without words.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from actions.answering.country import EmergencyNumbers
from actions.answering.retrieve import Retrieved, Retriever
from actions.answering.topic import Passage
from actions.answering.verbatim import Style, compose_answer
from careguard.review import DraftSentence, Mode, ReviewedAnswer, ReviewedSentence, StepTimes, review_answer
from careguard.review_words import ReviewPolicy

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


@dataclass(frozen=True, slots=True)
class Parts:
    """What answering needs, built once at the start."""

    retriever: Retriever
    policy: ReviewPolicy
    numbers: EmergencyNumbers


async def answer_question(order: Order, parts: Parts, on_sentence: OnSentence | None = None) -> ReviewedAnswer:
    """Return the reviewed answer to the order; when nothing reviewed answers it, one that abstained."""
    started = time.perf_counter()
    retrieved = await asyncio.to_thread(parts.retriever.retrieve, order.question, order.language, order.topic)
    retrieve_ms = _since(started)
    passages = _given_passages(retrieved, order, parts)
    answer = await asyncio.to_thread(_answer_verbatim, order, parts, retrieved, passages, retrieve_ms)
    if on_sentence is not None:
        for position, sentence in enumerate(answer.sentences):
            await on_sentence(position, sentence)
    return answer


def _answer_verbatim(
    order: Order, parts: Parts, retrieved: Retrieved, passages: Sequence[Passage], retrieve_ms: float
) -> ReviewedAnswer:
    started = time.perf_counter()
    by_id = {passage.id: passage for passage in passages}
    drafts = [
        DraftSentence(by_id[sentence.citations[0]].text, sentence.citations, sentence.opens_paragraph)
        for sentence in compose_answer(retrieved, order.style)
    ]
    composed = time.perf_counter()
    return _reviewed(order, parts, drafts, passages, retrieved, Mode.VERBATIM, retrieve_ms, (composed - started) * 1000)


def _reviewed(
    order: Order,
    parts: Parts,
    drafts: Sequence[DraftSentence],
    passages: Sequence[Passage],
    retrieved: Retrieved,
    mode: Mode,
    retrieve_ms: float,
    generate_ms: float,
) -> ReviewedAnswer:
    started = time.perf_counter()
    topic = retrieved.topic.id if retrieved.topic is not None else None
    answer = review_answer(drafts, passages, language=order.language, mode=mode, policy=parts.policy, topic=topic)
    times = StepTimes(retrieve_ms, round(generate_ms, 2), _since(started))
    return answer.timed(times)


def _given_passages(retrieved: Retrieved, order: Order, parts: Parts) -> list[Passage]:
    number = parts.numbers.number(order.country)
    return [scored.passage.filled({"emergency_number": number}) for scored in retrieved.passages]


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)


def order_from_json(data: Any, default_language: str) -> Order:
    """Return the order that a request holds.

    Raises:
        ValueError: A field is missing or of the wrong kind; the message names the field and holds none of its words.
    """
    if not isinstance(data, dict):
        raise ValueError("the order must be a JSON object")
    question = data.get("question")
    if not isinstance(question, str) or not question.strip():
        raise ValueError("question must be text")
    style = data.get("style") or Style.NORMAL.value
    if style not in {known.value for known in Style}:
        raise ValueError("style must be normal, simpler or detail")
    for key in ("topic", "language", "country", "message_id"):
        if data.get(key) is not None and not isinstance(data[key], str):
            raise ValueError(f"{key} must be text or null")
    return Order(
        question=question,
        language=data.get("language") or default_language,
        topic=data.get("topic"),
        style=Style(style),
        country=data.get("country"),
        message_id=data.get("message_id") or "",
    )
