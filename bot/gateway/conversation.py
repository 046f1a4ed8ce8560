"""Conversations: who is writing (by pseudonym), in which language, under which consent.

A conversation holds no words of the patient. Its id is ours, never the channel's: `w_…` for the web, `t_…` for
Telegram.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from redis.asyncio import Redis

from bot.errors import ConversationError
from careguard.episode import CALM, Episode

TOKEN_BYTES = 32
TICKET_S = 30 * 60
"""How long a ticket opens its page; it does so once."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One patient on one channel."""

    id: str
    channel: str
    language: str
    language_explicit: bool
    country: str
    created_at: float
    expires_at: float
    token_hash: str = ""
    origin: str = ""
    consent: str = ""
    """`granted`, `refused`, or empty when not yet asked or answered."""
    consented_at: float | None = None
    episode: Episode = CALM
    last_citations: tuple[Mapping[str, Any], ...] = ()
    last_passages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The passage behind each of them, by its id."""
    offered: Mapping[str, str] = field(default_factory=dict)
    """The topics on the buttons that were shown last: payload to title."""
    last_answered: str = ""
    """Id of the message that was answered last."""
    address: str = ""
    """Where a push channel delivers, sealed; empty for the web."""


class ConversationStore:
    """Reads and writes conversations; every write refreshes the time to live."""

    def __init__(self, redis: Redis, *, ttl_s: int) -> None:
        self._redis = redis
        self._ttl_s = ttl_s

    async def open_web(self, *, language: str, country: str, origin: str) -> tuple[Conversation, str]:
        """Create a web conversation and return it with its token; only the token's hash is kept."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = time.time()
        conversation = Conversation(
            id=f"w_{secrets.token_urlsafe(15)}",
            channel="web",
            language=language,
            language_explicit=False,
            country=country,
            created_at=now,
            expires_at=now + self._ttl_s,
            token_hash=_hash(token),
            origin=origin,
        )
        await self.save(conversation)
        return conversation, token

    async def open_push(
        self, conversation_id: str, *, channel: str, language: str, country: str, address: str
    ) -> Conversation:
        """Return the conversation of a push channel's patient, created on first contact."""
        try:
            return await self.load(conversation_id)
        except ConversationError:
            now = time.time()
            conversation = Conversation(
                id=conversation_id,
                channel=channel,
                language=language,
                language_explicit=False,
                country=country,
                created_at=now,
                expires_at=now + self._ttl_s,
                address=address,
            )
            await self.save(conversation)
            return conversation

    async def load(self, conversation_id: str) -> Conversation:
        """Return the conversation.

        Raises:
            ConversationError: It does not exist or has expired.
        """
        raw = await self._redis.get(_key(conversation_id))
        if raw is None:
            raise ConversationError("this conversation does not exist or has expired; start a new one")
        return _from_json(json.loads(raw))

    async def save(self, conversation: Conversation) -> Conversation:
        """Store the conversation with a fresh time to live and return it as stored."""
        fresh = replace(conversation, expires_at=time.time() + self._ttl_s)
        await self._redis.set(_key(fresh.id), json.dumps(_as_json(fresh)), ex=self._ttl_s)
        return fresh

    async def authenticate(self, conversation_id: str, token: str, origin: str) -> Conversation:
        """Return the conversation that this token, from this origin, may use.

        Raises:
            ConversationError: Unknown conversation, wrong token, or another origin; the three are told apart to nobody.
        """
        conversation = await self.load(conversation_id)
        right_token = hmac.compare_digest(conversation.token_hash, _hash(token))
        if not conversation.token_hash or not right_token or conversation.origin != origin:
            raise ConversationError("this conversation does not exist or has expired; start a new one")
        return conversation

    async def issue_ticket(self, conversation_id: str) -> str:
        """Return a ticket that opens one page of the conversation, once and soon; an earlier one is void."""
        secret = secrets.token_urlsafe(TOKEN_BYTES)
        await self._redis.set(_ticket_key(conversation_id), _hash(secret), ex=TICKET_S)
        return f"{conversation_id}.{secret}"

    async def redeem_ticket(self, ticket: str) -> Conversation:
        """Return the conversation whose page the ticket opens; afterwards the ticket opens nothing.

        Raises:
            ConversationError: The ticket is unknown, used, or too old, or its conversation has ended.
        """
        conversation_id, _, secret = ticket.rpartition(".")
        expected = await self._redis.get(_ticket_key(conversation_id))
        is_right = expected is not None and hmac.compare_digest(str(expected), _hash(secret))
        # Of two who bring it at once, the one who deletes it opens the page.
        if not is_right or not await self.void_ticket(conversation_id):
            raise ConversationError("this page was opened before, or too long ago; ask for it again in the chat")
        return await self.load(conversation_id)

    async def void_ticket(self, conversation_id: str) -> int:
        """Delete the conversation's ticket; return how many keys went."""
        return int(await self._redis.delete(_ticket_key(conversation_id)))

    async def erase(self, conversation_id: str) -> int:
        """Delete the conversation; return how many keys went."""
        return int(await self._redis.delete(_key(conversation_id), _ticket_key(conversation_id)))


def _key(conversation_id: str) -> str:
    return f"bedside:conversation:{conversation_id}"


def _ticket_key(conversation_id: str) -> str:
    return f"bedside:ticket:{conversation_id}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _as_json(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "channel": conversation.channel,
        "language": conversation.language,
        "language_explicit": conversation.language_explicit,
        "country": conversation.country,
        "created_at": conversation.created_at,
        "expires_at": conversation.expires_at,
        "token_hash": conversation.token_hash,
        "origin": conversation.origin,
        "consent": conversation.consent,
        "consented_at": conversation.consented_at,
        "episode": conversation.episode.as_json(),
        "last_citations": [dict(citation) for citation in conversation.last_citations],
        "last_passages": {key: dict(passage) for key, passage in conversation.last_passages.items()},
        "offered": dict(conversation.offered),
        "last_answered": conversation.last_answered,
        "address": conversation.address,
    }


def _from_json(data: dict[str, Any]) -> Conversation:
    episode = data.pop("episode")
    citations = data.pop("last_citations")
    return Conversation(
        **data,
        episode=Episode.from_json(episode),
        last_citations=tuple(citations),
    )
