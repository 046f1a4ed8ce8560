"""FakeBotApi: a Bot API server on loopback that behaves like Telegram's where a bot can notice.

Long polling with offsets, one poller at a time (409), 4,096 characters a message (400), flood control (429 with
retry_after), blocked bots (403), and form bodies with JSON-encoded fields.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN = "1:TEST"
MOST_CHARS = 4096


@dataclass
class FakeBotApi:
    """What Telegram would hold for one bot."""

    updates: list[dict[str, Any]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    chat_actions: list[dict[str, Any]] = field(default_factory=list)
    answered_queries: list[str] = field(default_factory=list)
    left_chats: list[str] = field(default_factory=list)
    floods: int = 0
    """How many of the next sendMessage calls are answered with 429."""
    blocked: bool = False
    confirmed_offset: int = 0
    _next_update: int = 1
    _next_message: int = 1
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _polling: bool = False

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(routes=[Route("/bot{token}/{method}", self._call, methods=["POST", "GET"])])

    async def patient_sends(self, chat_id: int = 7, *, chat_type: str = "private", **content: Any) -> None:
        """Put a message of a patient into the updates; without content it is empty."""
        message = self._message(chat_id, chat_type) | content
        await self._push({"message": message})

    async def patient_edits(self, chat_id: int = 7, **content: Any) -> None:
        """Put an edited message into the updates."""
        await self._push(
            {"edited_message": self._message(chat_id, "private") | {"edit_date": int(time.time())} | content}
        )

    async def patient_taps(self, payload: str, chat_id: int = 7) -> None:
        """Put a tapped button into the updates."""
        query = {
            "id": f"{self._next_update}00",
            "from": _patient(chat_id),
            "chat_instance": "1",
            "message": self._message(chat_id, "private") | {"text": "…"},
            "data": payload,
        }
        await self._push({"callback_query": query})

    async def wait_for_sent(self, count: int, *, timeout_s: float = 20) -> list[dict[str, Any]]:
        """Return everything sent, once there are `count` messages."""
        async with self._changed:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait_for(lambda: len(self.sent) >= count)
            except TimeoutError:
                raise AssertionError(f"{len(self.sent)} of {count} messages came: {self.sent}") from None
        return self.sent

    def _message(self, chat_id: int, chat_type: str) -> dict[str, Any]:
        number = self._next_message
        self._next_message += 1
        chat = {"id": chat_id, "type": chat_type, "first_name": "Ana"}
        return {"message_id": number, "date": int(time.time()), "chat": chat, "from": _patient(chat_id)}

    async def _push(self, update: dict[str, Any]) -> None:
        async with self._changed:
            self.updates.append({"update_id": self._next_update} | update)
            self._next_update += 1
            self._changed.notify_all()

    async def _call(self, request: Request) -> Response:
        if request.path_params["token"] != TOKEN:
            return _error(401, "Unauthorized")
        fields = dict(parse_qsl((await request.body()).decode()))
        method = request.path_params["method"]
        handler = getattr(self, f"_{method.lower()}", None)
        return _error(404, "Not Found") if handler is None else await handler(fields)

    async def _getme(self, _: dict[str, str]) -> Response:
        return _ok({"id": 1, "is_bot": True, "first_name": "Bedside", "username": "bedside_test_bot"})

    async def _getupdates(self, fields: dict[str, str]) -> Response:
        if self._polling:
            return _error(409, "Conflict: terminated by other getUpdates request")
        self._polling = True
        try:
            offset = int(fields.get("offset", "0"))
            async with self._changed:
                self.confirmed_offset = max(self.confirmed_offset, offset)
                self.updates = [update for update in self.updates if update["update_id"] >= offset]
                try:
                    async with asyncio.timeout(min(2.0, float(fields.get("timeout", "0")))):
                        await self._changed.wait_for(lambda: bool(self.updates))
                except TimeoutError:
                    pass
                return _ok(self.updates)
        finally:
            self._polling = False

    async def _sendmessage(self, fields: dict[str, str]) -> Response:
        if self.floods > 0:
            self.floods -= 1
            return _error(429, "Too Many Requests: retry after 1", parameters={"retry_after": 1})
        if self.blocked:
            return _error(403, "Forbidden: bot was blocked by the user")
        if len(fields["text"]) > MOST_CHARS:
            return _error(400, "Bad Request: message is too long")
        markup = json.loads(fields.get("reply_markup", "null"))
        for row in (markup or {}).get("inline_keyboard", []):
            if any(not 1 <= len(button["callback_data"].encode()) <= 64 for button in row):
                return _error(400, "Bad Request: BUTTON_DATA_INVALID")
        async with self._changed:
            self.sent.append({"chat_id": fields["chat_id"], "text": fields["text"], "markup": markup})
            self._changed.notify_all()
        return _ok(self._message(int(fields["chat_id"]), "private") | {"text": fields["text"]})

    async def _sendchataction(self, fields: dict[str, str]) -> Response:
        self.chat_actions.append(fields)
        return _ok(True)

    async def _answercallbackquery(self, fields: dict[str, str]) -> Response:
        self.answered_queries.append(fields["callback_query_id"])
        return _ok(True)

    async def _leavechat(self, fields: dict[str, str]) -> Response:
        self.left_chats.append(fields["chat_id"])
        return _ok(True)


def _patient(chat_id: int) -> dict[str, Any]:
    return {"id": chat_id, "is_bot": False, "first_name": "Ana", "language_code": "en"}


def _ok(result: Any) -> Response:
    return JSONResponse({"ok": True, "result": result})


def _error(code: int, description: str, **extra: Any) -> Response:
    return JSONResponse({"ok": False, "error_code": code, "description": description} | extra, status_code=code)
