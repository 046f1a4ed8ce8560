"""Tellers: each group of them reads every notice of the case queue and passes it on, one group for each way of telling.

A notice stays with its group until it was told, so a teller that was killed, or a receiver that was away, loses none.
Several gateways share a group: each notice is told by one of them.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from actions.handoff.queue import CaseNotice, CaseQueue

log = logging.getLogger(__name__)

WAIT_S = 1.0
AGAIN_AFTER_S = 60.0
"""A notice that was taken and not told by then comes to another teller; longer than one telling may take."""
AWAY_S = 1.0


@dataclass
class Teller:
    """Passes the notices of one group on."""

    queue: CaseQueue
    group: str
    tell: Callable[[CaseNotice], Awaitable[None]]
    """Tells one notice; whatever it raises, the notice comes again."""
    again_after_s: float = AGAIN_AFTER_S
    name: str = field(default_factory=lambda: secrets.token_hex(4))

    async def run(self) -> None:
        """Tell what comes and what an earlier process left; runs until cancelled."""
        while True:
            try:
                await self.queue.join_notices(self.group)
                while True:
                    await self.step()
            except Exception as error:  # the store is away, say; the notices wait there
                log.warning("notices for %s wait: %s", self.group, type(error).__name__)
                await asyncio.sleep(AWAY_S)

    async def step(self, *, wait_s: float = WAIT_S) -> int:
        """Return how many notices were told now."""
        told = 0
        for notice in await self.queue.next_notices(
            self.group, self.name, wait_s=wait_s, again_after_s=self.again_after_s
        ):
            try:
                await self.tell(notice)
            except (RedisError, OSError):
                raise
            except Exception as error:  # one notice that cannot be told must not keep the others
                log.warning("a notice for %s was not told and comes again: %s", self.group, type(error).__name__)
                continue
            await self.queue.notice_done(self.group, notice.id)
            told += 1
        return told
