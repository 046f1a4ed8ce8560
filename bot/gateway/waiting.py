"""The patient who waits for a person: place in line, honest wait, signs that must not wait, are they still well.

Beside the line: a turn calls `patient_wrote` for each message, decisions and escalation say how the line stands, and
the care team's acts are told through `tell_patient`. Words and signs are in `waiting_words`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from actions.handoff.case import Case, CaseAct, CaseReason, CaseState
from actions.handoff.errors import CaseNotFoundError
from actions.handoff.queue import CaseNotice
from bot.errors import ConversationError
from bot.gateway.conversation import Conversation
from bot.gateway.message import PatientMessage
from bot.gateway.opening import GENERAL_WORDS, opening_of, raise_level
from bot.gateway.services import Services
from bot.gateway.speech import say, tell_case
from careguard.verdict import Decision, Level, Verdict

FINE: Final = "check:ok"
WORSE: Final = "check:worse"

MANNERS = frozenset(
    {"thanks", "goodbye", "greet", "what_next", "small_talk", "feedback_thanks", "feedback_ask", "i_am_an_ai", "help"}
)
"""Whoever says thank you after the end does not call the care team back."""

_NEXT_LEVEL = {Level.NONE: Level.URGENT, Level.URGENT: Level.EMERGENCY, Level.EMERGENCY: Level.EMERGENCY}
_CRISES = frozenset({CaseReason.CRISIS, CaseReason.EMERGENCY})


# What a turn does


async def patient_wrote(services: Services, conversation: Conversation, message: PatientMessage) -> bool:
    """Note that the patient of a case is there; return whether the message is answered with that.

    A tap on "I feel worse" raises the case and is answered with approved words; "I am still all right" keeps the place.
    """
    case = await services.cases.heard(conversation.id)
    if case is None or message.text not in (FINE, WORSE):
        return False
    if message.text == WORSE:
        await _raise(services, conversation, message, case)
        return True
    if case.state is not CaseState.WAITING:
        return False  # the person who holds it reads it
    case = await services.cases.says_fine(case.id)
    await say(
        services,
        conversation,
        "waiting_fine",
        reply_to=message.id,
        case_id=case.id,
        values=await line_values(services, conversation, case),
    )
    return True


async def wrote_again(
    services: Services, conversation: Conversation, message: PatientMessage, decided: Sequence[Mapping[str, Any]]
) -> None:
    """Open the case that a person resolved lately again, and say so; manners alone open nothing."""
    said = {str(decision["reply"]) for decision in decided if "reply" in decision}
    if (said and said <= MANNERS) or any("effect" in decision for decision in decided):
        return
    opening = await opening_of(services, conversation, message, CaseReason.WROTE_AGAIN, Level.NONE)
    case = await services.cases.reopen(opening)
    if case is None or case.events[-1].act is not CaseAct.REOPENED or case.state is not CaseState.WAITING:
        return
    await _say_of_case(services, conversation, case, "handoff_reopened", f"reopened.{case.waiting_since}")


async def say_opened(services: Services, conversation: Conversation, message_id: str, case: Case) -> None:
    """Say that the care team was asked, and how the line stands; when nobody is there, that and whom to call."""
    if not _is_staffed(services, conversation, case):
        await say_closed(services, conversation, case, reply_to=message_id)
        return
    values = await line_values(services, conversation, case)
    await say(services, conversation, "handoff_opened", reply_to=message_id, case_id=case.id, values=values)
    if case.state is CaseState.WAITING:
        await _say_of_case(services, conversation, case, _line_reply(values), f"line.{message_id}", values)


async def say_kept(services: Services, conversation: Conversation, message_id: str, case: Case) -> None:
    """Say that the case stays although its patient would leave: an emergency does, and so does what a person holds."""
    values = await line_values(services, conversation, case)
    await say(services, conversation, "handoff_kept", reply_to=message_id, case_id=case.id, values=values)


async def say_closed(
    services: Services, conversation: Conversation, case: Case, *, reply_to: str | None = None
) -> None:
    """When nobody is on shift for this patient, say so at once; when somebody is, say nothing."""
    if _is_staffed(services, conversation, case):
        return
    await say(
        services,
        conversation,
        _closed_reply(services, conversation, case),
        reply_to=reply_to,
        event_id=None if reply_to else f"{case.id}.closed.{case.level.value}.{case.waiting_since}",
        case_id=case.id,
        values=await line_values(services, conversation, case),
    )


async def line_values(services: Services, conversation: Conversation, case: Case | None) -> dict[str, str]:
    """Return place, honest wait, when somebody is back, and the signs that must not wait; a dash where nobody knows."""
    words = services.waiting.words[conversation.language]
    number = services.wording.emergency_number(conversation.country)
    values = {
        "place": "–",
        "wait": "–",
        "person_name": "",
        "opens": words.unknown,
        "danger": words.danger(case.category if case else None).format(emergency_number=number),
    }
    if case is None or case.state is not CaseState.WAITING:
        return values
    place = await services.cases.place_in_line(case.id)
    wait_s = await services.cases.expected_wait_s(case.level)
    back = services.waiting.hours.staffed_again(services.clock(), country=conversation.country, team_id=case.team)
    return values | {
        "place": str(place or "–"),
        "wait": "–" if wait_s is None else str(max(1, round(wait_s / 60))),
        "opens": words.opens(back),
    }


# What time and the care team do


async def tell_patient(services: Services, notice: CaseNotice) -> None:
    """Tell the patient what a notice means for them, once; nothing when the case has moved on meanwhile.

    Raises:
        RedisError, ActionsError: The store failed; the notice must come again.
    """
    try:
        case = await services.cases.get(notice.case_id)
        conversation = await services.conversations.load(case.conversation_id)
    except (CaseNotFoundError, ConversationError):
        return
    await tell_case(services, conversation, case)
    if case.state is not CaseState.WAITING:
        return
    match notice.act:
        case CaseAct.ASKED if case.level is Level.NONE and not _is_staffed(services, conversation, case):
            return  # nobody is woken at night over a plain question that waits for the morning
        case CaseAct.ASKED if case.asked_at is not None:
            reply_id = "waiting_check_emergency" if case.level is Level.EMERGENCY else "waiting_check"
        case CaseAct.RETURNED | CaseAct.RELEASED:
            reply_id = "handoff_returned"
        case CaseAct.TRANSFERRED:
            reply_id = _line_reply(await line_values(services, conversation, case))
        case _:
            return
    await _say_of_case(services, conversation, case, reply_id, f"{notice.act.value}.{notice.id}")


# Parts


async def _raise(services: Services, conversation: Conversation, message: PatientMessage, case: Case) -> None:
    reason = CaseReason.WORSE_WHILE_WAITING
    level = _NEXT_LEVEL[case.level]
    opening = await opening_of(services, conversation, message, reason, level, category=case.category)
    raised = await services.cases.open_case(opening)
    await say(services, conversation, GENERAL_WORDS[raised.level], reply_to=message.id, case_id=raised.id)
    verdict = Verdict(Decision.ESCALATE, raised.level, raised.category)
    conversation = await raise_level(services, conversation, message, verdict)
    await tell_case(services, conversation, raised)
    await say_closed(services, conversation, raised)


async def _say_of_case(
    services: Services,
    conversation: Conversation,
    case: Case,
    reply_id: str,
    occasion: str,
    values: Mapping[str, str] | None = None,
) -> None:
    """Say it once for this occasion."""
    await say(
        services,
        conversation,
        reply_id,
        reply_to=None,
        event_id=f"{case.id}.{reply_id}.{occasion}",
        case_id=case.id,
        values=values if values is not None else await line_values(services, conversation, case),
    )


def _line_reply(values: Mapping[str, str]) -> str:
    return "handoff_waiting_unknown" if values["wait"] == "–" else "handoff_waiting"


def _is_staffed(services: Services, conversation: Conversation, case: Case) -> bool:
    return services.waiting.hours.is_staffed(services.clock(), country=conversation.country, team_id=case.team)


def _closed_reply(services: Services, conversation: Conversation, case: Case) -> str:
    if case.level is not Level.NONE or not _CRISES.isdisjoint(case.reasons):
        return "handoff_closed_urgent"
    line = services.wording.has_line("non_emergency", conversation.country)
    return "handoff_closed_line" if line else "handoff_closed"
