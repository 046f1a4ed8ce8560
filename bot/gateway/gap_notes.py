"""Notes what clinicians should write about: questions without an answer, and answers that did not help.

After the patient was answered. A note that cannot be kept is lost; nobody waits for it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from redis.exceptions import RedisError

from actions.answering.gaps import GapKind
from actions.errors import VaultError
from actions.transcript import EntryAuthor, TranscriptEntry
from bot.gateway.conversation import Conversation
from bot.gateway.services import Services

log = logging.getLogger(__name__)

_LOOK_BACK = 60
"""Entries of the transcript in which the rated answer is looked for."""
_NOT_OURS = frozenset({"out_of_scope"})
"""What dialogue says to a question that is not about health: no gap."""


async def note_unanswered(
    services: Services, conversation: Conversation, message_id: str, order: Mapping[str, Any]
) -> None:
    """The question is on the gap list, unless it is a variant of an answer or not about health."""
    if order.get("style", "normal") != "normal" or order.get("if_no_answer") in _NOT_OURS:
        return
    await _note(services, conversation, GapKind.UNANSWERED, str(order["question"]), None, message_id)


async def note_badly_rated(services: Services, conversation: Conversation) -> None:
    """The question whose answer the patient just rated is on the gap list."""
    try:
        found = _rated(await services.transcript.read(conversation.id, limit=_LOOK_BACK))
    except (RedisError, VaultError) as error:
        log.warning("a rated answer could not be read: %s", type(error).__name__)
        return
    if found is not None:
        question, answer = found
        topic = answer.citations[0].id.partition("/")[0] if answer.citations else None
        await _note(
            services,
            conversation,
            GapKind.BADLY_RATED,
            question.text,
            None if topic == "approved" else topic,
            question.id,
        )


def _rated(entries: Sequence[TranscriptEntry]) -> tuple[TranscriptEntry, TranscriptEntry] | None:
    """Return the newest answer of the bot with the question before it: what the patient wrote, not a tapped button."""
    bot = (EntryAuthor.BOT, EntryAuthor.BOT_REVIEWED)
    place = next((at for at in range(len(entries) - 1, -1, -1) if _is(entries[at], bot, "answer")), None)
    if place is None:
        return None
    asked = [entry for entry in entries[:place] if _is(entry, (EntryAuthor.PATIENT,), "text")]
    own = next((entry for entry in asked if f"{entry.id}.answer" == entries[place].id), asked[-1] if asked else None)
    return None if own is None else (own, entries[place])


def _is(entry: TranscriptEntry, authors: tuple[EntryAuthor, ...], kind: str) -> bool:
    return entry.author in authors and entry.kind == kind


async def _note(
    services: Services,
    conversation: Conversation,
    kind: GapKind,
    question: str,
    topic: str | None,
    message_id: str,
) -> None:
    try:
        await services.gaps.keep(
            kind, question, topic, conversation.language, conversation_id=conversation.id, message_id=message_id
        )
    except RedisError as error:
        log.warning("a gap could not be noted: %s", type(error).__name__)
