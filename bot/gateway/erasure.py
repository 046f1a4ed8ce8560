"""Erase means erased: everything kept about a conversation goes, in every store, before the patient is told so."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from bot.errors import DialogueError
from bot.gateway.conversation import Conversation
from bot.gateway.services import Services
from careguard.episode import CALM


async def erase_conversation(services: Services, conversation: Conversation) -> int:
    """Delete the words, answers, cases and tracker of the conversation; return how many keys went.

    The bare conversation (language, token) stays, so that the patient can read the receipt and go on.
    """
    await services.answers.call_off(conversation.id)
    deleted = await services.outbox.erase(conversation.id)
    deleted += await services.transcript.erase(conversation.id)
    deleted += await services.cases.erase(conversation.id)
    deleted += await services.deciding.erase(conversation.id)
    deleted += await services.conversations.void_ticket(conversation.id)
    deleted += await services.gaps.erase(conversation.id)
    deleted += await services.ratings.erase(conversation.id)
    with contextlib.suppress(DialogueError):  # the tracker also expires by itself
        await services.dialogue.forget(conversation.id)
        deleted += 1
    await services.conversations.save(
        replace(
            conversation,
            consent="",
            consented_at=None,
            episode=CALM,
            last_citations=(),
            last_passages={},
            last_answered="",
            offered={},
        )
    )
    return deleted
