"""The transcript: what was said in a conversation, by whom, as the care team reads it.

Written by the gateway for each message in and out, read by the desk. Words are sealed before they reach the store.

Keys, all under `bedside:transcript:`:

    entries:<conversation>   stream of sealed entries, oldest first
    ids:<conversation>       hash: entry id -> its place in the stream, so that the same entry is kept once
    last:<conversation>      the patient's last words, sealed
    changes                  pub/sub channel: the id of a conversation that went on
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from redis.asyncio import Redis

from actions.errors import VaultError
from actions.handoff.case import CaseReason
from actions.vault import Vault
from careguard.verdict import Verdict

_PREFIX = "bedside:transcript:"
_CHANGES = _PREFIX + "changes"

_APPEND = """
if redis.call('HSETNX', KEYS[2], ARGV[1], '') == 0 then return 0 end
local place = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'sealed', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], place)
if ARGV[3] ~= '' then redis.call('SET', KEYS[3], ARGV[3]) end
for index = 1, 3 do redis.call('EXPIRE', KEYS[index], ARGV[5]) end
redis.call('PUBLISH', ARGV[6], ARGV[7])
return 1
"""

_QUOTE_LENGTH = 280


class EntryAuthor(StrEnum):
    """Who wrote an entry."""

    PATIENT = "patient"
    BOT = "bot"
    BOT_REVIEWED = "bot_reviewed"
    HUMAN = "human"


@dataclass(frozen=True, slots=True)
class CitedPassage:
    """A passage that an answer cited, as it was shown to the patient."""

    id: str
    title: str
    url: str
    publisher: str = ""
    reviewed_on: str | None = None


@dataclass(frozen=True, slots=True)
class TranscriptEntry:
    """One message in or out."""

    id: str
    """Id of the message or reply; the same id is kept once."""
    at: float
    """Unix seconds, UTC."""
    author: EntryAuthor
    kind: str
    """The kind of the message (`text`, `photo`, …) or of the reply (`answer`, `emergency`, `human`, …)."""
    text: str
    language: str
    citations: tuple[CitedPassage, ...] = ()
    case_id: str | None = None
    staff_name: str | None = None
    """Who of the care team wrote it, as the patient sees it; only for the author `human`."""

    def as_json(self) -> dict[str, Any]:
        """Return the entry as plain JSON values."""
        return {
            "id": self.id,
            "at": self.at,
            "author": self.author.value,
            "kind": self.kind,
            "text": self.text,
            "language": self.language,
            "citations": [
                {"id": c.id, "title": c.title, "url": c.url, "publisher": c.publisher, "reviewed_on": c.reviewed_on}
                for c in self.citations
            ],
            "case_id": self.case_id,
            "staff_name": self.staff_name,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TranscriptEntry:
        """Return the entry that `as_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: the data is not an entry.
        """
        return cls(
            **data
            | {
                "author": EntryAuthor(data["author"]),
                "citations": tuple(CitedPassage(**citation) for citation in data["citations"]),
            }
        )


class Transcript:
    """The transcripts of all conversations."""

    def __init__(
        self, redis: Redis, vault: Vault, *, keep_s: float = 30 * 24 * 3600.0, max_entries: int = 5000
    ) -> None:
        """Take a client with `decode_responses=True`.

        Args:
            redis: The store.
            vault: Seals the words.
            keep_s: A transcript vanishes by itself this long after its last entry.
            max_entries: About how many entries of one conversation are kept, the newest.
        """
        self._redis = redis
        self._vault = vault
        self._keep_s = int(keep_s)
        self._max_entries = max_entries
        self._append = redis.register_script(_APPEND)

    async def append(self, conversation_id: str, entry: TranscriptEntry) -> bool:
        """Return whether the entry is new; afterwards it is in the transcript exactly once."""
        from_patient = entry.author is EntryAuthor.PATIENT
        added = await self._append(
            keys=_keys(conversation_id),
            args=[
                entry.id,
                self._vault.seal(json.dumps(entry.as_json())),
                self._vault.seal(entry.text) if from_patient else "",
                self._max_entries,
                self._keep_s,
                _CHANGES,
                conversation_id,
            ],
        )
        return bool(added)

    async def read(self, conversation_id: str, limit: int = 500) -> list[TranscriptEntry]:
        """Return the last `limit` entries, oldest first.

        Raises:
            VaultError: they were sealed with a key that the vault does not have.
        """
        items = await self._redis.xrevrange(_keys(conversation_id)[0], count=limit)
        sealed = [cast("dict[str, str]", fields)["sealed"] for _, fields in cast("list[Any]", items)]
        return [TranscriptEntry.from_json(json.loads(self._vault.open(token))) for token in reversed(sealed)]

    async def last_words(self, conversation_ids: Sequence[str]) -> dict[str, str]:
        """Return what each patient wrote last; a conversation without words, or with words sealed away, is left out."""
        if not conversation_ids:
            return {}
        tokens = cast("list[str | None]", await self._redis.mget([_keys(each)[2] for each in conversation_ids]))
        opened = ((each, self._open_or_none(token)) for each, token in zip(conversation_ids, tokens, strict=True))
        return {each: words for each, words in opened if words is not None}

    async def erase(self, conversation_id: str) -> int:
        """Return how many keys were deleted; afterwards nothing of the conversation is left in any transcript key."""
        deleted = await self._redis.delete(*_keys(conversation_id))
        await self._redis.publish(_CHANGES, conversation_id)
        return deleted

    async def changes(self) -> AsyncIterator[str]:
        """Yield the id of each conversation that went on; ends only with its consumer or the connection."""
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(_CHANGES)
            while True:
                message = await subscription.get_message(ignore_subscribe_messages=True, timeout=5.0)
                if message is not None:
                    yield message["data"]

    def _open_or_none(self, token: str | None) -> str | None:
        try:
            return None if token is None else self._vault.open(token)
        except VaultError:
            return None


def summarise_case(
    entries: Iterable[TranscriptEntry],
    *,
    reason: CaseReason,
    verdict: Verdict | None = None,
    topic: str | None = None,
) -> str:
    """Return a summary for the care team in a fixed shape: asked, said last, bot answered, why.

    It quotes and never concludes; the same entries always give the same summary.

    Args:
        entries: The transcript, oldest first.
        reason: Why the case opens.
        verdict: What screening decided about the message that opened it.
        topic: Title of the topic that was talked about, where there was one.
    """
    entries = list(entries)
    # A tapped button is an answer to the bot, not something the patient wanted to say.
    patient = [
        entry
        for entry in entries
        if entry.author is EntryAuthor.PATIENT and entry.text.strip() and entry.kind != "button"
    ]
    bot = [entry for entry in entries if entry.author in (EntryAuthor.BOT, EntryAuthor.BOT_REVIEWED)]
    answers = [entry for entry in bot if entry.kind == "answer"]
    lines = [f"Topic: {topic}"] if topic else []
    if len(patient) > 1:
        lines.append(f"Asked first: {_quote(patient[0].text)}")
    if len(patient) > 2:
        lines.append(f"Said before: {_quote(patient[-2].text)}")
    lines.append(f"Said last: {_quote(patient[-1].text) if patient else 'nothing yet'}")
    lines.append(f"Bot answered: {_last_answer(answers, bot)}")
    lines.append(f"Why a person: {_why(reason, verdict)}")
    return "\n".join(lines)


_REASON_WORDS = {
    CaseReason.EMERGENCY: "the patient's words match an emergency sign",
    CaseReason.CRISIS: "the patient's words match a sign of crisis",
    CaseReason.URGENT: "the patient's words match a sign that needs care soon",
    CaseReason.ASKED_FOR_PERSON: "the patient asked for a person",
    CaseReason.TWO_MISUNDERSTANDINGS: "the bot did not understand twice in a row",
    CaseReason.OWN_MEDICINE: "the question is about the patient's own medicine, dose or results",
    CaseReason.DECLINED_EMERGENCY: "the patient declined the emergency advice",
    CaseReason.DIALOGUE_FAILED: "the bot could not handle the message",
    CaseReason.NO_REPLY: "a message was left without a reply",
    CaseReason.WORSE_WHILE_WAITING: "the patient said that they feel worse while they wait",
    CaseReason.WROTE_AGAIN: "the patient wrote again after the case was resolved",
    CaseReason.OTHER: "another reason",
}


def _why(reason: CaseReason, verdict: Verdict | None) -> str:
    words = _REASON_WORDS[reason]
    if verdict is None or not verdict.rules:
        return words
    rules = ", ".join(dict.fromkeys(rule.id for rule in verdict.rules))
    return f"{words} ({rules})"


def _last_answer(answers: Sequence[TranscriptEntry], bot: Sequence[TranscriptEntry]) -> str:
    if answers:
        titles = ", ".join(dict.fromkeys(citation.title for citation in answers[-1].citations))
        return _quote(answers[-1].text) + (f" (from: {titles})" if titles else "")
    return f"no health question; last message of kind {bot[-1].kind}" if bot else "nothing yet"


def _quote(text: str) -> str:
    words = " ".join(text.split())
    return f"“{words}”" if len(words) <= _QUOTE_LENGTH else f"“{words[: _QUOTE_LENGTH - 1].rstrip()}…”"


def _keys(conversation_id: str) -> list[str]:
    return [f"{_PREFIX}{name}:{conversation_id}" for name in ("entries", "ids", "last")]
