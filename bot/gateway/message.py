"""The two things that travel: a patient's message in, a reply out.

A `PatientMessage` is what every channel makes of what it received. A `Reply` is what every channel gets to send.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ReplyKind(StrEnum):
    """What a reply is; every message to a patient carries one."""

    ANSWER = "answer"
    EMERGENCY = "emergency"
    CRISIS = "crisis"
    URGENT = "urgent"
    CLARIFY = "clarify"
    REFUSAL = "refusal"
    HANDOFF = "handoff"
    HUMAN = "human"
    NOTICE = "notice"
    UNAVAILABLE = "unavailable"


class Author(StrEnum):
    """Who wrote a reply."""

    BOT = "bot"
    BOT_REVIEWED = "bot_reviewed"
    HUMAN = "human"


class MessageKind(StrEnum):
    """What the patient sent. Everything but text gets a fixed, helpful reply."""

    TEXT = "text"
    PHOTO = "photo"
    VOICE = "voice"
    STICKER = "sticker"
    FILE = "file"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class PatientMessage:
    """One message from one patient, as stored in the inbox."""

    id: str
    conversation_id: str
    text: str
    """The patient's own words; for a tapped button its payload, exactly as offered."""
    kind: MessageKind = MessageKind.TEXT
    language_hint: str | None = None
    """What the channel believes the language is (Telegram's language_code, the browser's language), BCP 47."""
    edited: bool = False
    """True when the patient changed a message that was handled before."""
    received_at: float = 0.0
    """Unix time in seconds, UTC."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage that supports a sentence, as shown to the patient."""

    id: str
    title: str
    url: str
    publisher: str
    reviewed_on: str | None


@dataclass(frozen=True, slots=True)
class Sentence:
    """One reviewed sentence and the ids of the citations that support it."""

    text: str
    citations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuickReply:
    """One button: the words on it, and the payload that comes back as the text of the next message (<= 64 bytes)."""

    title: str
    payload: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One message to a patient."""

    id: str
    reply_to: str | None
    """The id of the message it answers; None when it answers none (a care team's reply, a timed notice)."""
    kind: ReplyKind
    author: Author
    language: str
    text: str
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    quick_replies: tuple[QuickReply, ...] = ()
    case_id: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields of the contract that only some replies have, e.g. `mode` and `reviewed` of an answer."""

    def as_json(self) -> dict[str, Any]:
        """Return the data of the `message` event of the web channel's contract."""
        data: dict[str, Any] = {
            "id": self.id,
            "reply_to": self.reply_to,
            "kind": self.kind.value,
            "author": self.author.value,
            "language": self.language,
            "text": self.text,
        }
        if self.sentences:
            data["sentences"] = [{"text": s.text, "citations": list(s.citations)} for s in self.sentences]
        if self.citations:
            data["citations"] = [
                {"id": c.id, "title": c.title, "url": c.url, "publisher": c.publisher, "reviewed_on": c.reviewed_on}
                for c in self.citations
            ]
        if self.quick_replies:
            data["quick_replies"] = [{"title": q.title, "payload": q.payload} for q in self.quick_replies]
        if self.case_id is not None:
            data["case_id"] = self.case_id
        return data | self.extra
