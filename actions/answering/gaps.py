"""Content gaps: questions that found no reviewed answer, or whose answer did not help, for clinicians to fill.

Written by the gateway, read by the desk. Identifiers are masked before a question is kept, its words are sealed, it
vanishes after 30 days, and only the newest ones are kept. What is masked may still be personal, so a gap also goes
when its conversation is erased: the conversation knows its gaps, a gap does not know its conversation.

Keys, all under `bedside:gaps:`:

    row:<id>              one question, sealed; expires
    newest                sorted set: ids of the rows by when they were asked
    of:<conversation>     set: ids of the conversation's rows; expires with the last of them
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from redis.asyncio import Redis

from actions.answering.topic import Topic
from actions.errors import VaultError
from actions.vault import Vault
from careguard.privacy import redact
from careguard.stems import content_stems

_PREFIX = "bedside:gaps:"
_NEWEST = _PREFIX + "newest"

KEEP_S = 30 * 86_400
MOST_GAPS = 2000
_LONGEST_QUESTION = 500
_ALIKE = 0.6
"""Share of telling words in common from which two questions without a topic stand in one group."""

_RECORD = """
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
redis.call('SADD', KEYS[3], ARGV[1])
redis.call('EXPIRE', KEYS[3], ARGV[4])
for _, old in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1 - tonumber(ARGV[5]))) do
  redis.call('DEL', ARGV[6] .. old)
  redis.call('ZREM', KEYS[2], old)
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', tonumber(ARGV[3]) - tonumber(ARGV[4]))
"""


class GapKind(StrEnum):
    """Why a question is a gap."""

    UNANSWERED = "unanswered"
    BADLY_RATED = "badly_rated"


@dataclass(frozen=True, slots=True)
class Gap:
    """One question that was not answered well."""

    id: str
    kind: GapKind
    question: str
    """Identifiers masked."""
    topic: str | None
    language: str
    at: float
    """Unix seconds, UTC."""


@dataclass(frozen=True, slots=True)
class GapGroup:
    """Questions about the same thing, in one language."""

    topic: str | None
    """The topic that they name or were answered from; None where there is none."""
    title: str
    language: str
    gaps: tuple[Gap, ...]
    """The newest first."""

    @property
    def last_seen(self) -> float:
        """When the newest one was asked."""
        return self.gaps[0].at

    def count(self, kind: GapKind) -> int:
        """Return how many of them are of that kind."""
        return sum(gap.kind is kind for gap in self.gaps)


class GapStore:
    """The content gaps of one installation."""

    def __init__(self, redis: Redis, vault: Vault, *, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._vault = vault
        self._clock = clock
        self._record = redis.register_script(_RECORD)

    async def keep(
        self,
        kind: GapKind,
        question: str,
        topic: str | None,
        language: str,
        *,
        conversation_id: str,
        message_id: str,
    ) -> None:
        """The question is on the list once, without its identifiers; one without words is not."""
        masked = redact(" ".join(question.split())).text[:_LONGEST_QUESTION]
        if not any(char.isalpha() for char in masked):
            return
        row = {"kind": kind.value, "question": masked, "topic": topic, "language": language}
        gap_id = hashlib.sha256(f"{conversation_id}:{message_id}:{kind}".encode()).hexdigest()[:24]
        await self._record(
            keys=[_row(gap_id), _NEWEST, _of(conversation_id)],
            args=[gap_id, self._vault.seal(json.dumps(row)), self._clock(), KEEP_S, MOST_GAPS, _row("")],
        )

    async def list(self, since: float = 0.0) -> list[Gap]:
        """Return the gaps asked since then, the newest first; what was sealed with another key is left out."""
        since = max(since, self._clock() - KEEP_S)
        pairs = cast(
            "list[tuple[str, float]]",
            await self._redis.zrange(_NEWEST, "+inf", since, desc=True, byscore=True, withscores=True),
        )
        if not pairs:
            return []
        sealed = cast("list[str | None]", await self._redis.mget([_row(gap_id) for gap_id, _ in pairs]))
        read = (self._read(gap_id, at, token) for (gap_id, at), token in zip(pairs, sealed, strict=True))
        return [gap for gap in read if gap is not None]

    async def get(self, gap_id: str) -> Gap | None:
        """Return the gap of that id, if it is still there."""
        at = await self._redis.zscore(_NEWEST, gap_id)
        token = cast("str | None", await self._redis.get(_row(gap_id)))
        return None if at is None else self._read(gap_id, float(at), token)

    async def of(self, conversation_id: str) -> Sequence[Gap]:
        """Return the gaps that the conversation left, the oldest first."""
        gap_ids = sorted(cast("set[str]", await self._redis.smembers(_of(conversation_id))))
        found = [await self.get(gap_id) for gap_id in gap_ids]
        return sorted((gap for gap in found if gap is not None), key=lambda gap: gap.at)

    async def drop(self, gap_ids: Sequence[str]) -> None:
        """The gaps are off the list."""
        if gap_ids:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.delete(*map(_row, gap_ids))
                pipe.zrem(_NEWEST, *gap_ids)
                await pipe.execute()

    async def erase(self, conversation_id: str) -> int:
        """Return how many keys were deleted; afterwards no question of the conversation is on the list."""
        gap_ids = sorted(cast("set[str]", await self._redis.smembers(_of(conversation_id))))
        if gap_ids:
            await self._redis.zrem(_NEWEST, *gap_ids)
        return int(await self._redis.delete(_of(conversation_id), *map(_row, gap_ids)))

    def _read(self, gap_id: str, at: float, token: str | None) -> Gap | None:
        if token is None:
            return None
        try:
            row = json.loads(self._vault.open(token))
        except VaultError:
            return None
        return Gap(gap_id, GapKind(row["kind"]), row["question"], row["topic"], row["language"], at)


class TopicNames:
    """Finds the topic that a question names, by the words of its title and synonyms."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self._titles: dict[tuple[str, str], str] = {}
        self._names: dict[str, list[tuple[frozenset[str], str]]] = {}
        for topic in topics:
            self._titles[topic.language, topic.id] = topic.title
            for name in (topic.title, *topic.synonyms):
                if stems := frozenset(content_stems(name, topic.language)):
                    self._names.setdefault(topic.language, []).append((stems, topic.id))

    def nearest(self, question: str, language: str) -> str | None:
        """Return the topic whose longest name stands in the question; None when it names none."""
        said = set(content_stems(question, language))
        named = [(len(stems), topic) for stems, topic in self._names.get(language, ()) if stems <= said]
        return max(named)[1] if named else None

    def title(self, topic: str, language: str) -> str:
        """Return the topic's title in that language, else its id as words."""
        return self._titles.get((language, topic)) or topic.replace("_", " ").capitalize()


