"""One patient message to one reply. Start reading here.

The straight line: screen, then dialogue, then what dialogue decided. A red flag leaves the line at once, with approved
words and a case. Every path, also a failure, ends in a reply.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from redis.exceptions import RedisError

from actions.errors import ActionsError
from actions.handoff.case import CaseReason, CaseState
from actions.transcript import EntryAuthor, TranscriptEntry
from bot.errors import BedsideError, ConversationError
from bot.gateway.conversation import Conversation
from bot.gateway.deciding import answer_in, ask, take_answer
from bot.gateway.decisions import carry_out
from bot.gateway.escalation import escalate, open_case
from bot.gateway.message import MessageKind, PatientMessage
from bot.gateway.rasa_client import DialogueTurn, InjectedIntent
from bot.gateway.screening import RECENT_ENTRIES, screen_for
from bot.gateway.services import Services
from bot.gateway.speech import say
from bot.gateway.waiting import patient_wrote, say_opened, wrote_again
from careguard.privacy import redact
from careguard.verdict import Decision, Level, Verdict

log = logging.getLogger(__name__)

COMMANDS = {
    "/start": "greet",
    "/help": "help",
    "/stop": "stop",
    "/delete": "erase_my_record",
    "/person": "ask_person",
    "/visit": "make_visit_sheet",
}
"""What the command menu of a messenger sends, and the intent it stands for."""

MEDIA_REPLIES = {
    MessageKind.PHOTO: "media_photo",
    MessageKind.VOICE: "media_voice",
    MessageKind.STICKER: "media_sticker",
    MessageKind.FILE: "media_file",
    MessageKind.OTHER: "media_file",
}

MOST_ATTEMPTS = 3
"""A message that broke the process this often is answered with the words for "not available"."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A message, whose it is, and what screening and the detectors said about it."""

    message: PatientMessage
    conversation: Conversation
    attempt: int
    """1 on the first try; more when an earlier one ended with its process."""
    recent: Sequence[TranscriptEntry]
    """What was said before, oldest first, and this message."""
    verdict: Verdict
    intent: InjectedIntent | None
    unavailable_language: str | None


async def handle_turn(message: PatientMessage, services: Services) -> None:
    """Take one patient message to one reply; every path, also a failure, ends in a reply.

    Raises:
        RedisError, ActionsError: The store failed; the message is still in the inbox and will be tried again.
    """
    started = time.perf_counter()
    try:
        conversation = await services.conversations.load(message.conversation_id)
    except ConversationError:
        services.metrics.turns.labels("none", "expired").inc()
        return
    try:
        outcome = await _take(message, conversation, services)
    except (RedisError, ActionsError):
        raise
    except Exception as error:
        services.metrics.failures.labels("turn" if not isinstance(error, BedsideError) else "dialogue").inc()
        log.warning("a turn failed: %s", type(error).__name__)
        await _apologise(message, conversation, services)
        outcome = "failed"
    services.metrics.turns.labels(conversation.channel, outcome).inc()
    services.metrics.turn_seconds.observe(time.perf_counter() - started)


async def look_ahead(message: PatientMessage, services: Services) -> None:
    """Give the approved words for a red flag in a message that still waits for its turn; anything else waits."""
    conversation = await services.conversations.load(message.conversation_id)
    recent = await services.transcript.read(conversation.id, limit=RECENT_ENTRIES)
    verdict = await screen_for(services, message, recent)
    if verdict.decision is Decision.ESCALATE:
        await escalate(services, conversation, message, verdict, recent)


async def _take(message: PatientMessage, conversation: Conversation, services: Services) -> str:
    attempt, recent = await asyncio.gather(
        services.inbox.begin(conversation.id, message.id),
        services.transcript.read(conversation.id, limit=RECENT_ENTRIES),
    )
    if attempt > MOST_ATTEMPTS:
        await _apologise(message, conversation, services)
        return "given_up"
    turn = await _prepare(message, conversation, attempt, recent, services)
    if turn.verdict.decision is Decision.ESCALATE:
        await escalate(services, turn.conversation, message, turn.verdict, turn.recent)
        if turn.verdict.ask is not None:
            await ask(services, turn.conversation, message, turn.verdict)
        return "escalated"
    if (answer := await answer_in(message, services)) is not None:
        left = await take_answer(services, turn.conversation, message, answer, turn.recent)
        if left is None:
            return "escalated"
        turn = replace(
            turn, message=left.message, verdict=left.verdict, intent=_intent(left.message, left.verdict, services)
        )
    if await patient_wrote(services, turn.conversation, message):
        return "waiting"
    if await _is_held_by_person(turn, services):
        return "silent"
    if answer is None and turn.verdict.ask is not None:
        await ask(services, turn.conversation, message, turn.verdict)
        return "asked"
    if reply_id := _fixed_reply(turn, services):
        await say(services, turn.conversation, reply_id, reply_to=message.id)
        return "fixed"
    return await _talk(turn, services)


