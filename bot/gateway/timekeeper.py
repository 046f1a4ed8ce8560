"""The timekeeper: lets time do to cases what it has to, and brings replies to patients once they may leave the desk.

Runs in every gateway. What is due stands in the store, and each change is one transaction there, so several gateways do
nothing twice and a restart forgets nothing.
"""

from __future__ import annotations

import asyncio
import logging

from redis.exceptions import RedisError

from actions.handoff.queue import CaseQueue
from bot.desk.outgoing import ReplyLine, send_leaving

log = logging.getLogger(__name__)

TICK_S = 1.0
UNREADABLE_S = 300.0
"""A case that cannot be read is tried again after this."""


class Timekeeper:
    """Watches the clock for all cases."""

    def __init__(self, queue: CaseQueue, line: ReplyLine, *, tick_s: float = TICK_S) -> None:
        self._queue = queue
        self._line = line
        self._tick_s = tick_s

    async def run(self) -> None:
        """Do what is due, once a second; runs until cancelled."""
        indexed = False
        while True:
            try:
                if not indexed:
                    await self._queue.index_due()
                    indexed = True
                await self.step()
            except Exception as error:  # whatever it is, time must go on for everybody else
                log.warning("the timekeeper tries again: %s", type(error).__name__)
            await asyncio.sleep(self._tick_s)

    async def step(self) -> None:
        """Do everything that is due now."""
        for case_id in await self._queue.due():
            try:
                case = await self._queue.pass_time(case_id)
            except (RedisError, OSError):
                raise
            except Exception as error:  # its words cannot be opened, say; the others must not wait for it
                log.warning("case %s: time cannot pass: %s", case_id, type(error).__name__)
                await self._queue.put_off(case_id, UNREADABLE_S)
                continue
            if case is not None:
                await send_leaving(self._queue, self._line, case)
