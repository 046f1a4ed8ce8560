"""FakeDialogue: stands where the dialogue process stands, says what it is told to, and remembers what it heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Decide = Callable[[dict[str, Any]], list[dict[str, Any]]]


def answer_everything(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """Decide like a dialogue that has consent: every text is a health question."""
    intent = (turn["intent"] or {}).get("name")
    if intent in {"emergency", "crisis", "urgent", "case_resolved"}:
        return []
    if intent == "ask_person":
        return [{"reply": "handoff_opened"}, {"handoff": {"reason": "asked_for_person", "level": "none"}}]
    if intent == "no_answer_found":
        return [{"reply": turn["intent"]["entities"]["if_no_answer"]}]
    return [{"order": {"question": turn["text"], "topic": None, "style": "normal", "if_no_answer": "clarify"}}]


@dataclass
class FakeDialogue:
    """A dialogue process whose behaviour a test chooses."""

    decide: Decide = answer_everything
    failure: str | None = None
    """`error` answers 502, `empty` answers 200 with nothing, `slow` answers after a minute."""
    turns: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        """Return the ASGI application with the dialogue channel's four calls."""
        base = "/webhooks/bedside"
        return Starlette(
            routes=[
                Route(f"{base}/turn", self._turn, methods=["POST"]),
                Route(f"{base}/events", self._events, methods=["POST"]),
                Route(f"{base}/conversations/{{id}}", self._forget, methods=["DELETE"]),
                Route(f"{base}/health", self._health, methods=["GET"]),
            ]
        )

    async def _turn(self, request: Request) -> Response:
        turn = await request.json()
        self.turns.append(turn)
        if self.failure == "slow":
            await asyncio.sleep(60)
        if self.failure == "error":
            return JSONResponse({"error": "ActionServerError"}, status_code=502)
        return JSONResponse({"messages": [] if self.failure == "empty" else self.decide(turn)})

    async def _events(self, request: Request) -> Response:
        self.events.append(await request.json())
        return JSONResponse({})

    async def _forget(self, request: Request) -> Response:
        self.forgotten.append(request.path_params["id"])
        return JSONResponse({})

    async def _health(self, _: Request) -> Response:
        return JSONResponse({}, status_code=503 if self.failure else 200)