async def _prepare(
    message: PatientMessage,
    conversation: Conversation,
    attempt: int,
    recent: Sequence[TranscriptEntry],
    services: Services,
) -> Turn:
    """Screen first; then note the language and the words."""
    verdict = await screen_for(services, message, recent)
    button = services.wording.button(message.text)
    unavailable = None
    if button is None and message.text.strip():
        conversation, unavailable = await _note_language(message, conversation, services, first=not recent)
    entry = TranscriptEntry(
        id=message.id,
        at=message.received_at,
        author=EntryAuthor.PATIENT,
        kind="button" if button else message.kind.value,
        text=services.wording.button_title(message.text, conversation.language, conversation.offered)
        if button
        else message.text,
        language=conversation.language,
    )
    await services.transcript.append(conversation.id, entry)
    return Turn(
        message, conversation, attempt, [*recent, entry], verdict, _intent(message, verdict, services), unavailable
    )


async def _note_language(
    message: PatientMessage, conversation: Conversation, services: Services, *, first: bool
) -> tuple[Conversation, str | None]:
    if not conversation.language_explicit and (cued := services.wording.language_of_cues(message.text)):
        short = len(message.text.split()) <= 2  # two words are too few for the detectors, enough for "hola, gracias"
        if short:
            return await _speak_in(cued, conversation, services), None
    chosen = services.detector.choose(
        message.text,
        current=conversation.language,
        explicit=conversation.language_explicit,
        hint=message.language_hint,
        first=first,
    )
    return await _speak_in(chosen.language, conversation, services), chosen.unavailable


async def _speak_in(language: str, conversation: Conversation, services: Services) -> Conversation:
    if language == conversation.language:
        return conversation
    return await services.conversations.save(replace(conversation, language=language))


def _intent(message: PatientMessage, verdict: Verdict, services: Services) -> InjectedIntent | None:
    """Return the intent that a button, a command or screening decided; None leaves it to dialogue's own reading."""
    if button := services.wording.button(message.text):
        return InjectedIntent(button.intent, button.entities)
    if intent := COMMANDS.get(message.text.strip().split("@")[0].lower()):
        return InjectedIntent(intent)
    if verdict.decision is Decision.REFUSE and not verdict.failed:
        return InjectedIntent("refused_by_screen", {"category": verdict.category or "other"})
    return None


async def _is_held_by_person(turn: Turn, services: Services) -> bool:
    """While a person holds the conversation the bot is silent; the desk sees the message in the transcript."""
    case = await services.cases.open_case_of(turn.conversation.id)
    if case is None or case.state is not CaseState.CLAIMED:
        return False
    await services.outbox.send_event(
        turn.conversation.id,
        f"{turn.message.id}.read",
        "read",
        {"reply_to": turn.message.id, "case_id": case.id},
    )
    return True


def _fixed_reply(turn: Turn, services: Services) -> str | None:
    """Return the reply that needs no dialogue, if the message calls for one."""
    if turn.message.kind is not MessageKind.TEXT and not turn.message.text.strip():
        return MEDIA_REPLIES[turn.message.kind]
    if turn.message.edited:
        return "message_edited"
    if len(turn.message.text) > services.settings.message_max_chars:
        return "message_too_long"
    if turn.intent is not None:
        return None
    if not any(char.isalnum() for char in turn.message.text):
        return "only_emoji"
    if turn.verdict.failed:
        return "unavailable"
    if turn.unavailable_language is not None:
        return "language_not_available"
    return None


async def _talk(turn: Turn, services: Services) -> str:
    """Ask dialogue, once per message however often the turn is tried, and do what it decided."""
    await services.right_of_way.give()
    decided = await services.inbox.decided(turn.conversation.id, turn.message.id) if turn.attempt > 1 else None
    if decided is None:
        decided = await services.dialogue.turn(
            DialogueTurn(
                conversation_id=turn.conversation.id,
                message_id=turn.message.id,
                text=turn.intent.name if turn.intent else redact(turn.message.text).text.lstrip("/ "),
                language=turn.conversation.language,
                country=turn.conversation.country,
                intent=turn.intent,
            )
        )
        await services.inbox.remember(turn.conversation.id, turn.message.id, decided)
    conversation = await carry_out(services, turn.conversation, turn.message, decided)
    if turn.intent is None:
        await wrote_again(services, conversation, turn.message, decided)
    return "answered"


async def _apologise(message: PatientMessage, conversation: Conversation, services: Services) -> None:
    """Say that we cannot answer now; someone who asked for a person gets the person all the same."""
    button = services.wording.buttons.get(message.text)
    if button is not None and button.intent == "ask_person":
        case = await open_case(services, conversation, message, CaseReason.ASKED_FOR_PERSON, Level.NONE)
        await say_opened(services, conversation, message.id, case)
        return
    await say(services, conversation, "unavailable", reply_to=message.id)
