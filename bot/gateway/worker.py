"""Works through the inbox: every patient's messages in order, one at a time; patients do not wait for each other.

A lease in the store, renewed while a turn runs, keeps two gateways off one conversation; it outlives a killed gateway
by a few seconds only. Work that a crash left behind is found by looking through the list of work.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError

from actions.errors import ActionsError
from bot.errors import ConversationError
from bot.gateway.services import Services
from bot.gateway.turn import handle_turn, look_ahead

log = logging.getLogger(__name__)

LEASE_S = 10.0
RENEW_S = 3.0
SWEEP_S = 2.0
RETRY_S = 0.5


class Worker:
    """Hands waiting messages to `handle_turn`."""

    def __init__(self, redis: Redis, services: Services) -> None:
        self._redis = redis
        self._services = services
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._woken_again: set[str] = set()
        self._looked_ahead: set[str] = set()
        self._leases: dict[str, Lock] = {}

    async def run(self) -> None:
        """Take what arrives here, look for left-over work, and keep the leases; runs until cancelled."""
        self._services.inbox.on_arrival = self.wake
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep())
            group.create_task(self._renew())

    def wake(self, conversation_id: str) -> None:
        """Start on a conversation's messages; while it is busy, look ahead for red flags instead."""
        start = self._services.background.start
        if conversation_id in self._busy:
            # The busy task may have seen an empty inbox already: it is started once more when it ends.
            self._woken_again.add(conversation_id)
            start(self._look_ahead(conversation_id), name="look ahead")
            return
        task = start(self._drain(conversation_id), name="turns")
        self._busy[conversation_id] = task
        task.add_done_callback(lambda _: self._drained(conversation_id))

    def _drained(self, conversation_id: str) -> None:
        self._busy.pop(conversation_id, None)
        if conversation_id in self._woken_again:
            self._woken_again.discard(conversation_id)
            self.wake(conversation_id)

    async def _sweep(self) -> None:
        while True:
            with contextlib.suppress(RedisError, OSError):
                for conversation_id in await self._services.inbox.conversations_with_work():
                    if conversation_id not in self._busy and not self._services.answers.is_busy(conversation_id):
                        self.wake(conversation_id)
            await asyncio.sleep(SWEEP_S)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            for lease in list(self._leases.values()):
                with contextlib.suppress(LockError, RedisError, OSError):
                    await lease.reacquire()

    async def _drain(self, conversation_id: str) -> None:
        """Handle every waiting message, then the orders that an earlier process left."""
        inbox = self._services.inbox
        try:
            async with self._lease(conversation_id) as held:
                if not held:  # another gateway is at it; its turn may be slow, a red flag must not be
                    await self._look_ahead(conversation_id)
                    return
                while waiting := await inbox.waiting(conversation_id):
                    try:
                        await handle_turn(waiting[0].message, self._services)
                    finally:
                        self._services.right_of_way.leave(waiting[0].message.id)
                    at_rest = await inbox.finish(conversation_id, waiting[0])
                    self._looked_ahead.discard(waiting[0].message.id)
                    if at_rest:
                        return
                for message_id, order in (await inbox.orders(conversation_id)).items():
                    self._services.answers.start(conversation_id, message_id, order)
            await inbox.rest(conversation_id)
        except (RedisError, OSError, ActionsError) as error:
            self._services.metrics.failures.labels("store").inc()
            log.warning("a turn will be tried again: %s", type(error).__name__)
            await asyncio.sleep(RETRY_S)

    async def _look_ahead(self, conversation_id: str) -> None:
        with contextlib.suppress(ConversationError, RedisError, ActionsError):
            for waiting in (await self._services.inbox.waiting(conversation_id, count=20))[1:]:
                if waiting.message.id not in self._looked_ahead:
                    self._looked_ahead.add(waiting.message.id)
                    await look_ahead(waiting.message, self._services)

    @contextlib.asynccontextmanager
    async def _lease(self, conversation_id: str) -> AsyncIterator[bool]:
        lease = Lock(self._redis, f"bedside:lease:{conversation_id}", timeout=LEASE_S, blocking=False)
        if not await lease.acquire():
            yield False
            return
        self._leases[conversation_id] = lease
        try:
            yield True
        finally:
            self._leases.pop(conversation_id, None)
            with contextlib.suppress(LockError, RedisError, OSError):
                await lease.release()
