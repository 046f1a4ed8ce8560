"""Says something to a patient: words looked up by reply id, stored in the outbox once, kept in the transcript."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from actions.handoff.case import Case
from actions.transcript import CitedPassage, EntryAuthor, TranscriptEntry
from bot.gateway.conversation import Conversation
from bot.gateway.message import Author, Citation, QuickReply, Reply, ReplyKind, Sentence
from bot.gateway.services import Services


async def say(
    services: Services,
    conversation: Conversation,
    reply_id: str,
    *,
    reply_to: str | None,
    event_id: str | None = None,
    case_id: str | None = None,
    citations: tuple[Citation, ...] = (),
    choices: tuple[QuickReply, ...] = (),
    values: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Store the reply of this id for the patient; a second time for the same message changes nothing.

    Args:
        event_id: The reply's own id, where it answers no message.
        choices: Buttons of this reply alone; they stand before its others.
        values: What stands in the placeholders besides the country's numbers.
        extra: Fields that only this reply has.
    """
    rendered = services.wording.render(
        reply_id, conversation.language, conversation.country, {"case_id": case_id or "", **(values or {})}
    )
    await send(
        services,
        conversation,
        Reply(
            id=event_id or f"{reply_to}.{reply_id}",
            reply_to=reply_to,
            kind=rendered.kind,
            author=Author.BOT,
            language=conversation.language,
            text=rendered.text,
            citations=citations,
            quick_replies=(*choices, *rendered.quick_replies),
            case_id=case_id,
            extra=dict(extra or {}),
        ),
    )


async def say_answer(
    services: Services,
    conversation: Conversation,
    *,
    reply_to: str,
    text: str,
    sentences: tuple[Sentence, ...],
    citations: tuple[Citation, ...],
    reviewed: bool,
    buttons: tuple[QuickReply, ...],
    extra: dict[str, Any],
) -> None:
    """Store a reviewed answer for the patient."""
    await send(
        services,
        conversation,
        Reply(
            id=f"{reply_to}.answer",
            reply_to=reply_to,
            kind=ReplyKind.ANSWER,
            author=Author.BOT_REVIEWED if reviewed else Author.BOT,
            language=conversation.language,
            text=text,
            sentences=sentences,
            citations=citations,
            quick_replies=buttons,
            extra=extra,
        ),
    )


async def send(services: Services, conversation: Conversation, reply: Reply, *, staff_name: str | None = None) -> None:
    """Store a finished reply in the outbox first, then in the transcript: the patient comes before the record."""
    if await services.outbox.send(conversation.id, reply):
        services.metrics.replies.labels(reply.kind.value).inc()
    await services.transcript.append(
        conversation.id,
        TranscriptEntry(
            id=reply.id,
            at=time.time(),
            author=EntryAuthor(reply.author.value),
            kind=reply.kind.value,
            text=reply.text,
            language=reply.language,
            citations=tuple(CitedPassage(**asdict(citation)) for citation in reply.citations),
            case_id=reply.case_id,
            staff_name=staff_name,
        ),
    )


async def tell_case(services: Services, conversation: Conversation, case: Case) -> None:
    """Let the channel show where the case stands."""
    state = case.state.value
    await services.outbox.send_event(
        conversation.id,
        f"{case.id}.{state}.{case.level.value}.{len(case.events)}",
        "case",
        {"case_id": case.id, "state": state, "level": case.level.value},
    )
