"""What is kept about one patient: given out on request, and erased on request."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bot.gateway.erasure import erase_conversation
from bot.gateway.services import Services


async def export_record(services: Services, conversation_id: str) -> dict[str, Any]:
    """Return everything kept about the conversation, in clear, for the patient it belongs to.

    Raises:
        ConversationError: It does not exist or has expired.
    """
    conversation = await services.conversations.load(conversation_id)
    cases = await services.cases.cases_of(conversation_id)
    entries = await services.transcript.read(conversation_id)
    gaps = await services.gaps.of(conversation_id)
    secret = {"token_hash", "address", "episode"}
    return {
        "conversation": {key: value for key, value in asdict(conversation).items() if key not in secret}
        | {"episode": conversation.episode.as_json()},
        "messages": [entry.as_json() for entry in entries],
        "cases": [case.as_json() for case in cases],
        "questions_kept_for_clinicians": [{**asdict(gap), "kind": gap.kind.value} for gap in gaps],
    }


async def erase_record(services: Services, conversation_id: str) -> int:
    """Delete everything kept about the conversation, itself included; return how many keys went.

    Raises:
        ConversationError: It does not exist or has expired.
    """
    deleted = await erase_conversation(services, await services.conversations.load(conversation_id))
    deleted += await services.inbox.erase(conversation_id)
    return deleted + await services.conversations.erase(conversation_id)
