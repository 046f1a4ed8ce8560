"""FakeAnswering: stands where the actions process stands and streams the sentences it is given."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

PASSAGE = "high_blood_pressure/in_short/1"


@dataclass
class FakeAnswering:
    """An answering process whose behaviour a test chooses."""

    sentences: tuple[str, ...] = ("High blood pressure often has no signs.", "A nurse can check it for you.")
    failure: str | None = None
    """`error` answers 500, `abstain` has no answer, `breaks_off` stops after the first sentence."""
    pause_s: float = 0.0
    """How long each sentence takes."""
    which: tuple[str, ...] = ()
    """Topics among which the patient must choose before there is an answer; an order that may not ask gets one."""
    card: dict[str, Any] = field(default_factory=dict)
    """What stands around an answer: passages, help, related, chosen."""
    orders: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> Starlette:
        """Return the ASGI application with the answering calls."""
        return Starlette(
            routes=[
                Route("/answers", self._answers, methods=["POST"]),
                Route("/health", self._health, methods=["GET"]),
            ]
        )

    async def _answers(self, request: Request) -> Response:
        self.orders.append(await request.json())
        if self.failure == "error":
            return JSONResponse({"error": "broken"}, status_code=500)
        return StreamingResponse(self._lines(), media_type="application/x-ndjson")

    async def _lines(self) -> AsyncIterator[str]:
        if self.which and self.orders[-1].get("may_ask", True):
            topics = [{"id": topic, "title": topic.replace("_", " ").capitalize()} for topic in self.which]
            asked = self._answer([], abstained=False) | {"kind": "clarify", "citations": [], "topic": None}
            yield json.dumps({"answer": asked | {"clarify": {"topics": topics}}}) + "\n"
            return
        abstained = self.failure == "abstain"
        sentences = [] if abstained else [{"text": text, "citations": [PASSAGE]} for text in self.sentences]
        for index, sentence in enumerate(sentences):
            await asyncio.sleep(self.pause_s)
            yield json.dumps({"sentence": {"index": index, **sentence}}) + "\n"
            if self.failure == "breaks_off":
                return
        yield json.dumps({"answer": self._answer(sentences, abstained=abstained)}) + "\n"

    def _answer(self, sentences: list[dict[str, Any]], *, abstained: bool) -> dict[str, Any]:
        citation = {
            "id": PASSAGE,
            "title": "High blood pressure",
            "url": "https://medlineplus.gov/highbloodpressure.html",
            "publisher": "MedlinePlus (NIH)",
            "reviewed_on": None,
        }
        return {
            "kind": "refusal" if abstained else "answer",
            "abstained": abstained,
            "text": " ".join(sentence["text"] for sentence in sentences),
            "sentences": sentences,
            "citations": [] if abstained else [citation],
            "language": "en",
            "mode": "verbatim",
            "grade": 4.0,
            "groundedness": 1.0,
            "topic": None if abstained else "high_blood_pressure",
            "ms": {"retrieve": 1, "generate": 1, "review": 1},
            **self.card,
        }

    async def _health(self, _: Request) -> Response:
        return JSONResponse({})
