"""One turn of a conversation at a time, first come first served, within this one process.

Rasa's Redis lock loses messages across workers, polls once a second, and leaks a ticket when the process dies.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from rasa.core.lock_store import LockError, LockStore


class InProcessLockStore(LockStore):
    """Locks that are there while somebody holds or awaits them, and gone afterwards."""

    def __init__(self, endpoint_config: Any = None, max_waiting: int = 20) -> None:
        options = getattr(endpoint_config, "kwargs", None) or {}
        self.max_waiting = int(options.get("max_waiting", max_waiting))
        self._locks: dict[str, asyncio.Lock] = {}
        self._inside: Counter = Counter()
        super().__init__()

    @asynccontextmanager
    async def lock(self, conversation_id: str, *_: Any, **__: Any) -> AsyncGenerator[None, None]:
        """Hold the conversation's lock; raises `LockError` at once when too many are already waiting."""
        if self._inside[conversation_id] > self.max_waiting:
            raise LockError("too many messages of one conversation are waiting")
        lock = self._locks.setdefault(conversation_id, asyncio.Lock())
        self._inside[conversation_id] += 1
        try:
            async with lock:
                yield None
        finally:
            self._inside[conversation_id] -= 1
            if not self._inside[conversation_id]:
                del self._inside[conversation_id]
                del self._locks[conversation_id]
