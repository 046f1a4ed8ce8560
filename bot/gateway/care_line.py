"""The care team's way to a patient: what the desk says goes through the same outbox as everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from actions.handoff.case import Case
from bot.errors import ConversationError, DialogueError
from bot.gateway.conversation import Conversation
from bot.gateway.escalation import tell_case
from bot.gateway.message import Author, Reply, ReplyKind
from bot.gateway.rasa_client import DialogueTurn, InjectedIntent
from bot.gateway.services import Services
from bot.gateway.speech import say, send
from careguard.episode import resolve_episode


@dataclass(frozen=True, slots=True)
class CareLine:
    """Implements the desk's `PatientLine`."""

    services: Services

    async def send_human_reply(self, case: Case, text: str, staff_name: str, *, reply_id: str) -> None:
        """Send a person's words into the patient's chat, marked as a person's; the same `reply_id` is sent once."""
        conversation = await self.services.conversations.load(case.conversation_id)
        reply = Reply(
            id=f"{case.id}.human.{reply_id}",
            reply_to=None,
            kind=ReplyKind.HUMAN,
            author=Author.HUMAN,
            language=conversation.language,
            text=text,
            case_id=case.id,
            extra={"person_name": staff_name},
        )
        await send(self.services, conversation, reply, staff_name=staff_name)

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
