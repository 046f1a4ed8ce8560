"""Right of way for red flags: while one is on its way through the gateway, ordinary work waits at its next step.

One process works for all patients in turns of a few milliseconds. Without this, an emergency would stand in line behind
a slice of every answer that is being made.
"""

from __future__ import annotations

import asyncio
import contextlib

LONGEST_WAIT_S = 0.5
"""Ordinary work waits this long at most, so that many red flags at once cannot stop everybody else."""


class RightOfWay:
    """Knows which red flags are on their way."""

    def __init__(self) -> None:
        self._on_their_way: set[str] = set()
        self._clear = asyncio.Event()
        self._clear.set()

    def take(self, message_id: str) -> None:
        """A message with a red flag has come in."""
        self._on_their_way.add(message_id)
        self._clear.clear()

    def leave(self, message_id: str) -> None:
        """The message has been handled; anything else than a red flag was never on this list."""
        self._on_their_way.discard(message_id)
        if not self._on_their_way:
            self._clear.set()

    async def give(self) -> None:
        """Wait until no red flag is on its way, but not for long."""
        if self._clear.is_set():
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WAIT_S):
                await self._clear.wait()
