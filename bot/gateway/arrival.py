"""A message arrives, on whatever channel: a red flag in it takes the right of way, then the inbox stores it."""

from __future__ import annotations

from bot.gateway.inbox import Accepted
from bot.gateway.message import PatientMessage
from bot.gateway.right_of_way import going_first
from bot.gateway.services import Services
from careguard.screen import screen
from careguard.verdict import Decision


async def accept(services: Services, message: PatientMessage, *, client_message_id: str) -> Accepted:
    """Store the message, or find it stored; when this returns, it will be answered.

    Raises:
        InboxFullError: More than the allowed number of this patient's messages wait.
        RedisError: The store failed; nothing is promised.
    """
    if screen(message.text, services.rulebook).decision is not Decision.ESCALATE:
        return await services.inbox.accept(message, client_message_id=client_message_id)
    services.right_of_way.take(message.id)
    kept = False
    try:
        with going_first():  # the turn is started inside, so it goes first as well
            accepted = await services.inbox.accept(message, client_message_id=client_message_id)
        kept = accepted.is_new
        return accepted
    finally:
        if not kept:
            services.right_of_way.leave(message.id)
