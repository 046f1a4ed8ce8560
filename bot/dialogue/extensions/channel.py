"""The one door into Rasa: the gateway's, with a token.

Rasa's own channels are open, answer `[]` to every failure, log what patients wrote, and take text that begins with "/"
for an intent. This one carries a token, takes an intent that was decided before Rasa, and never hides an error.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from extensions.turn_failure import TurnFailure
from rasa.core.channels.channel import InputChannel, OutputChannel, UserMessage
from rasa.core.lock_store import LockError
from rasa.shared.core.constants import USER_INTENT_BACK, USER_INTENT_RESTART, USER_INTENT_SESSION_START
from rasa.shared.core.events import BotUttered, Event, SlotSet
from rasa.shared.nlu.constants import ENTITY_ATTRIBUTE_TYPE, ENTITY_ATTRIBUTE_VALUE
from sanic import Blueprint, Sanic
from sanic.request import Request
from sanic.response import HTTPResponse, json

logger = logging.getLogger(__name__)

LONGEST_TEXT = 4000
SENDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,199}")
TOLD_AFTERWARDS = frozenset({"emergency", "crisis", "urgent", "case_resolved"})
"""Intents of turns that the gateway has already answered; only these may end without a message."""


RASA_COMMANDS = frozenset({USER_INTENT_BACK, USER_INTENT_RESTART, USER_INTENT_SESSION_START})
"""Intents that Rasa adds to every domain and obeys past all rules."""


class BadRequestError(ValueError):
    """The gateway sent something that no turn can be made of; the message is one of our own short words."""


class TurnOutput(OutputChannel):
    """Collects the custom payloads of one turn; a text would be one that is not in locales, so it is refused."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    @classmethod
    def name(cls) -> str:
        """Return the channel's name in Rasa."""
        return "bedside"

    async def send_custom_json(self, recipient_id: str, json_message: dict[str, Any], **_: Any) -> None:
        """Keep one payload, or the several that stand under `messages`, in order."""
        self.messages.extend(json_message.get("messages") or [json_message])

    async def send_text_message(self, recipient_id: str, text: str, **_: Any) -> None:
        """Refuse: patients' words live in locales, not in Rasa."""
        raise TurnFailure("TextFromRasa")


