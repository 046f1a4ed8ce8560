"""Asks the actions process for a reviewed answer and yields its sentences as they come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from actions.answering.approved import ApprovedLookup
from bot.errors import AnswerError
from bot.gateway.internal_http import InternalHttp
from bot.gateway.message import Citation, Sentence


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """One reviewed sentence, in order."""

    index: int
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class TopicOffer:
    """A topic on a button: one that may be meant, or something that may be asked next."""

    payload: str
    title: str


@dataclass(frozen=True, slots=True)
class FinishedAnswer:
    """The whole reviewed answer, or the word that there is none."""

    abstained: bool
    text: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    topic: str | None
    mode: str
    reviewed: bool
    extra: Mapping[str, Any] = field(default_factory=dict)
    choices: tuple[TopicOffer, ...] = ()
    """The topics among which the patient must choose before there can be an answer."""
    related: tuple[TopicOffer, ...] = ()
    """What may be asked next."""
    passages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The passage behind each citation, and when it was written, by its id."""
    chosen: Mapping[str, str] | None = None
    """What was really asked, `question` and `topic`, where the patient chose."""


class AnswerClient:
    """Streams answers over HTTP, so many at once; the others wait in line, where they cost nothing."""

    def __init__(
        self, url: str, token: str, *, timeout_s: float, at_once: int, approved: ApprovedLookup | None = None
    ) -> None:
        self._actions = InternalHttp(url, token, timeout_s=timeout_s)
        self._room = asyncio.Semaphore(at_once)
        self._approved = approved

    async def answer(self, order: Mapping[str, Any]) -> AsyncIterator[AnswerPart | FinishedAnswer]:
        """Yield the reviewed sentences, then the finished answer.

        Raises:
            AnswerError: The actions process is down, slow, or broke off.
        """
        finished = False
        order = await self._with_approved(order)
        try:
            async with self._room, self._actions.request("POST", "/answers", order) as response:
                async for line in response.content:
                    if not line.strip():
                        continue
                    part = _read(json.loads(line))
                    finished = finished or isinstance(part, FinishedAnswer)
                    yield part
        except aiohttp.ClientResponseError as error:
            raise AnswerError(f"answering answered {error.status}") from None
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
            raise AnswerError(f"answering failed: {type(error).__name__}") from None
        if not finished:
            raise AnswerError("answering broke off")

    async def _with_approved(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the order, with the answer that a clinician signed to this very question where there is one."""
        if self._approved is None or order.get("about"):
            return order
        signed = await self._approved.find(str(order["question"]), str(order["language"]))
        return order if signed is None else {**order, "approved": signed.as_order()}

    async def is_ready(self) -> bool:
        """Return whether the actions process answers."""
        try:
            async with self._actions.request("GET", "/health", silent_s=2.0):
                return True
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def close(self) -> None:
        """Close the connections."""
        await self._actions.close()


def _read(line: dict[str, Any]) -> AnswerPart | FinishedAnswer:
    if "sentence" in line:
        part = line["sentence"]
        return AnswerPart(int(part["index"]), Sentence(part["text"], tuple(part["citations"])))
    answer = line["answer"]
    citations = tuple(
        Citation(c["id"], c["title"], c["url"], c["publisher"], c.get("reviewed_on")) for c in answer["citations"]
    )
    return FinishedAnswer(
        abstained=bool(answer.get("abstained", False)),
        text=answer["text"],
        sentences=tuple(Sentence(s["text"], tuple(s["citations"])) for s in answer["sentences"]),
        citations=citations,
        topic=answer.get("topic"),
        mode=answer.get("mode") or "verbatim",
        reviewed=bool(citations) and all(c.reviewed_on for c in citations),
        extra={key: answer[key] for key in ("mode", "grade", "groundedness", "passages", "help") if key in answer},
        choices=tuple(
            _offer(topic["id"], None, topic["title"]) for topic in (answer.get("clarify") or {}).get("topics", [])
        ),
        related=tuple(_offer(each["topic"], each.get("facet"), each["title"]) for each in answer.get("related", [])),
        passages=answer.get("passages") or {},
        chosen=answer.get("chosen"),
    )


def _offer(topic: str, facet: str | None, title: str) -> TopicOffer:
    return TopicOffer(f"topic:{topic}:{facet}" if facet else f"topic:{topic}", title)
