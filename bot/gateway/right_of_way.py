"""Right of way for red flags: while one is on its way through the gateway, ordinary work waits at its next step.

One process works for all patients in turns of a few milliseconds. Without this, an emergency would stand in line behind
a slice of every answer that is being made. Every command to the store is such a step.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from redis.asyncio import Redis

LONGEST_WAIT_S = 0.5
"""A red flag holds the others back this long at most, so that many of them at once cannot stop everybody else."""

_goes_first: ContextVar[bool] = ContextVar("goes_first", default=False)


@contextlib.contextmanager
def going_first() -> Iterator[None]:
    """Let what is done inside, and what is started inside, wait for nobody."""
    before = _goes_first.set(True)
    try:
        yield
    finally:
        _goes_first.reset(before)


class RightOfWay:
    """Knows which red flags are on their way."""

    def __init__(self) -> None:
        self._on_their_way: dict[str, asyncio.TimerHandle] = {}
        self._clear = asyncio.Event()
        self._clear.set()

    def take(self, message_id: str) -> None:
        """A message with a red flag has come in; it has the right of way until it leaves, and not for long."""
        end = asyncio.get_running_loop().call_later(LONGEST_WAIT_S, self.leave, message_id)
        self._on_their_way[message_id] = end
        self._clear.clear()

    def leave(self, message_id: str) -> None:
        """The message has been handled; anything else than a red flag was never on this list."""
        if (end := self._on_their_way.pop(message_id, None)) is not None:
            end.cancel()
        if not self._on_their_way:
            self._clear.set()

    async def give(self) -> None:
        """Wait until no red flag is on its way, unless this is work for one."""
        if not self._clear.is_set() and not _goes_first.get():
            await self._clear.wait()


class YieldingRedis(Redis):
    """A connection to the store whose ordinary commands let red flags go first."""

    right_of_way: RightOfWay | None = None
    """Set once, when the gateway's parts are built."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command, after any red flag that is on its way."""
        if self.right_of_way is not None:
            await self.right_of_way.give()
        return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
