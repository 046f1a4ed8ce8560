"""What every way of reaching the bot has in common, and the delivery of replies to channels that push.

The web pulls its events from the outbox by itself. A push channel gives a `deliver` function; this module calls it for
every event, in order, one conversation's events one at a time, and remembers how far it came.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Protocol

from redis.exceptions import RedisError

from bot.errors import ConversationError
from bot.gateway.background import Background
from bot.gateway.conversation import Conversation, ConversationStore
from bot.gateway.outbox import Event, Outbox

log = logging.getLogger(__name__)

SWEEP_S = 5.0
RETRY_S = 2.0


class NotDeliverableError(Exception):
    """The channel will never take this event (the patient blocked the bot, say); it is passed over."""


class ChannelAwayError(Exception):
    """The channel cannot be reached right now; the event will be tried again."""


class PushChannel(Protocol):
    """A channel to which replies must be brought."""

    prefix: str
    """What the ids of its conversations begin with, e.g. `t_`."""

    async def deliver(self, conversation: Conversation, event: Event) -> None:
        """Bring one event to the patient.

        Raises:
            NotDeliverableError: It will never be taken.
            ChannelAwayError: It must be tried again.
        """


class PushDelivery:
    """Brings the outbox of a push channel's conversations to their patients."""

    def __init__(
        self,
        outbox: Outbox,
        conversations: ConversationStore,
        background: Background,
        channel: PushChannel,
    ) -> None:
        self._outbox = outbox
        self._conversations = conversations
        self._background = background
        self._channel = channel
        self._busy: set[str] = set()

    async def run(self) -> None:
        """Deliver what is written from now on and what an earlier process left; runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._sweep())

    async def _listen(self) -> None:
        while True:
            try:
                async for _, conversation_id in self._outbox.departures():
                    self._wake(conversation_id)
            except (RedisError, OSError):
                await asyncio.sleep(RETRY_S)

    async def _sweep(self) -> None:
        while True:
            with contextlib.suppress(RedisError, OSError):
                for conversation_id in await self._outbox.undelivered():
                    self._wake(conversation_id)
            await asyncio.sleep(SWEEP_S)

    def _wake(self, conversation_id: str) -> None:
        if conversation_id.startswith(self._channel.prefix) and conversation_id not in self._busy:
            self._busy.add(conversation_id)
            self._background.start(self._bring(conversation_id), name="deliver")

    async def _bring(self, conversation_id: str) -> None:
        try:
            conversation = await self._conversations.load(conversation_id)
            after = await self._outbox.delivered_up_to(conversation_id)
            while events := await self._outbox.read(conversation_id, after):
                for event in events:
                    await self._bring_one(conversation, event)
                    after = event.id
                    await self._outbox.mark_delivered(conversation_id, after)
            await self._outbox.all_delivered(conversation_id)
        except ConversationError:
            await self._outbox.erase(conversation_id)
        except ChannelAwayError:
            log.warning("a channel is away; its replies wait")
            await asyncio.sleep(RETRY_S)
        except (RedisError, OSError) as error:
            log.warning("delivery will be tried again: %s", type(error).__name__)
        finally:
            self._busy.discard(conversation_id)

    async def _bring_one(self, conversation: Conversation, event: Event) -> None:
        try:
            await self._channel.deliver(conversation, event)
        except NotDeliverableError as error:
            log.warning("a reply could not be delivered and was passed over")
            reason = type(error.__cause__ or error).__name__
            await self._outbox.note_refused(conversation.id, event.id, reason)
