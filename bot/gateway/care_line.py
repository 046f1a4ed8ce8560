"""The care team's way to a patient: what the desk says goes through the same outbox as everything else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from actions.handoff.case import Case, CitedSource, OutgoingReply, Suggestion
from actions.transcript import EntryAuthor
from bot.desk.services import Delivery
from bot.errors import ConversationError, DialogueError
from bot.gateway.answer_client import FinishedAnswer
from bot.gateway.conversation import Conversation
from bot.gateway.message import Author, Citation, MessageKind, Reply, ReplyKind
from bot.gateway.rasa_client import DialogueTurn, InjectedIntent
from bot.gateway.services import Services
from bot.gateway.speech import say, send, tell_case
from careguard.episode import resolve_episode
from careguard.privacy import redact

_LINES_READ = 50


@dataclass(frozen=True, slots=True)
class CareLine:
    """Implements the desk's `PatientLine`."""

    services: Services

    async def send_outgoing(self, case: Case, reply: OutgoingReply) -> None:
        """Send a reply whose time has come; one that the bot proposed and a person let pass as it was is marked so.

        Raises:
            ConversationError: The conversation has ended.
        """
        conversation = await self.services.conversations.load(case.conversation_id)
        finished = Reply(
            id=_message_id(case, reply.id),
            reply_to=None,
            kind=ReplyKind.HUMAN,
            author=Author.BOT_REVIEWED if reply.suggested else Author.HUMAN,
            language=conversation.language,
            text=reply.text,
            citations=tuple(Citation(s.id, s.title, s.url, s.publisher, s.reviewed_on) for s in reply.sources),
            case_id=case.id,
            extra={"person_name": reply.staff_name},
        )
        await send(self.services, conversation, finished, staff_name=reply.staff_name)

    async def suggest_reply(self, case: Case) -> Suggestion | None:
        """Return what the answering line would say to the patient's last question; None when it has nothing reviewed.

        Raises:
            AnswerError: Answering failed or was slow.
        """
        entries = await self.services.transcript.read(case.conversation_id, limit=_LINES_READ)
        questions = [e.text for e in entries if e.author is EntryAuthor.PATIENT and e.kind == MessageKind.TEXT.value]
        if not questions:
            return None
        request = {
            "question": redact(questions[-1]).text,
            "topic": None,
            "style": "normal",
            "language": case.language,
            "country": case.country or self.services.settings.default_country,
            "message_id": f"{case.id}.suggestion.{len(entries)}",
            "may_ask": False,
        }
        async with asyncio.timeout(self.services.settings.answer_budget_s):
            async for part in self.services.answering.answer(request):
                if isinstance(part, FinishedAnswer):
                    return None if part.abstained else _suggestion(part)
        return None

    async def deliveries(self, case: Case) -> dict[str, Delivery]:
        """Return how far each reply of the care team came, as far as the channel tells."""
        events = await self.services.outbox.newest(case.conversation_id)
        refused = await self.services.outbox.refused(case.conversation_id)
        arrived = _order(await self.services.outbox.delivered_up_to(case.conversation_id))
        by_id = {str(event.data.get("id")): event for event in events if event.name == "message"}
        found = {}
        for reply in case.outgoing:
            event = by_id.get(_message_id(case, reply.id))
            if event is None:
                continue
            if event.id in refused:
                found[reply.id] = Delivery("failed", refused[event.id])
            else:
                found[reply.id] = Delivery("sent" if _order(event.id) <= arrived else "stored")
        return found

    async def tell_claimed(self, case: Case, staff_name: str) -> None:
        """Tell the patient who is with them now."""
        await self._tell(case, "handoff_taken", {"person_name": staff_name})

    async def tell_released(self, case: Case) -> None:
        """Let the channel show that the case waits again."""
        conversation = await self._conversation(case)
        if conversation is not None:
            await tell_case(self.services, conversation, case)

    async def tell_resolved(self, case: Case) -> None:
        """Tell the patient that the person is done and the bot is back; a person has lowered the level."""
        await self._tell(case, "handoff_resolved")
        conversation = await self._conversation(case)
        if conversation is None:
            return
        resolved = resolve_episode(conversation.episode, by="human")
        conversation = await self.services.conversations.save(replace(conversation, episode=resolved))
        self.services.background.start(self._tell_dialogue(conversation, case), name="tell dialogue")

    async def _tell(self, case: Case, reply_id: str, values: Mapping[str, str] | None = None) -> None:
        conversation = await self._conversation(case)
        if conversation is None:
            return
        await tell_case(self.services, conversation, case)
        await say(
            self.services,
            conversation,
            reply_id,
            reply_to=None,
            event_id=f"{case.id}.{reply_id}.{case.claimed_at or 0}.{case.resolved_at or 0}",
            case_id=case.id,
            values=values,
        )

    async def _conversation(self, case: Case) -> Conversation | None:
        try:
            return await self.services.conversations.load(case.conversation_id)
        except ConversationError:
            return None  # it expired or was erased; there is nobody to tell

    async def _tell_dialogue(self, conversation: Conversation, case: Case) -> None:
        try:
            await self.services.dialogue.turn(
                DialogueTurn(
                    conversation_id=conversation.id,
                    message_id=f"{case.id}.resolved",
                    text="case resolved",
                    language=conversation.language,
                    country=conversation.country,
                    intent=InjectedIntent("case_resolved"),
                )
            )
        except DialogueError:
            self.services.metrics.failures.labels("dialogue").inc()


def _message_id(case: Case, reply_id: str) -> str:
    return f"{case.id}.human.{reply_id}"


def _suggestion(answer: FinishedAnswer) -> Suggestion:
    sources = tuple(CitedSource(c.id, c.title, c.url, c.publisher, c.reviewed_on) for c in answer.citations)
    return Suggestion(at=time.time(), text=answer.text, sources=sources)


def _order(event_id: str) -> tuple[int, int]:
    """Return the place of an event in its stream."""
    milliseconds, _, number = event_id.partition("-")
    return int(milliseconds), int(number or 0)
