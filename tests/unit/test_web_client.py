"""The client of the web channel: it picks the reply of a turn, resumes, waits when told to, and agrees first."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.commands.web_client import (
    CONSENT,
    NoReplyError,
    RefusedError,
    StackAt,
    most_telling,
    open_conversation,
    running_stack,
)
from bot.errors import StartError
from bot.settings import StackSettings
from tests.serving import serving

Say = Callable[[str, str], list[tuple[str, dict[str, Any]]]]
"""Given a message's id and text, the events that follow it."""


class FakeWebChannel:
    """The web channel's contract at the network's edge, with a script instead of a bot."""

    def __init__(self, say: Say) -> None:
        self.received: list[str] = []
        self.resumed_from: list[str | None] = []
        self.tokens: list[str | None] = []
        self.refuse: list[Response] = []
        self.break_after_each_event = False
        self._say = say
        self._events: list[tuple[str, dict[str, Any]]] = []
        self._news = asyncio.Event()

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/web/conversations", self._begin, methods=["POST"]),
                Route("/web/conversations/c/messages", self._receive, methods=["POST"]),
                Route("/web/conversations/c/events", self._stream, methods=["GET"]),
            ]
        )

    async def _begin(self, request: Request) -> Response:
        self.tokens.append(request.headers.get("x-bedside-token"))
        return JSONResponse({"conversation_id": "c", "token": "t", "expires_at": "later"}, status_code=201)

    async def _receive(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer t"
        if self.refuse:
            return self.refuse.pop(0)
        text = (await request.json())["text"]
        self.received.append(text)
        message_id = f"m{len(self.received)}"
        self._events += self._say(message_id, text)
        self._news.set()
        return JSONResponse({"message_id": message_id}, status_code=202)

    async def _stream(self, request: Request) -> Response:
        after = request.headers.get("last-event-id")
        self.resumed_from.append(after)
        return EventSourceResponse(self._follow(int(after or 0)))

    async def _follow(self, position: int) -> AsyncIterator[ServerSentEvent]:
        while True:
            self._news.clear()
            while position < len(self._events):
                name, data = self._events[position]
                position += 1
                yield ServerSentEvent(id=str(position), event=name, data=json.dumps(data))
                if self.break_after_each_event:
                    return
            await self._news.wait()


def message(message_id: str, kind: str, text: str = "", payloads: tuple[str, ...] = ()) -> tuple[str, dict[str, Any]]:
    buttons = [{"title": payload, "payload": payload} for payload in payloads]
    return "message", {"reply_to": message_id, "kind": kind, "text": text, "quick_replies": buttons}


async def test_the_reply_of_a_turn_is_its_most_telling_message() -> None:
    """A notice beside the answer is not the answer, and another turn's message is no reply to this one."""

    def say(message_id: str, text: str) -> list[tuple[str, dict[str, Any]]]:
        return [
            message("m0", "emergency", "of an earlier turn"),
            message(message_id, "notice", "one moment"),
            ("typing", {"reply_to": message_id, "state": "on"}),
            ("part", {"reply_to": message_id, "text": "Salt"}),
            message(message_id, "answer", "Salt matters."),
        ]

    channel = FakeWebChannel(say)
    async with serving(channel.app) as address, open_conversation(StackAt(address)) as conversation:
        assert (await conversation.exchange("What about salt?", 20))["text"] == "Salt matters."


async def test_emergency_words_are_the_reply_whatever_comes_after() -> None:
    """Nothing that follows an emergency reply takes its place; of equals the later one counts."""
    replies: list[dict[str, Any]] = [
        {"kind": "notice", "n": 1},
        {"kind": "emergency", "n": 2},
        {"kind": "handoff", "n": 3},
    ]
    assert most_telling(replies)["n"] == 2
    assert most_telling([{"kind": "notice", "n": 1}, {"kind": "notice", "n": 2}])["n"] == 2


async def test_the_client_agrees_first_and_again_when_it_was_not_heard() -> None:
    """The first payload may come before anything was asked; the second is the answer to the question."""

    def say(message_id: str, text: str) -> list[tuple[str, dict[str, Any]]]:
        asked_before = message_id != "m1"
        return [
            message(message_id, "notice", "thanks" if asked_before else "welcome", () if asked_before else (CONSENT,))
        ]

    channel = FakeWebChannel(say)
    async with serving(channel.app) as address, open_conversation(StackAt(address)) as conversation:
        assert (await conversation.consent(20))["text"] == "thanks"
    assert channel.received == [CONSENT, CONSENT]


async def test_a_broken_stream_goes_on_where_it_was() -> None:
    """Nothing is lost and nothing read twice."""
    channel = FakeWebChannel(lambda message_id, text: [message(message_id, "answer", text)])
    channel.break_after_each_event = True
    async with serving(channel.app) as address, open_conversation(StackAt(address)) as conversation:
        assert (await conversation.exchange("one", 20))["text"] == "one"
        assert (await conversation.exchange("two", 20))["text"] == "two"
    assert channel.resumed_from[:2] == [None, "1"]


async def test_a_busy_gateway_is_asked_again_after_the_time_it_names() -> None:
    """A file of conversations goes on after a pause, with the same message."""
    channel = FakeWebChannel(lambda message_id, text: [message(message_id, "answer", text)])
    channel.refuse = [Response(status_code=429, headers={"Retry-After": "0"}), Response(status_code=503)]
    async with serving(channel.app) as address, open_conversation(StackAt(address)) as conversation:
        assert (await conversation.exchange("one", 20))["text"] == "one"
    assert channel.received == ["one"]


async def test_a_refusal_is_told_in_the_gateway_s_words() -> None:
    """The words are those that the patient would read."""
    channel = FakeWebChannel(lambda message_id, text: [])
    channel.refuse = [JSONResponse({"error": {"code": "empty", "message": "I got no words."}}, status_code=422)]
    async with serving(channel.app) as address, open_conversation(StackAt(address)) as conversation:
        with pytest.raises(RefusedError, match=r"^I got no words\.$"):
            await conversation.send("")


async def test_silence_is_told_and_not_waited_out_for_ever() -> None:
    """While a person holds the conversation the bot is silent."""
    channel = FakeWebChannel(lambda message_id, text: [])
    async with serving(channel.app) as address, open_conversation(StackAt(address)) as conversation:
        with pytest.raises(NoReplyError, match="no reply came within 0 s"):
            await conversation.exchange("hello", 0.2)


async def test_the_operator_s_own_stack_knows_its_operator() -> None:
    """The token opens the rate limits, and only when there is one."""
    channel = FakeWebChannel(lambda message_id, text: [])
    async with serving(channel.app) as address:
        async with open_conversation(StackAt(address, "secret")):
            pass
        async with open_conversation(StackAt(address)):
            pass
    assert channel.tokens == ["secret", None]
    assert "secret" not in repr(StackAt(address, "secret"))


def test_a_stack_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """The sentence says how to start it."""
    with pytest.raises(StartError, match="start it with `bedside up`"):
        running_stack(StackSettings(data_dir=tmp_path, port=1))
