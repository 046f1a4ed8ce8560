"""Speaks with the dialogue process: after screening, before anything is sent.

Only redacted text goes in, only reply ids, orders, handoffs and effects come out. Rasa's way of failing is to answer
with nothing; here an empty answer is an error like any other.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.errors import DialogueError
from bot.gateway.internal_http import InternalHttp

TURNS_AT_ONCE = 3
"""Turns that one shard is asked at once. It works on one core; more would only crowd out an emergency here."""

TOLD_AFTERWARDS = frozenset({"emergency", "crisis", "urgent", "case_resolved"})
"""Intents that dialogue only takes note of; the gateway has acted already, so an empty answer is right."""


@dataclass(frozen=True, slots=True)
class InjectedIntent:
    """An intent that screening or a button decided; dialogue skips its own NLU."""

    name: str
    entities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DialogueTurn:
    """What dialogue is asked about one message."""

    conversation_id: str
    message_id: str
    text: str
    language: str
    country: str
    intent: InjectedIntent | None = None


class DialogueClient:
    """Speaks with all dialogue shards; a conversation always meets the same shard."""

    def __init__(self, urls: Sequence[str], token: str, *, timeout_s: float) -> None:
        self._shards = [InternalHttp(f"{url.rstrip('/')}/webhooks/bedside", token, timeout_s=timeout_s) for url in urls]
        self._room = [asyncio.Semaphore(TURNS_AT_ONCE) for _ in urls]

    async def turn(self, turn: DialogueTurn) -> list[dict[str, Any]]:
        """Return what dialogue decided, in order.

        Raises:
            DialogueError: Dialogue is down, slow, refused the message, or had nothing to say.
        """
        body = {
            "sender": turn.conversation_id,
            "message_id": turn.message_id,
            "text": turn.text,
            "language": turn.language,
            "country": turn.country,
            "intent": {"name": turn.intent.name, "entities": dict(turn.intent.entities)} if turn.intent else None,
        }
        answer = await self._call("POST", turn.conversation_id, "/turn", body)
        messages = answer.get("messages")
        if not isinstance(messages, list):
            raise DialogueError("dialogue answered without messages")
        told = turn.intent is not None and turn.intent.name in TOLD_AFTERWARDS
        if not messages and not told:
            raise DialogueError("dialogue had nothing to say")
        return messages

    async def append_events(self, conversation_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Write events into the conversation's tracker.

        Raises:
            DialogueError: Dialogue is down, slow, or refused.
        """
        await self._call("POST", conversation_id, "/events", {"sender": conversation_id, "events": list(events)})

    async def forget(self, conversation_id: str) -> None:
        """Delete the conversation's tracker.

        Raises:
            DialogueError: Dialogue is down, slow, or refused.
        """
        await self._call("DELETE", conversation_id, f"/conversations/{conversation_id}", None)

    async def is_ready(self) -> bool:
        """Return whether every shard has a model loaded."""
        try:
            for shard in self._shards:
                async with shard.request("GET", "/health", silent_s=2.0):
                    pass
        except (aiohttp.ClientError, TimeoutError):
            return False
        return True

    async def close(self) -> None:
        """Close the connections."""
        for shard in self._shards:
            await shard.close()

    async def _call(
        self, method: str, conversation_id: str, path: str, body: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        number = zlib.crc32(conversation_id.encode()) % len(self._shards)
        try:
            async with self._room[number], self._shards[number].request(method, path, body) as response:
                answer = await response.json()
        except aiohttp.ClientResponseError as error:
            raise DialogueError(f"dialogue answered {error.status}") from None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise DialogueError(f"dialogue failed: {type(error).__name__}") from None
        if not isinstance(answer, dict):
            raise DialogueError("dialogue answered in an unknown shape")
        return answer
