"""Brings replies of the care team to their patients once they may no longer be taken back.

Used by the timekeeper when ten seconds are over, and by the desk when a case is closed before.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Protocol

from actions.handoff.case import Case, OutgoingReply, ReplyState
from actions.handoff.errors import CaseNotFoundError
from actions.handoff.queue import CaseQueue
from bot.errors import ConversationError

_log = logging.getLogger(__name__)


class ReplyLine(Protocol):
    """The way of a finished reply to its patient."""

    async def send_outgoing(self, case: Case, reply: OutgoingReply) -> None:
        """The reply is in the patient's chat; the same one is sent once.

        Raises:
            ConversationError: There is no chat any more.
        """


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
            _log.warning("case %s: a reply waits to be sent: %s", case.id, type(error).__name__)
            arrived = False
            continue
        with contextlib.suppress(CaseNotFoundError):
            await queue.reply_left(case.id, reply.id)
    return arrived
