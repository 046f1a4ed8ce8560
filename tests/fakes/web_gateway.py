"""A gateway for the widget alone: the web channel's contract, with replies that a test wrote down beforehand.

It serves the same files, words, calls and events as the real gateway, keeps everything in memory, and can misbehave on
demand: lose its streams, be away, refuse, or no longer know a conversation.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from careguard.strict_yaml import read_yaml

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "bot" / "gateway" / "widget_page"
LANGUAGES = {"en": "English", "es": "Español"}
STRICT_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}


@dataclass(frozen=True, slots=True)
class ScriptedEvent:
    """One event of the stream; `reply_to` is filled in when the scripted message arrives."""

    name: str
    data: dict[str, Any]


@dataclass(slots=True)
class FakeConversation:
    """What the fake knows about one conversation."""

    token: str
    origin: str
    language: str
    events: list[tuple[str, ScriptedEvent]] = field(default_factory=list)
    messages: dict[str, str] = field(default_factory=dict)


def message(
    text: str, *, kind: str = "answer", author: str = "bot", language: str = "en", **more: Any
) -> ScriptedEvent:
    """Return a finished reply."""
    return ScriptedEvent("message", {"kind": kind, "author": author, "language": language, "text": text} | more)


def part(index: int, text: str, *citations: str) -> ScriptedEvent:
    """Return one reviewed sentence of an answer that is still coming."""
    return ScriptedEvent("part", {"index": index, "text": text, "citations": list(citations)})


def typing() -> ScriptedEvent:
    """Return the sign that an answer is being written."""
    return ScriptedEvent("typing", {"state": "on"})


class FakeWebGateway:
    """The gateway, scripted: `when(text, …)` says what answers a text, `push(…)` sends something unasked."""

    def __init__(self) -> None:
        self.conversations: dict[str, FakeConversation] = {}
        self.received: list[str] = []
        self.posted: list[dict[str, Any]] = []
        self.resumed_from: list[str | None] = []
        self.url = ""
        self.is_away = False
        self.refuses_streams = False
        self.direction: str | None = None
        self._scripts: dict[str, tuple[ScriptedEvent, ...]] = {}
        self._refusals: list[tuple[int, str]] = []
        self._streams = 0
        self._event_number = 0
        self._stopping = False

    @property
    def newest(self) -> FakeConversation:
        """The conversation that was opened last."""
        return list(self.conversations.values())[-1]

    def when(self, text: str, *events: ScriptedEvent) -> None:
        """Answer this text with these events."""
        self._scripts[text] = events

    def push(self, *events: ScriptedEvent, reply_to: str | None = None) -> None:
        """Send events to the newest conversation."""
        self._append(self.newest, events, reply_to)

    def refuse_next(self, status: int, words: str) -> None:
        """Refuse the next message with a status and words."""
        self._refusals.append((status, words))

    def lose_streams(self) -> None:
        """Break every open stream; clients may come back."""
        self._streams += 1

    def forget_conversations(self) -> None:
        """Let every conversation expire."""
        self.conversations.clear()
        self.lose_streams()

    @contextmanager
    def running(self) -> Iterator[FakeWebGateway]:
        """Serve on a free port of this machine."""
        server = uvicorn.Server(
            uvicorn.Config(self._app(), host="127.0.0.1", port=0, log_level="error", ws="none", lifespan="off")
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            self._stopping = True
            server.should_exit = True
            thread.join(timeout=10)

    def _app(self) -> Starlette:
        names = ("index.html", "widget.js", "demo.css", "demo.js")
        files = [Route("/" if name == "index.html" else f"/{name}", self._file) for name in names]
        return Starlette(
            routes=[
                *files,
                Route("/elsewhere", self._elsewhere),
                Route("/web/words", self._words),
                Route("/web/conversations", self._begin, methods=["POST"]),
                Route("/web/conversations/{id}/messages", self._receive, methods=["POST"]),
                Route("/web/conversations/{id}/events", self._stream),
            ],
            middleware=[
                Middleware(
                    CORSMiddleware,
                    allow_origin_regex=r"http://localhost:\d+",
                    allow_methods=["GET", "POST"],
                    allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
                )
            ],
        )

    async def _file(self, request: Request) -> Response:
        path = PAGE / (request.url.path.strip("/") or "index.html")
        return Response(
            path.read_bytes(),
            media_type=TYPES[path.suffix],
            headers={"Content-Security-Policy": STRICT_CSP, "Cache-Control": "no-store"},
        )

    async def _elsewhere(self, request: Request) -> Response:
        """Return another website's page (opened as localhost) that has nothing of ours but the one script tag."""
        given = {"country": "US", "title": "Chat"} | dict(request.query_params)
        attributes = " ".join(f'data-{name}="{value}"' for name, value in given.items())
        return HTMLResponse(
            f'<!doctype html><html lang="en"><title>Elsewhere</title><h1>Elsewhere</h1><a href="#x">A link</a>'
            f'<script src="{self.url}/widget.js" {attributes} defer></script>',
            headers={
                "Content-Security-Policy": f"default-src 'none'; script-src {self.url}; connect-src {self.url}",
                "Cache-Control": "no-store",
            },
        )

    async def _words(self, request: Request) -> Response:
        if self.is_away:
            return JSONResponse({}, status_code=503)
        asked = request.query_params.get("language", "").split("-")[0]
        tag = asked if asked in LANGUAGES else "en"
        path = REPOSITORY / "locales" / "languages" / tag / "widget.yaml"
        return JSONResponse(
            {
                "language": tag,
                "direction": self.direction or "ltr",
                "languages": [{"tag": each, "name": name} for each, name in LANGUAGES.items()],
                "emergency_number": "112" if request.query_params.get("country") == "ES" else "911",
                "words": read_yaml(path)["words"],
            }
        )

    async def _begin(self, request: Request) -> Response:
        if self.is_away:
            return JSONResponse({}, status_code=503)
        body = await request.json()
        number = len(self.conversations) + 1
        conversation = FakeConversation(f"token-{time.monotonic_ns()}", _origin(request), body.get("language", "en"))
        self.conversations[f"w_{number}_{time.monotonic_ns()}"] = conversation
        return JSONResponse(
            {
                "conversation_id": list(self.conversations)[-1],
                "token": conversation.token,
                "expires_at": "2030-01-01T00:00:00Z",
            },
            status_code=201,
        )

    async def _receive(self, request: Request) -> Response:
        if self.is_away:
            return JSONResponse({}, status_code=503)
        conversation = self._known(request)
        if conversation is None:
            return _refused(401, "This chat has ended.")
        if self._refusals:
            return _refused(*self._refusals.pop(0))
        body = await request.json()
        self.posted.append(body)
        client_id, text = body["client_message_id"], body["text"]
        if client_id not in conversation.messages:
            conversation.messages[client_id] = f"m_{len(conversation.messages) + 1}_{time.monotonic_ns()}"
            self.received.append(text)
            self._append(conversation, self._scripts.get(text, ()), conversation.messages[client_id])
        return JSONResponse({"message_id": conversation.messages[client_id]}, status_code=202)

    async def _stream(self, request: Request) -> Response:
        conversation = self._known(request)
        if conversation is None or self.refuses_streams:
            return _refused(401, "This chat has ended.")
        if self.is_away:
            return JSONResponse({}, status_code=503)
        after = request.headers.get("last-event-id")
        self.resumed_from.append(after)
        return StreamingResponse(self._events(request, conversation, after), media_type="text/event-stream")

    async def _events(self, request: Request, conversation: FakeConversation, after: str | None) -> AsyncIterator[str]:
        yield ": hello\n\n"
        streams = self._streams
        ids = [event_id for event_id, _ in conversation.events]
        sent = ids.index(after) + 1 if after in ids else 0
        while streams == self._streams and not self._stopping and not await request.is_disconnected():
            for event_id, event in conversation.events[sent:]:
                sent += 1
                yield f"id: {event_id}\r\nevent: {event.name}\r\ndata: {json.dumps(event.data)}\r\n\r\n"
            await asyncio.sleep(0.02)

    def _known(self, request: Request) -> FakeConversation | None:
        conversation = self.conversations.get(request.path_params["id"])
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if conversation is None or conversation.token != token or conversation.origin != _origin(request):
            return None
        return conversation

    def _append(self, conversation: FakeConversation, events: tuple[ScriptedEvent, ...], reply_to: str | None) -> None:
        for event in events:
            self._event_number += 1
            data = dict(event.data)
            if event.name in {"message", "part", "typing", "read"}:
                data.setdefault("reply_to", reply_to)
            if event.name == "message":
                data.setdefault("id", f"r_{self._event_number}")
            conversation.events.append((f"{self._event_number}-0", ScriptedEvent(event.name, data)))


def _origin(request: Request) -> str:
    # Browsers send no Origin with a GET to the page's own server.
    return request.headers.get("origin") or f"http://{request.headers['host']}"


def _refused(status: int, words: str) -> Response:
    return JSONResponse({"error": {"code": "refused", "message": words}}, status_code=status)
