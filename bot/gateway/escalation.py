"""A red flag or a crisis: the approved words at once, then the case, then dialogue is told.

Nothing here waits for Rasa, a model or the network. Doing it twice for the same message changes nothing, so it may run
from the turn and from the look-ahead at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from redis.exceptions import RedisError

from actions.errors import ActionsError
from actions.handoff.case import Case, CaseOpening, CaseReason
from actions.transcript import TranscriptEntry, summarise_case
from bot.errors import DialogueError
from bot.gateway.conversation import Conversation
from bot.gateway.message import PatientMessage, ReplyKind
from bot.gateway.opening import GENERAL_WORDS, opening_of, raise_level
from bot.gateway.rasa_client import DialogueTurn, InjectedIntent
from bot.gateway.services import Services
from bot.gateway.speech import say, tell_case
from bot.gateway.waiting import say_closed
from careguard.verdict import Level, Verdict


async def escalate(
    services: Services,
    conversation: Conversation,
    message: PatientMessage,
    verdict: Verdict,
    recent: Sequence[TranscriptEntry],
) -> Conversation:
    """Give the approved words for the verdict, open the case, and return the conversation with its raised episode.

    Args:
        recent: What was said lately, oldest first; the case's summary is made of it.

    Raises:
        ActionsError, RedisError: The case could not be opened. The patient has the words all the same, and the
            message stays in the inbox, so that the next attempt opens it.
    """
    reply_id = reply_for(services, verdict)
    kind = services.wording.entries[reply_id].kind
    failure: Exception | None = None
    case: Case | None = None
    try:
        case = await _open_case(services, conversation, message, verdict, kind, recent)
    except (ActionsError, RedisError) as error:
        services.metrics.failures.labels("case").inc()
        failure = error
    await say(services, conversation, reply_id, reply_to=message.id, case_id=case.id if case else None)
    await _call_off_answers(services, conversation)
    conversation = await raise_level(services, conversation, message, verdict)
    if case is None:
        raise failure or AssertionError("no case and no failure")
    await tell_case(services, conversation, case)
    await say_closed(services, conversation, case)
    services.background.start(_tell_dialogue(services, conversation, message, verdict, kind), name="tell dialogue")
    return conversation


def reply_for(services: Services, verdict: Verdict) -> str:
    """Return the approved reply of the verdict: the rule's own, else the general one of its level."""
    if verdict.say is not None and verdict.say in services.wording.entries:
        return verdict.say
    return GENERAL_WORDS[verdict.level]


async def open_case(
    services: Services, conversation: Conversation, message: PatientMessage, reason: CaseReason, level: Level
) -> Case:
    """Open, or join, the conversation's case for a reason that dialogue or a failure gave."""
    case = await services.cases.open_case(await opening_of(services, conversation, message, reason, level))
    await tell_case(services, conversation, case)
    return case


async def _open_case(
    services: Services,
    conversation: Conversation,
    message: PatientMessage,
    verdict: Verdict,
    kind: ReplyKind,
    recent: Sequence[TranscriptEntry],
) -> Case:
    reason = CaseReason.read(kind.value)
    return await services.cases.open_case(
        CaseOpening.from_verdict(
            verdict,
            message.text,
            conversation_id=conversation.id,
            channel=conversation.channel,
            reason=reason,
            opened_by_message=message.id,
            language=conversation.language,
            country=conversation.country,
            summary=summarise_case(recent, reason=reason, verdict=verdict),
        )
    )


async def _call_off_answers(services: Services, conversation: Conversation) -> None:
    for message_id in await services.answers.call_off(conversation.id):
        await say(services, conversation, "answer_interrupted", reply_to=message_id)


async def _tell_dialogue(
    services: Services, conversation: Conversation, message: PatientMessage, verdict: Verdict, kind: ReplyKind
) -> None:
    try:
        await services.dialogue.turn(
            DialogueTurn(
                conversation_id=conversation.id,
                message_id=message.id,
                text=verdict.category or kind.value,
                language=conversation.language,
                country=conversation.country,
                intent=InjectedIntent(kind.value, {"category": verdict.category or ""}),
            )
        )
    except DialogueError:
        services.metrics.failures.labels("dialogue").inc()