class BedsideChannel(InputChannel):
    """`turn`, `events`, `conversations/<sender>` and `health` under /webhooks/bedside."""

    def __init__(self, token: str, turn_timeout_s: float) -> None:
        self.token = token.encode()
        self.turn_timeout_s = turn_timeout_s

    @classmethod
    def name(cls) -> str:
        """Return the channel's name, which is also its address."""
        return "bedside"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> BedsideChannel:
        """Return the channel that credentials.yml describes."""
        if not credentials or not credentials.get("token"):
            cls.raise_missing_credentials_exception()
        return cls(str(credentials["token"]), float(credentials.get("turn_timeout_s", 10)))

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Return the four endpoints."""
        door = Blueprint("bedside_channel")

        @door.get("/health")
        async def health(request: Request) -> HTTPResponse:
            ready = _ready(request.app)
            return json({"status": "ready" if ready else "loading"}, status=200 if ready else 503)

        @door.post("/turn")
        async def turn(request: Request) -> HTTPResponse:
            return await self._answer(request, _take_turn)

        @door.post("/events")
        async def events(request: Request) -> HTTPResponse:
            return await self._answer(request, _append_events)

        @door.delete("/conversations/<sender>")
        async def conversation(request: Request, sender: str) -> HTTPResponse:
            return await self._answer(request, _delete_conversation, sender)

        return door

    async def _answer(
        self, request: Request, step: Callable[..., Awaitable[dict[str, Any]]], *arguments: Any
    ) -> HTTPResponse:
        """Answer with what `step` returns, or with the class name of what went wrong."""
        if not hmac.compare_digest((request.token or "").encode(), self.token):
            return json({"error": "Unauthorized"}, status=401)
        if not _ready(request.app):
            return json({"error": "NoModel"}, status=503)
        try:
            return json(await asyncio.wait_for(step(request, *arguments), self.turn_timeout_s))
        except BadRequestError as error:
            return json({"error": str(error)}, status=422)
        except LockError:
            return _failed("LockError", 503)
        except asyncio.TimeoutError:  # noqa: UP041  (Python 3.10: not yet the built-in one)
            return _failed("TimeoutError", 504)
        except TurnFailure as failure:
            return _failed(failure.cause, 502)
        except Exception as error:
            return _failed(type(error).__name__, 500)


def _failed(cause: str, status: int) -> HTTPResponse:
    logger.error("a turn failed: %s", cause)
    return json({"error": cause}, status=status)


def _ready(app: Sanic) -> bool:
    agent = getattr(app.ctx, "agent", None)
    return agent is not None and agent.is_ready()


async def _take_turn(request: Request) -> dict[str, Any]:
    body = _body(request)
    agent = request.app.ctx.agent
    sender = _sender(body.get("sender"))
    message_id = body.get("message_id")
    if message_id is not None and not isinstance(message_id, str):
        raise BadRequestError("message_id")
    if body.get("intent") is not None:
        parsed = _told(body["intent"], body.get("text"), agent.domain)
    else:
        parsed = await _understood(_text(body.get("text")), agent)
    intent = parsed["intent"]["name"]
    output = TurnOutput()
    await agent.handle_message(
        UserMessage(
            text=parsed["text"],
            output_channel=output,
            sender_id=sender,
            parse_data=parsed,
            input_channel="bedside",
            message_id=message_id,
            metadata={"intent": intent},  # the session's start must know what the first message is
        )
    )
    if not output.messages and intent not in TOLD_AFTERWARDS:
        raise TurnFailure("empty")
    return {"messages": output.messages}


async def _append_events(request: Request) -> dict[str, Any]:
    body = _body(request)
    agent = request.app.ctx.agent
    sender = _sender(body.get("sender"))
    events = _events(body.get("events"), agent.domain)
    async with agent.lock_store.lock(sender):
        tracker = await agent.tracker_store.retrieve(sender)
        if tracker is None:  # erased or expired while the answer was being written: nothing to add to
            return {"appended": 0}
        for event in events:
            tracker.update(event, agent.domain)
        await agent.tracker_store.save(tracker)
    return {"appended": len(events)}


async def _delete_conversation(request: Request, sender: str) -> dict[str, Any]:
    agent = request.app.ctx.agent
    sender = _sender(sender)
    store = getattr(agent.tracker_store, "_tracker_store", agent.tracker_store)  # inside Rasa's fail-safe wrapper
    async with agent.lock_store.lock(sender):
        await store.delete(sender)
    return {"deleted": True}


def _body(request: Request) -> dict[str, Any]:
    try:
        body = request.json
    except Exception:
        raise BadRequestError("json") from None
    if not isinstance(body, dict):
        raise BadRequestError("json")
    return body


def _sender(value: Any) -> str:
    if not isinstance(value, str) or SENDER.fullmatch(value) is None:
        raise BadRequestError("sender")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise BadRequestError("text")
    text = value.replace("\0", " ").strip().lstrip("/").strip()
    if not text:
        raise BadRequestError("text")
    return text


async def _understood(text: str, agent: Any) -> dict[str, Any]:
    """Return what NLU makes of the text, without the ranking of all intents: nobody reads it, every turn stores it."""
    parsed = await agent.processor.parse_message(UserMessage(text))
    return {
        "text": text,
        "intent": {"name": parsed["intent"]["name"], "confidence": parsed["intent"]["confidence"]},
        "entities": [
            {ENTITY_ATTRIBUTE_TYPE: found["entity"], ENTITY_ATTRIBUTE_VALUE: found["value"]}
            for found in parsed["entities"]
        ],
    }


def _told(intent: Any, text: Any, domain: Any) -> dict[str, Any]:
    """Return an intent that was decided before Rasa, in the shape that NLU would have given it."""
    if not isinstance(intent, dict):
        raise BadRequestError("intent")
    name, entities = intent.get("name"), intent.get("entities")
    entities = {} if entities is None else entities
    if name not in domain.intents or name in RASA_COMMANDS or not isinstance(entities, dict):
        raise BadRequestError("intent")
    if not all(entity in domain.entities for entity in entities):
        raise BadRequestError("intent")
    return {
        "text": text.strip()[:LONGEST_TEXT] if isinstance(text, str) else "",
        "intent": {"name": name, "confidence": 1.0},
        "entities": [
            {ENTITY_ATTRIBUTE_TYPE: entity, ENTITY_ATTRIBUTE_VALUE: value} for entity, value in entities.items()
        ],
    }


def _events(value: Any, domain: Any) -> list[Event]:
    if not isinstance(value, list) or not value:
        raise BadRequestError("events")
    try:
        events = [Event.from_parameters(entry) for entry in value]
    except Exception:
        raise BadRequestError("events") from None
    slots = {slot.name for slot in domain.slots}
    for event in events:
        if not isinstance(event, BotUttered) and not (isinstance(event, SlotSet) and event.key in slots):
            raise BadRequestError("events")
    return events
