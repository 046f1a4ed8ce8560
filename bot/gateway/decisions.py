"""Carries out what dialogue decided: effects, handoffs, words and orders.

Dialogue names things by id and holds no words; the gateway acts, in this order, so that a reply about a change is
written after the change is made.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from actions.handoff.case import Case, CaseReason, CaseState
from bot.errors import DialogueError
from bot.gateway.conversation import Conversation
from bot.gateway.erasure import erase_conversation
from bot.gateway.escalation import open_case
from bot.gateway.gap_notes import note_badly_rated
from bot.gateway.message import Citation, PatientMessage
from bot.gateway.services import Services
from bot.gateway.sheet_page import offer_sheet
from bot.gateway.speech import say
from bot.gateway.waiting import line_values, say_kept, say_opened
from careguard.verdict import Level

KNOWN_EFFECTS = frozenset(
    {
        "record_consent",
        "set_language",
        "erase",
        "feedback",
        "stop",
        "show_sources",
        "show_record",
        "show_visit_sheet",
        "leave_queue",
    }
)
SHOWING = frozenset({"show_sources", "show_record", "show_visit_sheet", "erase"})
"""Effects that a patient sees."""


async def carry_out(
    services: Services, conversation: Conversation, message: PatientMessage, decided: Sequence[dict[str, Any]]
) -> Conversation:
    """Perform every decision and return the conversation as it then is; at least one reply or order has been stored.

    Raises:
        DialogueError: Dialogue named a reply or effect that does not exist, or nothing that a patient would see.
    """
    case: Case | None = None
    for decision in decided:
        if "effect" in decision:
            conversation = await _perform(services, conversation, decision["effect"])
    for decision in decided:
        if "handoff" in decision:
            case = await _hand_off(services, conversation, message, decision["handoff"])
    visible = False
    for decision in decided:
        if "reply" in decision:
            await _speak(services, conversation, message, str(decision["reply"]), case)
            visible = True
        elif "order" in decision:
            order = decision["order"]
            ordered_by = str(order.get("message_id") or message.id)
            await services.answers.take(conversation.id, ordered_by, order)
            visible = True
        elif decision.get("effect", {}).get("name") in SHOWING:
            await _show(services, conversation, message, decision["effect"]["name"])
            visible = True
    if not visible:
        raise DialogueError("dialogue decided nothing that the patient would see")
    return conversation


async def _perform(services: Services, conversation: Conversation, effect: dict[str, Any]) -> Conversation:
    match effect.get("name"):
        case "record_consent":
            return await services.conversations.save(
                replace(
                    conversation,
                    consent="granted" if effect.get("granted") is True else "refused",
                    consented_at=time.time(),
                )
            )
        case "set_language" if effect.get("language") in services.wording.languages:
            return await services.conversations.save(
                replace(conversation, language=str(effect["language"]), language_explicit=True)
            )
        case "feedback":
            is_new = await services.ratings.rate(
                conversation, helpful=effect.get("helpful") is True, reason=effect.get("reason")
            )
            if is_new:
                services.metrics.feedback.labels("yes" if effect.get("helpful") is True else "no").inc()
            if effect.get("helpful") is False:
                await note_badly_rated(services, conversation)
        case "stop":
            await services.answers.call_off(conversation.id)
        case "leave_queue":
            await _leave_queue(services, conversation)
        case name if name not in KNOWN_EFFECTS:
            raise DialogueError("dialogue asked for an effect that does not exist")
    return conversation


async def _leave_queue(services: Services, conversation: Conversation) -> None:
    case = await services.cases.open_case_of(conversation.id)
    if case is not None and case.state is CaseState.WAITING and case.level is not Level.EMERGENCY:
        await services.cases.leave(case.id)


async def _hand_off(
    services: Services, conversation: Conversation, message: PatientMessage, handoff: dict[str, Any]
) -> Case:
    return await open_case(
        services,
        conversation,
        message,
        CaseReason.read(str(handoff.get("reason", "other"))),
        Level(handoff.get("level", "none")),
    )


async def _speak(
    services: Services, conversation: Conversation, message: PatientMessage, reply_id: str, case: Case | None
) -> None:
    if reply_id not in services.wording.entries:
        raise DialogueError("dialogue named a reply that does not exist")
    if reply_id == "handoff_opened" and case is not None:
        await say_opened(services, conversation, message.id, case)
        return
    if reply_id == "handoff_left" and (kept := await services.cases.open_case_of(conversation.id)) is not None:
        await say_kept(services, conversation, message.id, kept)
        return
    await say(
        services,
        conversation,
        reply_id,
        reply_to=message.id,
        case_id=case.id if case else None,
        values=record_values(conversation) | await line_values(services, conversation, case),
    )


async def _show(services: Services, conversation: Conversation, message: PatientMessage, what: str) -> None:
    if what == "show_record":
        await say(services, conversation, "record", reply_to=message.id, values=record_values(conversation))
    elif what == "show_sources":
        citations = tuple(Citation(**citation) for citation in conversation.last_citations)
        reply_id = "sources" if citations else "no_sources"
        shown = {key: dict(passage) for key, passage in conversation.last_passages.items()}
        extra = {"passages": shown} if citations and shown else None
        await say(services, conversation, reply_id, reply_to=message.id, citations=citations, extra=extra)
    elif what == "show_visit_sheet":
        await offer_sheet(services, conversation, message.id)
    else:
        await erase_conversation(services, conversation)
        await say(services, conversation, "erased", reply_to=message.id, extra={"erased": True})
        await services.transcript.erase(conversation.id)  # the goodbye itself is not kept either


def record_values(conversation: Conversation) -> dict[str, str]:
    """Return what the patient may ask us about what we hold."""
    day = time.strftime("%Y-%m-%d", time.gmtime(conversation.consented_at)) if conversation.consented_at else "–"
    return {"consented_on": day}