def grouped(gaps: Sequence[Gap], names: TopicNames) -> list[GapGroup]:
    """Return the gaps in groups, by topic, else by words in common; the largest group first."""
    by_topic: dict[tuple[str, str], list[Gap]] = {}
    others: list[tuple[frozenset[str], str, list[Gap]]] = []
    for gap in sorted(gaps, key=lambda gap: -gap.at):
        topic = names.nearest(gap.question, gap.language) or gap.topic
        if topic is not None:
            by_topic.setdefault((gap.language, topic), []).append(gap)
            continue
        stems = frozenset(content_stems(gap.question, gap.language))
        group = next((g for words, tag, g in others if tag == gap.language and _are_alike(stems, words)), None)
        if group is None:
            others.append((stems, gap.language, [gap]))
        else:
            group.append(gap)
    found = [
        GapGroup(topic, names.title(topic, language), language, tuple(members))
        for (language, topic), members in by_topic.items()
    ]
    found += [GapGroup(None, members[0].question, language, tuple(members)) for _, language, members in others]
    return sorted(found, key=lambda group: (-len(group.gaps), -group.last_seen))


def _are_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    union = one | other
    return bool(union) and len(one & other) / len(union) >= _ALIKE


def _row(gap_id: str) -> str:
    return f"{_PREFIX}row:{gap_id}"


def _of(conversation_id: str) -> str:
    return f"{_PREFIX}of:{conversation_id}"
