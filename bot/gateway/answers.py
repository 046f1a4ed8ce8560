"""Carries out orders: after dialogue has answered, outside the conversation's turn.

An order is kept until its answer is in the outbox, so a crash only delays it. Orders of one patient are answered one
after the other; a red flag, or the word "stop", calls them off.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

from bot.errors import AnswerError, ConversationError, DialogueError
from bot.gateway.answer_client import AnswerPart, FinishedAnswer
from bot.gateway.conversation import Conversation
from bot.gateway.gap_notes import note_unanswered
from bot.gateway.message import PatientMessage, QuickReply
from bot.gateway.rasa_client import DialogueTurn, InjectedIntent
from bot.gateway.services import Services
from bot.gateway.speech import say, say_answer
from bot.gateway.wording import listed

log = logging.getLogger(__name__)

CarryOut = Callable[[Services, Conversation, PatientMessage, list[dict[str, Any]]], Awaitable[Conversation]]

MOST_ATTEMPTS = 3
"""An order that broke the process this often gets the words for "not available" instead of another try."""

ANSWER_BUTTONS = ("simpler", "detail", "sources", "feedback:yes", "feedback:no", "person")
BESIDE_QUESTION = ("about", "facet", "choice", "may_ask")
"""Fields of an order that only some orders have, and that answering must know."""


class AnswerRunner:
    """Runs the orders of every conversation, each conversation's in line."""

    def __init__(self, carry_out: CarryOut) -> None:
        self._carry_out = carry_out
        self._lines: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: dict[str, dict[str, asyncio.Task[None]]] = defaultdict(dict)
        self._services: Services | None = None

    def connect(self, services: Services) -> None:
        """Take the services that include this runner."""
        self._services = services

    async def take(self, conversation_id: str, message_id: str, order: dict[str, Any]) -> None:
        """Keep the order and start on it."""
        services = self._connected()
        await services.inbox.place_order(conversation_id, message_id, order)
        self.start(conversation_id, message_id, order)

    def start(self, conversation_id: str, message_id: str, order: dict[str, Any]) -> None:
        """Start on a kept order; one that runs already is left alone."""
        running = self._running[conversation_id]
        if message_id in running:
            return
        task = self._connected().background.start(self._run(conversation_id, message_id, order), name="answer")
        running[message_id] = task
        task.add_done_callback(lambda _: self._forget(conversation_id, message_id))

    async def call_off(self, conversation_id: str) -> list[str]:
        """Stop the conversation's running answers and return the messages they would have answered."""
        services = self._connected()
        tasks = dict(self._running.get(conversation_id, {}))
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        for message_id in tasks:
            await services.inbox.close_order(conversation_id, message_id)
        return list(tasks)

    def is_busy(self, conversation_id: str) -> bool:
        """Return whether an order of this conversation is being carried out here."""
        return bool(self._running.get(conversation_id))

    async def _run(self, conversation_id: str, message_id: str, order: dict[str, Any]) -> None:
        services = self._connected()
        started = time.perf_counter()
        async with self._lines[conversation_id]:
            try:
                conversation = await services.conversations.load(conversation_id)
            except ConversationError:
                await services.inbox.close_order(conversation_id, message_id)
                return
            if await services.inbox.begin(conversation_id, f"{message_id}.order") > MOST_ATTEMPTS:
                await say(services, conversation, "unavailable", reply_to=message_id)
                outcome = "given_up"
            else:
                outcome = await self._answer(services, conversation, message_id, order)
            await services.inbox.close_order(conversation_id, message_id)
        services.metrics.answers.labels(outcome).inc()
        services.metrics.answer_seconds.observe(time.perf_counter() - started)
        await services.inbox.rest(conversation_id)

    async def _answer(
        self, services: Services, conversation: Conversation, message_id: str, order: dict[str, Any]
    ) -> str:
        try:
            answer = await self._stream(services, conversation, message_id, order)
        except (AnswerError, TimeoutError):
            services.metrics.failures.labels("answering").inc()
            await say(services, conversation, "unavailable", reply_to=message_id)
            return "failed"
        if answer.choices:
            await self._ask_which(services, conversation, message_id, order, answer)
            return "asked"
        if answer.abstained:
            await self._without_answer(services, conversation, message_id, order)
            await note_unanswered(services, conversation, message_id, order)
            return "abstained"
        await say_answer(
            services,
            conversation,
            reply_to=message_id,
            text=answer.text,
            sentences=answer.sentences,
            citations=answer.citations,
            reviewed=answer.reviewed,
            buttons=_buttons(services, conversation, order, answer),
            extra={**answer.extra, "reviewed": answer.reviewed},
        )
        latest = await services.conversations.load(conversation.id)
        await services.conversations.save(
            replace(
                latest,
                last_citations=tuple(asdict(citation) for citation in answer.citations),
                last_passages=answer.passages,
                last_answered=message_id,
                offered={offer.payload: offer.title for offer in answer.related},
            )
        )
        await self._write_back(services, conversation.id, answer)
        return "answered"

    async def _ask_which(
        self,
        services: Services,
        conversation: Conversation,
        message_id: str,
        order: dict[str, Any],
        answer: FinishedAnswer,
    ) -> None:
        """Ask which topic is meant, and let dialogue know what a tap or a typed choice will be about."""
        await say(
            services,
            conversation,
            "which_topic",
            reply_to=message_id,
            choices=tuple(QuickReply(offer.title, offer.payload) for offer in answer.choices),
            values={"topics": listed([offer.title for offer in answer.choices])},
        )
        latest = await services.conversations.load(conversation.id)
        offered = {offer.payload: offer.title for offer in answer.choices}
        await services.conversations.save(replace(latest, offered=offered))
        topics = [offer.payload.removeprefix("topic:") for offer in answer.choices]
        choice = {"question": order["question"], "topics": topics}
        with contextlib.suppress(DialogueError):  # a tap still tells its topic; only typed choices lose their question
            await services.dialogue.append_events(
                conversation.id, [{"event": "slot", "name": "choice", "value": choice}]
            )

    async def _stream(
        self, services: Services, conversation: Conversation, message_id: str, order: dict[str, Any]
    ) -> FinishedAnswer:
        request = {
            "question": order["question"],
            "topic": order.get("topic"),
            "style": order.get("style", "normal"),
            "language": conversation.language,
            "country": conversation.country,
            "message_id": message_id,
        }
        request |= {key: order[key] for key in BESIDE_QUESTION if key in order}
        typing = {"reply_to": message_id, "state": "on"}
        await services.outbox.send_event(conversation.id, f"{message_id}.typing", "typing", typing)
        await services.right_of_way.give()
        async with asyncio.timeout(services.settings.answer_budget_s):
            async for part in services.answering.answer(request):
                if isinstance(part, FinishedAnswer):
                    return part
                await self._send_part(services, conversation.id, message_id, part)
        raise AnswerError("answering broke off")

    async def _send_part(self, services: Services, conversation_id: str, message_id: str, part: AnswerPart) -> None:
        await services.outbox.send_part(conversation_id, message_id, part.index, part.sentence)

    async def _without_answer(
        self, services: Services, conversation: Conversation, message_id: str, order: dict[str, Any]
    ) -> None:
        """Let dialogue decide what to say when there is no reviewed answer: it counts misunderstandings."""
        fallback = str(order.get("if_no_answer") or "no_reviewed_answer")
        message = PatientMessage(id=message_id, conversation_id=conversation.id, text="")
        try:
            decided = await services.dialogue.turn(
                DialogueTurn(
                    conversation_id=conversation.id,
                    message_id=f"{message_id}.no_answer",
                    text="no answer found",
                    language=conversation.language,
                    country=conversation.country,
                    intent=InjectedIntent("no_answer_found", {"if_no_answer": fallback}),
                )
            )
            await self._carry_out(services, conversation, message, decided)
        except DialogueError:
            services.metrics.failures.labels("dialogue").inc()
            reply_id = fallback if fallback in services.wording.entries else "no_reviewed_answer"
            await say(services, conversation, reply_id, reply_to=message_id)

    async def _write_back(self, services: Services, conversation_id: str, answer: FinishedAnswer) -> None:
        events: list[dict[str, Any]] = [{"event": "bot", "text": answer.text, "metadata": {"kind": "answer"}}]
        if answer.topic is not None:
            events.append({"event": "slot", "name": "topic", "value": answer.topic})
        if answer.chosen is not None:
            events.append({"event": "slot", "name": "last_question", "value": answer.chosen["question"]})
            events.append({"event": "slot", "name": "about", "value": answer.chosen["topic"]})
        with contextlib.suppress(DialogueError):  # a follow-up loses its context; the answer itself stands
            await services.dialogue.append_events(conversation_id, events)

    def _forget(self, conversation_id: str, message_id: str) -> None:
        running = self._running.get(conversation_id, {})
        running.pop(message_id, None)
        if not running:
            self._running.pop(conversation_id, None)
            self._lines.pop(conversation_id, None)

    def _connected(self) -> Services:
        if self._services is None:
            raise RuntimeError("the answer runner was used before it was connected")
        return self._services


def _buttons(
    services: Services, conversation: Conversation, order: dict[str, Any], answer: FinishedAnswer
) -> tuple[QuickReply, ...]:
    """Return what can be tapped below an answer: not the style that it has already, and what may be asked next."""
    payloads = [payload for payload in ANSWER_BUTTONS if payload != order.get("style")]
    related = (QuickReply(offer.title, offer.payload) for offer in answer.related)
    return (*services.wording.quick_replies(payloads, conversation.language), *related)
