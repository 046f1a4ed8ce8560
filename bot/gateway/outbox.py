"""The outbox: what patients will read, stored once under its own id and in order.

One Redis Stream a conversation holds the events of the web channel's contract (`message`, `part`, `typing`, `case`,
`read`); its entry ids are the event ids that a client resumes from. Writing an id a second time changes nothing,
which is what makes a retried turn harmless.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from actions.vault import Vault
from bot.gateway.message import Reply, Sentence
from bot.gateway.right_of_way import going_first

DEPARTURES_CHANNEL = "bedside:departures"
UNDELIVERED_KEY = "bedside:undelivered"
READ_AT_ONCE = 200
KEPT_EVENTS = 5000
"""Events kept a conversation; a patient who was away longer than that reads the newest ones."""

_APPEND = """
if redis.call('SADD', KEYS[2], ARGV[1]) == 0 then return '' end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[5], '*', 'e', ARGV[2], 'd', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[4])
if ARGV[7] == '1' then redis.call('ZADD', KEYS[3], 'NX', 0, ARGV[6]) end
redis.call('PUBLISH', ARGV[8], ARGV[9] .. ' ' .. ARGV[6])
return id
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a conversation; `id` orders it and is what a client resumes from."""

    id: str
    name: str
    data: dict[str, Any]


class Outbox:
    """Writes events once, and lets channels read on from where they were."""

    def __init__(self, redis: Redis, vault: Vault, *, ttl_s: int) -> None:
        self._redis = redis
        self._vault = vault
        self._ttl_s = ttl_s
        self._append = redis.register_script(_APPEND)
        self._bells: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._me = secrets.token_hex(4)

    async def send(self, conversation_id: str, reply: Reply) -> bool:
        """Store a reply; return False when a reply with this id was stored before."""
        return await self._write(conversation_id, reply.id, "message", reply.as_json())

    async def send_part(self, conversation_id: str, message_id: str, index: int, sentence: Sentence) -> None:
        """Store one reviewed sentence of an answer that is still being made."""
        data = {
            "reply_to": message_id,
            "index": index,
            "text": sentence.text,
            "citations": list(sentence.citations),
        }
        await self._write(conversation_id, f"{message_id}.part.{index}", "part", data)

    async def send_event(self, conversation_id: str, event_id: str, name: str, data: dict[str, Any]) -> None:
        """Store a `typing`, `case` or `read` event under its own id."""
        await self._write(conversation_id, event_id, name, data)

    async def read(self, conversation_id: str, after: str = "0", *, count: int = READ_AT_ONCE) -> list[Event]:
        """Return the events after an event id, oldest first."""
        entries = cast(
            "list[tuple[str, dict[str, str]]]",
            await self._redis.xrange(_stream(conversation_id), min=f"({after}", count=count),
        )
        return [
            Event(id=entry, name=fields["e"], data=json.loads(self._vault.open(fields["d"])))
            for entry, fields in entries
        ]

    async def newest(self, conversation_id: str, *, count: int = 200) -> list[Event]:
        """Return the last events, the newest first."""
        entries = cast(
            "list[tuple[str, dict[str, str]]]", await self._redis.xrevrange(_stream(conversation_id), count=count)
        )
        return [Event(entry, fields["e"], json.loads(self._vault.open(fields["d"]))) for entry, fields in entries]

    async def follow(self, conversation_id: str, after: str, *, quiet_s: float) -> AsyncIterator[Event | None]:
        """Yield the events after `after` as they come; None after each `quiet_s` seconds of silence."""
        bell = asyncio.Event()
        self._bells[conversation_id].add(bell)
        try:
            while True:
                bell.clear()
                with going_first():  # the words of an emergency are read here
                    events = await self.read(conversation_id, after, count=READ_AT_ONCE)
                for event in events:
                    after = event.id
                    yield event
                if len(events) == READ_AT_ONCE:
                    continue
                try:
                    async with asyncio.timeout(quiet_s):
                        await bell.wait()
                except TimeoutError:
                    yield None
        finally:
            self._bells[conversation_id].discard(bell)
            if not self._bells[conversation_id]:
                del self._bells[conversation_id]

    async def ring_bells(self) -> None:
        """Wake the readers here of what other gateways wrote; runs until cancelled."""
        while True:
            try:
                async for writer, conversation_id in self.departures():
                    if writer != self._me:
                        self._ring([conversation_id])
            except (RedisError, OSError):
                await asyncio.sleep(0.5)  # the store is away; readers poll at their quiet interval meanwhile
                self._ring(list(self._bells))

    async def departures(self) -> AsyncIterator[tuple[str, str]]:
        """Yield who wrote something, and for which conversation; ends only with its consumer or the connection."""
        async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(DEPARTURES_CHANNEL)
            async for notice in pubsub.listen():
                writer, _, conversation_id = str(notice["data"]).partition(" ")
                yield writer, conversation_id

    async def undelivered(self) -> list[str]:
        """Return the push-channel conversations that have events to deliver."""
        return [str(name) for name in await self._redis.zrange(UNDELIVERED_KEY, 0, -1)]

    async def delivered_up_to(self, conversation_id: str) -> str:
        """Return the id of the last event a push channel delivered; "0" when none."""
        return str(await self._redis.get(_cursor(conversation_id)) or "0")

    async def mark_delivered(self, conversation_id: str, event_id: str) -> None:
        """Move a push channel's cursor past an event."""
        await self._redis.set(_cursor(conversation_id), event_id, ex=self._ttl_s)

    async def note_refused(self, conversation_id: str, event_id: str, reason: str) -> None:
        """Keep why the channel will never take an event; `reason` names a kind of refusal, never a word of anybody."""
        await self._redis.hset(_refused(conversation_id), event_id, reason)
        await self._redis.expire(_refused(conversation_id), self._ttl_s)

    async def refused(self, conversation_id: str) -> dict[str, str]:
        """Return the events that the channel never took, each with why."""
        return cast("dict[str, str]", await self._redis.hgetall(_refused(conversation_id)))

    async def all_delivered(self, conversation_id: str) -> None:
        """Strike the conversation off the list of deliveries, if nothing was written meanwhile."""
        await self._redis.zrem(UNDELIVERED_KEY, conversation_id)
        if await self.read(conversation_id, await self.delivered_up_to(conversation_id), count=1):
            await self._redis.zadd(UNDELIVERED_KEY, {conversation_id: 0})

    async def erase(self, conversation_id: str) -> int:
        """Delete every event of the conversation; return how many keys went."""
        await self._redis.zrem(UNDELIVERED_KEY, conversation_id)
        return int(
            await self._redis.delete(
                _stream(conversation_id),
                _written(conversation_id),
                _cursor(conversation_id),
                _refused(conversation_id),
            )
        )

    async def _write(self, conversation_id: str, event_id: str, name: str, data: dict[str, Any]) -> bool:
        stored = await self._append(
            keys=[_stream(conversation_id), _written(conversation_id), UNDELIVERED_KEY],
            args=[
                event_id,
                name,
                self._vault.seal(json.dumps(data, ensure_ascii=False)),
                self._ttl_s,
                KEPT_EVENTS,
                conversation_id,
                "0" if conversation_id.startswith("w_") else "1",
                DEPARTURES_CHANNEL,
                self._me,
            ],
        )
        self._ring([conversation_id])
        return bool(stored)

    def _ring(self, conversations: Iterable[str]) -> None:
        for conversation_id in conversations:
            for bell in self._bells.get(conversation_id, ()):
                bell.set()


def _stream(conversation_id: str) -> str:
    return f"bedside:outbox:{conversation_id}"


def _written(conversation_id: str) -> str:
    return f"bedside:written:{conversation_id}"


def _cursor(conversation_id: str) -> str:
    return f"bedside:cursor:{conversation_id}"


def _refused(conversation_id: str) -> str:
    return f"bedside:refused:{conversation_id}"
