"""Screening inside the gateway: first on the line, and again in the look-ahead while a turn is busy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from actions.transcript import EntryAuthor, TranscriptEntry
from bot.gateway.message import MessageKind, PatientMessage
from bot.gateway.services import Services
from careguard.rails import screen_message
from careguard.screen import screen
from careguard.verdict import ALLOWED, Decision, Level, Verdict

EPISODE_S = 3600
"""Messages of the last hour are read together: "my chest hurts" ... "and my jaw" add up."""

EARLIER_MESSAGES = 5

RECENT_ENTRIES = 20
"""How much of the transcript a turn reads; five messages of the patient are among them in any usual talk."""


async def screen_for(services: Services, message: PatientMessage, recent: Sequence[TranscriptEntry]) -> Verdict:
    """Return the verdict on a message, read together with what this patient wrote just before.

    Args:
        recent: The newest entries of the transcript, oldest first.
    """
    if not message.text.strip() or services.wording.button(message.text) is not None:
        return ALLOWED
    earlier = _earlier_messages(message, recent)
    verdict = screen(message.text, services.rulebook, earlier=earlier)
    if verdict.level is not Level.EMERGENCY:
        if verdict.decision is not Decision.ESCALATE:
            await services.right_of_way.give()
        # What is no emergency by its words waits for the guard and its meaning; an emergency waits for nothing.
        verdict = await asyncio.to_thread(
            screen_message,
            message.text,
            services.rulebook,
            earlier=earlier,
            wordings=verdict,
            meanings=services.meanings.reader,
            on_failed_meaning=services.meanings.count_failure,
        )
    services.metrics.verdicts.labels(verdict.decision.value, verdict.level.value).inc()
    if verdict.failed:
        services.metrics.failures.labels("screen").inc()
    return verdict


def _earlier_messages(message: PatientMessage, recent: Sequence[TranscriptEntry]) -> tuple[str, ...]:
    oldest = time.time() - EPISODE_S
    words = [
        entry.text
        for entry in recent
        if entry.author is EntryAuthor.PATIENT
        and entry.at >= oldest
        and entry.id != message.id
        and entry.kind == MessageKind.TEXT.value
    ]
    return tuple(words[-EARLIER_MESSAGES:])
