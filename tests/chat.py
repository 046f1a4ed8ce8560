"""A patient for tests: writes and reads through the real web channel, and reads like a conversation.

await chat.patient("I have crushing chest pain")
reply = await chat.expect(kind="emergency")
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from httpx_sse import aconnect_sse

PATIENCE_S = 30.0


@dataclass
class Chat:
    """One conversation over HTTP, with every event it has received so far."""

    client: httpx.AsyncClient
    conversation_id: str
    token: str
    headers: dict[str, str] = field(default_factory=dict)
    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    last_message_id: str = ""
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    _expected: set[str] = field(default_factory=set)

    @property
    def authorization(self) -> dict[str, str]:
        """The headers that every call needs."""
        return {"Authorization": f"Bearer {self.token}", **self.headers}

    async def post(self, text: object, client_message_id: str | None = None) -> httpx.Response:
        """Send a message and return the raw answer."""
        return await self.client.post(
            f"/web/conversations/{self.conversation_id}/messages",
            json={"client_message_id": client_message_id or uuid.uuid4().hex, "text": text},
            headers=self.authorization,
        )

    async def patient(self, text: str) -> Self:
        """Write as the patient; the message must be accepted."""
        response = await self.post(text)
        assert response.status_code == 202, response.text
        self.last_message_id = response.json()["message_id"]
        return self

    async def expect(self, *, timeout_s: float = PATIENCE_S, name: str = "message", **wanted: Any) -> dict[str, Any]:
        """Return the first event with these values that no earlier call returned, waiting for it if need be."""

        def find() -> dict[str, Any] | None:
            for event_id, event_name, data in self.events:
                fits = event_name == name and all(data.get(key) == value for key, value in wanted.items())
                if fits and event_id not in self._expected:
                    self._expected.add(event_id)
                    return data
            return None

        async with self._arrived:
            try:
                async with asyncio.timeout(timeout_s):
                    while (found := find()) is None:
                        await self._arrived.wait()
                    return found
            except TimeoutError:
                came = [(name, data.get("kind"), data.get("text", "")[:60]) for _, name, data in self.events]
                raise AssertionError(f"no {name} with {wanted}; these came: {came}") from None

    async def expect_answer_to_last(self, **wanted: Any) -> dict[str, Any]:
        """Return the reply to the patient's last message."""
        return await self.expect(reply_to=self.last_message_id, **wanted)

    async def agree(self) -> None:
        """Say hello and give consent."""
        await self.patient("hello")
        await self.expect_answer_to_last(kind="notice")
        await self.patient("consent:yes")
        await self.expect_answer_to_last()

    def messages(self) -> list[dict[str, Any]]:
        """Return every reply received so far."""
        return [data for _, name, data in self.events if name == "message"]

    async def read_on(self, *, last_event_id: str | None = None) -> None:
        """Follow the stream until cancelled."""
        headers = self.authorization | ({"Last-Event-ID": last_event_id} if last_event_id else {})
        url = f"/web/conversations/{self.conversation_id}/events"
        async with aconnect_sse(self.client, "GET", url, headers=headers, timeout=None) as source:
            source.response.raise_for_status()
            async for event in source.aiter_sse():
                if not event.data:  # the client library makes an empty event of a comment that keeps the stream open
                    continue
                async with self._arrived:
                    self.events.append((event.id, event.event, json.loads(event.data)))
                    self._arrived.notify_all()


@asynccontextmanager
async def chatting(
    address: str, *, language: str | None = None, country: str | None = None, headers: dict[str, str] | None = None
) -> AsyncIterator[Chat]:
    """Give a new conversation whose events are being read."""
    async with httpx.AsyncClient(base_url=address, timeout=20.0, trust_env=False) as client:
        body = {"language": language, "country": country}
        response = await client.post(
            "/web/conversations", json={key: value for key, value in body.items() if value}, headers=headers or {}
        )
        assert response.status_code == 201, response.text
        opened = response.json()
        chat = Chat(client, opened["conversation_id"], opened["token"], headers or {})
        reading = asyncio.create_task(chat.read_on())
        try:
            yield chat
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
