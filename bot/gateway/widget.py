"""The web channel: conversations, messages and the stream of events, exactly as the contract names them.

A message is acknowledged only when it is stored. What is refused is refused in the patient's words, with the emergency
number, because the refused message may have been a call for help.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.errors import ConversationError
from bot.gateway.arrival import accept
from bot.gateway.conversation import Conversation
from bot.gateway.inbox import InboxFullError
from bot.gateway.message import PatientMessage
from bot.gateway.services import Services
from bot.gateway.sheet_page import open_page, sheet_of
from bot.gateway.web_limits import WebLimits

log = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "widget_page"
QUIET_S = 15.0
"""An idle stream says so this often, so that proxies keep it open."""

MOST_CHARS_ACCEPTED = 16_000
"""Longer than a message may be, but still taken, screened and answered with a kind explanation."""

_EVENT_ID = re.compile(r"\d{1,20}-\d{1,20}")
_CLIENT_ID = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class RefusedError(Exception):
    """A request that is not taken; carries the status and the reply id whose words explain it."""

    def __init__(self, status: int, code: str, reply_id: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.reply_id = reply_id
        self.retry_after_s = retry_after_s


_Handler = Callable[["WebChannel", Request], Awaitable[Response]]


def _in_words(handle: _Handler) -> _Handler:
    """What is refused, or finds the store away, is answered in the patient's words."""

    @wraps(handle)
    async def answered(self: WebChannel, request: Request) -> Response:
        try:
            return await handle(self, request)
        except RefusedError as refused:
            return self._refuse(request, refused)
        except RedisError as error:
            return self._store_is_away(request, error)

    return answered


