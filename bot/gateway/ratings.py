"""What patients said of answers: helpful or not, and why. No word of a patient is in it.

Written when a patient rates an answer; erased with the conversation, and gone by itself after its time.

Keys:

    bedside:ratings:<conversation>   hash: id of the answered message -> {helpful, reason, topic, language, at}
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from redis.asyncio import Redis

from bot.gateway.conversation import Conversation

REASONS = frozenset({"not_right", "not_what_i_asked", "hard_to_read", "other"})
_NO_ANSWER = "none"
"""Stands for the answer where none is known: feedback that was written before the first one."""


@dataclass(frozen=True, slots=True)
class Rating:
    """What one patient said of one answer."""

    answered: str
    """Id of the message that was answered."""
    helpful: bool
    reason: str | None
    """One of `REASONS`; None when the patient gave none."""
    topic: str | None
    language: str
    at: float


class Ratings:
    """Keeps the ratings of each conversation."""

    def __init__(self, redis: Redis, *, ttl_s: int, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._ttl_s = ttl_s
        self._clock = clock

    async def rate(self, conversation: Conversation, *, helpful: bool, reason: str | None = None) -> bool:
        """Keep what the patient said of their last answer; return whether it had not been rated so before.

        A second rating of the same answer takes the place of the first; a reason is kept when none is given again.
        """
        cited = conversation.last_citations
        topic = str(cited[0]["id"]).partition("/")[0] if cited else None
        answered = conversation.last_answered or _NO_ANSWER
        before = await self._redis.hget(_key(conversation.id), answered)
        known = Rating(**json.loads(before)) if before else None
        kept = known.reason if known is not None and known.helpful is helpful else None
        given = reason if reason in REASONS else kept
        rating = Rating(answered, helpful, None if helpful else given, topic, conversation.language, self._clock())
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(_key(conversation.id), answered, json.dumps(asdict(rating)))
            pipe.expire(_key(conversation.id), self._ttl_s)
            await pipe.execute()
        return known is None or known.helpful is not helpful

    async def of(self, conversation_id: str) -> list[Rating]:
        """Return the ratings of a conversation."""
        stored = await self._redis.hgetall(_key(conversation_id))
        return [Rating(**json.loads(value)) for value in stored.values()]

    async def erase(self, conversation_id: str) -> int:
        """Delete the ratings of a conversation; return how many keys went."""
        return int(await self._redis.delete(_key(conversation_id)))


def _key(conversation_id: str) -> str:
    return f"bedside:ratings:{conversation_id}"
