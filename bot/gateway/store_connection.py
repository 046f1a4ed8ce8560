"""Connections to the store that do not lose the end of a task.

Below every command of the gateway. Until Python 3.12 `asyncio.wait_for`, by which the store's client sends, forgets a
cancellation that comes while the last of its work is done (python/cpython#86296): the task then runs on for ever, an
answer that was stopped is written on, and the gateway does not end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from redis.asyncio import Connection, Redis

if TYPE_CHECKING:
    _Connection = Connection
else:
    _Connection = object


def heeding_ends(redis: Redis) -> None:
    """From now on this client's new connections, of whatever kind, end a task that was cancelled while they sent."""
    pool = redis.connection_pool
    pool.connection_class = type("HeedingConnection", (_HeedsEnds, pool.connection_class), {})


class _HeedsEnds(_Connection):
    """Stands before the kind of connection that the address asks for."""

    async def send_packed_command(self, *args: Any, **options: Any) -> None:
        """Send; a cancellation that came meanwhile is raised."""
        task = asyncio.current_task()
        # Work that cleans up after an earlier cancellation goes on.
        before = task.cancelling() if task is not None else 0
        await super().send_packed_command(*args, **options)
        if task is not None and task.cancelling() > before:
            await self.disconnect(nowait=True)  # nobody will read the answer
            raise asyncio.CancelledError
