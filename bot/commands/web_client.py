"""A client of the web channel, as the widget is: for `ask`, `chat`, `converse`, and for tests.

In front of the line. It reads the stream of events all the while and goes on where it was when the stream breaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from httpx_sse import SSEError, aconnect_sse

from bot.data_folder import DataFolder
from bot.errors import BedsideError, StartError
from bot.gateway.message import ReplyKind
from bot.settings import StackSettings

CONSENT = "consent:yes"
OPERATOR_HEADER = "X-Bedside-Token"
REQUEST_TIMEOUT_S = 20.0
PAUSE_BEFORE_RECONNECT_S = 0.5
MOST_TRIES = 5

SETTLE_S = 0.4
"""After a reply that says something, this much silence ends the turn."""
SETTLE_AFTER_NOTICE_S = 1.0
"""After a notice more may come ("one moment"), so the silence must be longer."""

RANKS = {
    kind: rank
    for rank, kind in enumerate(
        (
            ReplyKind.EMERGENCY,
            ReplyKind.CRISIS,
            ReplyKind.URGENT,
            ReplyKind.HUMAN,
            ReplyKind.ANSWER,
            ReplyKind.REFUSAL,
            ReplyKind.HANDOFF,
            ReplyKind.CLARIFY,
            ReplyKind.UNAVAILABLE,
            ReplyKind.NOTICE,
        )
    )
}
"""Of several messages to one turn, the reply is the one whose kind stands first here; of equal ones the latest."""


class NoReplyError(BedsideError):
    """A message was taken, and no reply to it came in time."""


class RefusedError(BedsideError):
    """The gateway refused a request; the message is the gateway's own words."""


@dataclass(frozen=True, slots=True)
class StackAt:
    """Where a stack is, and what shows it that its own operator asks; without that, its rate limits hold."""

    address: str
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class WebEvent:
    """One event of the stream."""

    id: str
    name: str
    data: dict[str, Any]


class WebConversation:
    """One open conversation. Made by `open_conversation`."""

    def __init__(self, client: httpx.AsyncClient, conversation_id: str, token: str) -> None:
        self.id = conversation_id
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}
        self._events: asyncio.Queue[WebEvent] = asyncio.Queue()
        self._last_event_id = ""

    async def send(self, text: str) -> str:
        """Send a text or a button's payload; return the message's id.

        Raises:
            RefusedError: the gateway does not take it.
            StartError: the gateway cannot be reached.
        """
        body = {"client_message_id": uuid.uuid4().hex, "text": text}
        path = f"/web/conversations/{self.id}/messages"
        answer = await post(self._client, path, body, self._headers)
        return str(answer["message_id"])

    async def next_event(self) -> WebEvent:
        """Return the next event, waiting for it."""
        return await self._events.get()

    async def reply_to(
        self, message_id: str, timeout_s: float, *, settle_after_notice_s: float = SETTLE_AFTER_NOTICE_S
    ) -> dict[str, Any]:
        """Return the data of the reply to a message: of all messages that answer it, the most telling one.

        Raises:
            NoReplyError: none came in time; so it is while a person holds the conversation.
        """
        replies: list[dict[str, Any]] = []
        answering = False
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            left = deadline - asyncio.get_running_loop().time()
            try:
                silence = min(left, _silence(replies, answering, left, settle_after_notice_s))
                event = await asyncio.wait_for(self._events.get(), silence)
            except TimeoutError:
                if replies:
                    return most_telling(replies)
                raise NoReplyError(f"no reply came within {timeout_s:.0f} s") from None
            if event.data.get("reply_to") != message_id:
                continue
            if event.name == "message":
                replies.append(event.data)
            elif event.name == "typing":
                answering = event.data.get("state") == "on"

    async def exchange(self, text: str, timeout_s: float) -> dict[str, Any]:
        """Send a text and return the data of the reply.

        Raises:
            NoReplyError, RefusedError, StartError: as `send` and `reply_to`.
        """
        return await self.reply_to(await self.send(text), timeout_s)

    async def consent(self, timeout_s: float) -> dict[str, Any]:
        """Agree to what the bot asks at first contact; return the data of its reply.

        Raises:
            NoReplyError, RefusedError, StartError: as `send` and `reply_to`.
        """
        reply = await self._consent(timeout_s)
        if CONSENT in payloads(reply):  # it was not heard as an answer, because nothing had been asked yet
            reply = await self._consent(timeout_s)
        return reply

    async def _consent(self, timeout_s: float) -> dict[str, Any]:
        return await self.reply_to(await self.send(CONSENT), timeout_s, settle_after_notice_s=SETTLE_S)

    async def read_stream(self) -> None:
        """Take events from the stream until cancelled, from the last one on after every break."""
        path = f"/web/conversations/{self.id}/events"
        while True:
            headers = self._headers | ({"Last-Event-ID": self._last_event_id} if self._last_event_id else {})
            with contextlib.suppress(httpx.HTTPError, SSEError, ValueError):
                async with aconnect_sse(
                    self._client, "GET", path, headers=headers, timeout=httpx.Timeout(REQUEST_TIMEOUT_S, read=60.0)
                ) as source:
                    async for event in source.aiter_sse():
                        if event.data:
                            self._events.put_nowait(WebEvent(event.id, event.event, json.loads(event.data)))
                        self._last_event_id = event.id or self._last_event_id
            await asyncio.sleep(PAUSE_BEFORE_RECONNECT_S)