@dataclass(frozen=True, slots=True)
class WebChannel:
    """Serves the widget and every other client of the web channel."""

    services: Services
    limits: WebLimits

    def routes(self) -> list[Route]:
        """Return the routes of the contract."""
        return [
            Route("/web/conversations", self.begin, methods=["POST"]),
            Route("/web/conversations/{id}/messages", self.receive, methods=["POST"]),
            Route("/web/conversations/{id}/events", self.stream, methods=["GET"]),
            Route("/web/conversations/{id}/visit-sheet", self.visit_sheet, methods=["GET"]),
            Route("/visit-sheet", self.visit_sheet_page, methods=["POST"]),
            Route("/web/words", self.words, methods=["GET"]),
        ]

    @_in_words
    async def begin(self, request: Request) -> Response:
        """Open a conversation: `{language?, country?}` to `{conversation_id, token, expires_at}`."""
        origin = self._origin(request)
        body = await self._body(request, may_be_empty=True)
        if not self._is_ours(request) and not await self.limits.may_begin(_address(request, self.services)):
            raise RefusedError(429, "too_many_conversations", "rate_limited", retry_after_s=600)
        conversation, token = await self.services.conversations.open_web(
            language=self._language(request, body), country=self._country(body), origin=origin
        )
        return JSONResponse(
            {"conversation_id": conversation.id, "token": token, "expires_at": _iso(conversation.expires_at)},
            status_code=201,
        )

    @_in_words
    async def receive(self, request: Request) -> Response:
        """Store a message: `{client_message_id, text}` to `202 {message_id}`; the same id again changes nothing."""
        conversation = await self._conversation(request)
        body = await self._body(request)
        client_id, text = _client_id(body), _text(body)
        if not self._is_ours(request) and not await self.limits.may_write(conversation.id):
            raise RefusedError(429, "too_many_messages", "rate_limited", retry_after_s=30)
        message = PatientMessage(
            id=f"m_{secrets.token_urlsafe(12)}",
            conversation_id=conversation.id,
            text=text,
            language_hint=_accept_language(request),
            received_at=time.time(),
        )
        try:
            accepted = await accept(self.services, message, client_message_id=client_id)
        except InboxFullError:
            raise RefusedError(429, "too_many_messages", "rate_limited", retry_after_s=30) from None
        if accepted.is_new:
            self.services.metrics.accepted.labels("web").inc()
        return JSONResponse({"message_id": accepted.message_id}, status_code=202)

    @_in_words
    async def stream(self, request: Request) -> Response:
        """Send the conversation's events, from the beginning or from `Last-Event-ID` on."""
        conversation = await self._conversation(request)
        after = request.headers.get("last-event-id", "0")
        if after != "0" and not _EVENT_ID.fullmatch(after):
            raise RefusedError(422, "bad_event_id", "unavailable")
        return EventSourceResponse(
            self._events(conversation, after),
            ping=int(QUIET_S),
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @_in_words
    async def visit_sheet(self, request: Request) -> Response:
        """Return the visit sheet of the conversation as JSON; it is made anew and kept nowhere."""
        conversation = await self._conversation(request)
        sheet, words = await sheet_of(self.services, conversation)
        return JSONResponse(sheet.as_json(words), headers={"Cache-Control": "no-store"})

    @_in_words
    async def visit_sheet_page(self, request: Request) -> Response:
        """Return the visit sheet as a page to print, for a ticket that opens it once."""
        if not await self.limits.may_ask(_address(request, self.services)):
            raise RefusedError(429, "too_many_requests", "rate_limited", retry_after_s=30)
        return await open_page(self.services, request)

    async def words(self, request: Request) -> Response:
        """Return the widget's own words in a language."""
        wording = self.services.wording
        asked = request.query_params.get("language", "").split("-")[0].lower()
        tag = asked if asked in wording.languages else self.services.settings.default_language
        words = wording.languages[tag]
        country = request.query_params.get("country", "").upper() or self.services.settings.default_country
        return JSONResponse(
            {
                "language": tag,
                "direction": words.direction,
                "languages": [{"tag": each.tag, "name": each.name} for each in wording.languages.values()],
                "emergency_number": wording.emergency_number(country),
                "words": dict(words.widget),
            }
        )

    async def _events(self, conversation: Conversation, after: str) -> AsyncIterator[ServerSentEvent]:
        async for event in self.services.outbox.follow(conversation.id, after, quiet_s=QUIET_S):
            if event is None:
                yield ServerSentEvent(comment="quiet")
            else:
                yield ServerSentEvent(id=event.id, event=event.name, data=json.dumps(event.data, ensure_ascii=False))
                if event.data.get("kind") == "human":  # the desk shows that a person's reply has arrived
                    await self.services.outbox.mark_delivered(conversation.id, event.id)

    async def _conversation(self, request: Request) -> Conversation:
        origin = self._origin(request)
        if not self._is_ours(request) and not await self.limits.may_ask(_address(request, self.services)):
            raise RefusedError(429, "too_many_requests", "rate_limited", retry_after_s=30)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise RefusedError(401, "no_token", "conversation_unknown")
        try:
            return await self.services.conversations.authenticate(request.path_params["id"], token.strip(), origin)
        except ConversationError:
            raise RefusedError(401, "unknown_conversation", "conversation_unknown") from None

    def _is_ours(self, request: Request) -> bool:
        """Return whether the operator's own command asks: it works through files of conversations without limits."""
        given = request.headers.get("x-bedside-token", "").encode()
        return hmac.compare_digest(given, self.services.settings.internal_token.get_secret_value().encode())

    def _origin(self, request: Request) -> str:
        origin = request.headers.get("origin", "")
        host = request.headers.get("host", "")
        if not origin or origin.partition("://")[2] == host:
            return host  # browsers name no origin when a page reads from its own server, but do when it writes
        if not self.services.settings.accepts_origin(origin):
            raise RefusedError(403, "origin_not_allowed", "unavailable")
        return origin

    async def _body(self, request: Request, *, may_be_empty: bool = False) -> dict[str, Any]:
        most = self.services.settings.request_max_bytes
        received = bytearray()
        async for chunk in request.stream():
            received += chunk
            if len(received) > most:
                raise RefusedError(413, "too_large", "message_too_long")
        if not received and may_be_empty:
            return {}
        try:
            body = json.loads(received)
        except (ValueError, RecursionError):
            raise RefusedError(422, "not_json", "message_unreadable") from None
        if not isinstance(body, dict):
            raise RefusedError(422, "not_an_object", "message_unreadable")
        return body

    def _language(self, request: Request, body: dict[str, Any]) -> str:
        languages = self.services.wording.languages
        asked = body.get("language")
        if asked is not None and not isinstance(asked, str):
            raise RefusedError(422, "bad_language", "message_unreadable")
        for tag in (asked, _accept_language(request)):
            if tag and tag.split("-")[0].lower() in languages:
                return tag.split("-")[0].lower()
        return self.services.settings.default_language

    def _country(self, body: dict[str, Any]) -> str:
        asked = body.get("country")
        if asked is None:
            return self.services.settings.default_country
        if not isinstance(asked, str) or not re.fullmatch(r"[A-Za-z]{2}", asked):
            raise RefusedError(422, "bad_country", "message_unreadable")
        return asked.upper()

    def _refuse(self, request: Request, refused: RefusedError) -> Response:
        self.services.metrics.refused_requests.labels(str(refused.status)).inc()
        language = _accept_language(request) or ""
        if language not in self.services.wording.languages:
            language = self.services.settings.default_language
        words = self.services.wording.render(refused.reply_id, language, self.services.settings.default_country).text
        headers = {"Retry-After": str(refused.retry_after_s)} if refused.retry_after_s else None
        return JSONResponse(
            {"error": {"code": refused.code, "message": words}}, status_code=refused.status, headers=headers
        )

    def _store_is_away(self, request: Request, error: RedisError) -> Response:
        self.services.metrics.failures.labels("store").inc()
        log.error("the store failed at the web channel: %s", type(error).__name__)
        return self._refuse(request, RefusedError(503, "try_again", "unavailable", retry_after_s=5))


def _client_id(body: dict[str, Any]) -> str:
    client_id = body.get("client_message_id")
    if not isinstance(client_id, str) or not _CLIENT_ID.fullmatch(client_id):
        raise RefusedError(422, "bad_client_message_id", "message_unreadable")
    return client_id


def _text(body: dict[str, Any]) -> str:
    """Return the text without the control characters that no keyboard sends.

    Raises:
        RefusedError: It is not text, empty, or far too long.
    """
    text = body.get("text")
    if not isinstance(text, str):
        raise RefusedError(422, "bad_text", "message_unreadable")
    text = _CONTROL.sub("", text).strip()
    if not text:
        raise RefusedError(422, "empty_text", "message_empty")
    if len(text) > MOST_CHARS_ACCEPTED:
        raise RefusedError(413, "too_long", "message_too_long")
    return text


def _accept_language(request: Request) -> str | None:
    first = request.headers.get("accept-language", "").split(",")[0].split(";")[0].strip()
    return first.split("-")[0].lower() or None


def _address(request: Request, services: Services) -> str:
    if services.settings.trust_proxy and (forwarded := request.headers.get("x-forwarded-for")):
        return forwarded.split(",")[-1].strip()
    return request.client.host if request.client else "unknown"


def _iso(unix_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix_s))
