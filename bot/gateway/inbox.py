"""The inbox: what patients wrote, stored before it is acknowledged and kept until it is answered.

One Redis Stream a conversation keeps order; the sorted set of conversations with work is what a gateway looks through
after a crash. Everything is sealed, and every step is one atomic script, so a message is stored once or not at all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, cast

from redis.asyncio import Redis

from actions.vault import Vault
from bot.gateway.message import MessageKind, PatientMessage

WORK_KEY = "bedside:work"

_ACCEPT = """
local seen = redis.call('HGET', KEYS[1], ARGV[1])
if seen then return {0, seen} end
if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[6]) then return {-1, ''} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('XADD', KEYS[2], '*', 'm', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('ZADD', KEYS[3], 'NX', ARGV[5], ARGV[7])
return {1, ARGV[2]}
"""

_REST = """
if redis.call('XLEN', KEYS[1]) > 0 or redis.call('HLEN', KEYS[2]) > 0 then return 0 end
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('DEL', KEYS[1])
return 1
"""

_FINISH = (
    """
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('HDEL', KEYS[4], ARGV[3], ARGV[3] .. ':attempts')
"""
    + _REST
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The inbox took a message, or had it already."""

    message_id: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A stored message and the stream entry that holds it."""

    entry: str
    message: PatientMessage


class InboxFullError(Exception):
    """Too many of this patient's messages wait already."""


class Inbox:
    """Stores, orders and hands out patients' messages."""

    def __init__(self, redis: Redis, vault: Vault, *, ttl_s: int, most_waiting: int = 50) -> None:
        self._redis = redis
        self._vault = vault
        self._ttl_s = ttl_s
        self._most_waiting = most_waiting
        self.on_arrival: Callable[[str], None] = _wait_for_a_sweep
        """Told of every stored message's conversation; the worker of this process listens here."""
        self._accept = redis.register_script(_ACCEPT)
        self._finish = redis.register_script(_FINISH)
        self._rest = redis.register_script(_REST)

    async def accept(self, message: PatientMessage, *, client_message_id: str) -> Accepted:
        """Store the message, or find it stored; when this returns, it will be answered.

        Raises:
            InboxFullError: More than the allowed number of this patient's messages wait.
        """
        state, message_id = await self._accept(
            keys=[_seen(message.conversation_id), _stream(message.conversation_id), WORK_KEY],
            args=[
                client_message_id,
                message.id,
                self._vault.seal(json.dumps(asdict(message))),
                self._ttl_s,
                time.time(),
                self._most_waiting,
                message.conversation_id,
            ],
        )
        if int(state) < 0:
            raise InboxFullError
        self.on_arrival(message.conversation_id)
        return Accepted(message_id=str(message_id), is_new=int(state) == 1)

    async def waiting(self, conversation_id: str, *, count: int = 1) -> list[Waiting]:
        """Return the oldest messages of a conversation that are not finished."""
        entries = cast(
            "list[tuple[str, dict[str, str]]]", await self._redis.xrange(_stream(conversation_id), count=count)
        )
        return [Waiting(entry=entry, message=self._open(fields["m"])) for entry, fields in entries]

    async def begin(self, conversation_id: str, message_id: str) -> int:
        """Count one more attempt at this message and return its number, from 1."""
        return int(await self._redis.hincrby(_progress(conversation_id), f"{message_id}:attempts", 1))

    async def remember(self, conversation_id: str, message_id: str, decided: Any) -> None:
        """Keep what dialogue decided about a message, so that a retry does not ask a second time."""
        key = _progress(conversation_id)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, message_id, self._vault.seal(json.dumps(decided)))
            pipe.expire(key, self._ttl_s)
            await pipe.execute()

    async def decided(self, conversation_id: str, message_id: str) -> Any | None:
        """Return what dialogue decided on an earlier attempt; None when it never did."""
        sealed = await self._redis.hget(_progress(conversation_id), message_id)
        return json.loads(self._vault.open(str(sealed))) if sealed is not None else None

    async def finish(self, conversation_id: str, waiting: Waiting) -> bool:
        """Take the message out of the inbox: its reply, or its order, is stored.

        Returns True when nothing is left; then the conversation is off the list of work as well.
        """
        at_rest = await self._finish(
            keys=[_stream(conversation_id), _orders(conversation_id), WORK_KEY, _progress(conversation_id)],
            args=[conversation_id, waiting.entry, waiting.message.id],
        )
        return bool(at_rest)

    async def place_order(self, conversation_id: str, message_id: str, order: dict[str, Any]) -> None:
        """Keep an order until its answer is in the outbox."""
        key = _orders(conversation_id)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, message_id, self._vault.seal(json.dumps(order)))
            pipe.expire(key, self._ttl_s)
            await pipe.execute()

    async def orders(self, conversation_id: str) -> dict[str, dict[str, Any]]:
        """Return the orders without an answer, by message id."""
        stored = await self._redis.hgetall(_orders(conversation_id))
        return {str(key): json.loads(self._vault.open(str(value))) for key, value in stored.items()}

    async def close_order(self, conversation_id: str, message_id: str) -> None:
        """Forget an order: its answer is in the outbox, or it was called off."""
        await self._redis.hdel(_orders(conversation_id), message_id)

    async def conversations_with_work(self) -> list[str]:
        """Return the conversations that have messages or orders left, oldest first."""
        return [str(name) for name in await self._redis.zrange(WORK_KEY, 0, -1)]

    async def rest(self, conversation_id: str) -> None:
        """Strike the conversation off the list of work, if nothing came in meanwhile."""
        await self._rest(keys=[_stream(conversation_id), _orders(conversation_id), WORK_KEY], args=[conversation_id])

    async def erase(self, conversation_id: str) -> int:
        """Delete everything kept for the conversation; return how many keys went."""
        return int(
            await self._redis.delete(
                _seen(conversation_id), _stream(conversation_id), _orders(conversation_id), _progress(conversation_id)
            )
        )

    def _open(self, sealed: str) -> PatientMessage:
        data = json.loads(self._vault.open(sealed))
        return PatientMessage(**(data | {"kind": MessageKind(data["kind"])}))


def _wait_for_a_sweep(_: str) -> None:
    """Leave the message to whoever looks through the list of work next."""


def _seen(conversation_id: str) -> str:
    return f"bedside:seen:{conversation_id}"


def _stream(conversation_id: str) -> str:
    return f"bedside:inbox:{conversation_id}"


def _orders(conversation_id: str) -> str:
    return f"bedside:orders:{conversation_id}"


def _progress(conversation_id: str) -> str:
    return f"bedside:progress:{conversation_id}"