@contextlib.asynccontextmanager
async def open_conversation(
    stack: StackAt, *, language: str | None = None, country: str | None = None
) -> AsyncIterator[WebConversation]:
    """Open a conversation whose stream is read until the block ends.

    Raises:
        StartError: nothing answers there.
        RefusedError: the gateway does not take it.
    """
    body = {name: value for name, value in (("language", language), ("country", country)) if value}
    headers = {OPERATOR_HEADER: stack.token} if stack.token else {}
    async with httpx.AsyncClient(
        base_url=stack.address, headers=headers, timeout=REQUEST_TIMEOUT_S, trust_env=False
    ) as client:
        opened = await post(client, "/web/conversations", body, {})
        conversation = WebConversation(client, str(opened["conversation_id"]), str(opened["token"]))
        reading = asyncio.create_task(conversation.read_stream())
        try:
            yield conversation
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading


async def post(client: httpx.AsyncClient, path: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    """Return what the gateway answers; when it is busy, ask again after the time that it names.

    Raises:
        StartError: nothing answers at the address.
        RefusedError: the gateway does not take it.
    """
    for attempt in range(1, MOST_TRIES + 1):
        try:
            response = await client.post(path, json=body, headers=headers)
        except httpx.HTTPError:
            raise StartError(f"Bedside does not answer at {client.base_url}: start it with `bedside up`.") from None
        if response.status_code not in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}:
            break
        if attempt < MOST_TRIES:
            await asyncio.sleep(_retry_after_s(response))
    if response.is_success:
        answer: dict[str, Any] = response.json()
        return answer
    raise RefusedError(_refusal(response))


def most_telling(replies: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the reply of a turn among all messages that answer it."""
    return min(reversed(replies), key=lambda reply: RANKS[ReplyKind(reply["kind"])])


def payloads(reply: dict[str, Any]) -> list[str]:
    """Return the payloads of the buttons under a reply."""
    return [button["payload"] for button in reply.get("quick_replies", [])]


def running_stack(settings: StackSettings) -> StackAt:
    """Return where the running stack is: as it noted, else as the settings say.

    Raises:
        StartError: nothing answers there.
    """
    folder = DataFolder(settings.data_dir)
    noted = folder.running()
    address = noted.address if noted is not None else f"http://{settings.host}:{settings.port}"
    try:
        httpx.get(f"{address}/healthz", timeout=REQUEST_TIMEOUT_S, trust_env=False).raise_for_status()
    except httpx.HTTPError:
        raise StartError(f"Bedside does not answer at {address}: start it with `bedside up`.") from None
    given = settings.internal_token
    token = given.get_secret_value() if given is not None else folder.kept_secret("bedside_internal_token")
    return StackAt(address, token)


def _silence(replies: list[dict[str, Any]], answering: bool, otherwise: float, after_notice_s: float) -> float:
    """Return how long a silence ends the turn."""
    if not replies:
        return otherwise
    if most_telling(replies)["kind"] != ReplyKind.NOTICE:
        return SETTLE_S
    return otherwise if answering else after_notice_s


def _retry_after_s(response: httpx.Response) -> float:
    try:
        return min(float(response.headers.get("retry-after", "1")), 60.0)
    except ValueError:
        return 1.0


def _refusal(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"The gateway answered {response.status_code}."
