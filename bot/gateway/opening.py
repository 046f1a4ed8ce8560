"""What opening or raising a case has in common, whoever does it: a turn, a red flag, a patient who waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from actions.handoff.case import CaseOpening, CaseReason
from actions.transcript import summarise_case
from bot.gateway.conversation import Conversation
from bot.gateway.message import PatientMessage
from bot.gateway.services import Services
from careguard.episode import raise_episode
from careguard.verdict import Level, Verdict

GENERAL_WORDS: Final = {Level.EMERGENCY: "emergency_general", Level.URGENT: "urgent_general"}
"""The approved reply of a level, where no rule names its own."""

_LINES_READ_FOR_SUMMARY = 12


async def opening_of(
    services: Services,
    conversation: Conversation,
    message: PatientMessage,
    reason: CaseReason,
    level: Level,
    *,
    category: str | None = None,
) -> CaseOpening:
    """Return what the queue needs to open the conversation's case, with a summary of what was said lately."""
    entries = await services.transcript.read(conversation.id, limit=_LINES_READ_FOR_SUMMARY)
    return CaseOpening(
        conversation_id=conversation.id,
        channel=conversation.channel,
        level=level,
        reason=reason,
        opened_by_message=message.id,
        category=category,
        language=conversation.language,
        country=conversation.country,
        summary=summarise_case(entries, reason=reason),
    )


async def raise_level(
    services: Services, conversation: Conversation, message: PatientMessage, verdict: Verdict
) -> Conversation:
    """Return the conversation as stored, its episode raised to the verdict by this message."""
    raised = raise_episode(
        conversation.episode,
        verdict,
        message_id=message.id,
        at=datetime.fromtimestamp(message.received_at, UTC),
    )
    return await services.conversations.save(replace(conversation, episode=raised))
