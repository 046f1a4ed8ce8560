"""The timekeeper: lets time do to cases what it has to, and brings replies to patients once they may leave the desk.

Runs in every gateway. What is due stands in the store, and each change is one transaction there, so several gateways do
nothing twice and a restart forgets nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Protocol

from redis.exceptions import RedisError

from actions.errors import ActionsError
from actions.handoff.case import Case, OutgoingReply, ReplyState
from actions.handoff.errors import CaseNotFoundError
from actions.handoff.queue import CaseQueue
from bot.errors import ConversationError

log = logging.getLogger(__name__)

TICK_S = 1.0


class ReplyLine(Protocol):
    """The way of a finished reply to its patient."""

    async def send_outgoing(self, case: Case, reply: OutgoingReply) -> None:
        """The reply is in the patient's chat; the same one is sent once.

        Raises:
            ConversationError: There is no chat any more.
        """


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
            except (RedisError, OSError, ActionsError) as error:
                log.warning("the timekeeper tries again: %s", type(error).__name__)
            await asyncio.sleep(self._tick_s)

    async def step(self) -> None:
        """Do everything that is due now."""
        for case_id in await self._queue.due():
            try:
                case = await self._queue.pass_time(case_id)
            except ActionsError as error:  # its words cannot be opened, say; the others must not wait for it
                log.warning("case %s: time cannot pass: %s", case_id, type(error).__name__)
                continue
            if case is not None:
                await send_leaving(self._queue, self._line, case)


async def send_leaving(queue: CaseQueue, line: ReplyLine, case: Case) -> bool:
    """Bring the replies that may no longer be taken back to the patient; return whether all of them arrived.

    What could not be brought stays due and is tried again.
    """
    arrived = True
    for reply in case.outgoing:
        if reply.state is not ReplyState.LEAVING:
            continue
        try:
            await line.send_outgoing(case, reply)
        except ConversationError:
            arrived = False
            with contextlib.suppress(CaseNotFoundError):
                await queue.reply_left(case.id, reply.id, failed=True)
            continue
        except Exception as error:  # its kind only: the message may hold words
            log.warning("case %s: a reply waits to be sent: %s", case.id, type(error).__name__)
            arrived = False
            continue
        with contextlib.suppress(CaseNotFoundError):
            await queue.reply_left(case.id, reply.id)
    return arrived
