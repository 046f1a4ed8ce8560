"""Keeps conversations in Redis: appended to, never rewritten; asynchronous; forgotten after a while.

Rasa's own store reads, compares and rewrites the whole conversation twice a turn, blocking every patient meanwhile:
turn 500 costs a second. Here a turn costs two short round trips. One key per conversation holds the events of its
present session as a list of JSON texts; what came before is gone, only its slots are carried on.
"""

from __future__ import annotations

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from extensions.faster_rasa import do_repeated_work_once
from extensions.turn_failure import fails_the_turn, never_hide_a_failure
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    Event,
    SessionStarted,
    SlotSet,
    UserUttered,
    deserialise_events,
)
from rasa.shared.core.trackers import DialogueStateTracker
from redis.asyncio import Redis

logger = logging.getLogger(__name__)

KEY_PREFIX = "bedside:dialogue:"
SOCKET_TIMEOUT_S = 5
CACHED_CONVERSATIONS = 256

do_repeated_work_once()
never_hide_a_failure()


class AppendOnlyTrackerStore(TrackerStore):
    """The conversations of one single-worker Rasa process; nobody else writes its keys."""

    def __init__(
        self,
        domain: Domain,
        host: str = "redis://127.0.0.1:6379",
        event_broker: Any = None,
        ttl_s: Any = 86_400,
        roll_over_turns: Any = 40,
        **kwargs: Any,
    ) -> None:
        self.redis = Redis.from_url(
            host,
            decode_responses=True,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            health_check_interval=30,
        )
        self.ttl_s = int(ttl_s)
        self.roll_over_turns = int(roll_over_turns)
        self._cache: OrderedDict[str, DialogueStateTracker] = OrderedDict()
        super().__init__(domain, event_broker, **kwargs)

    @fails_the_turn
    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """Return the present session, or None; a conversation that cannot be read any more begins anew."""
        tracker = await self._read(sender_id)
        if tracker is not None and self._must_roll_over(tracker):
            return self._rolled_over(tracker)
        return tracker

    @fails_the_turn
    async def retrieve_full_tracker(self, conversation_id: str) -> DialogueStateTracker | None:
        """Return the same as `retrieve`: earlier sessions are not kept."""
        return await self._read(conversation_id)

    @fails_the_turn
    async def save(self, tracker: DialogueStateTracker) -> None:
        """Append the new events, or begin the list anew when one of them started a session."""
        events = list(tracker.events)
        stored = getattr(tracker, "stored_events", 0)
        start = _start_of_new_session(events, stored)
        fresh = events[stored:] if start is None else events[start:]
        if not fresh:
            return
        key = KEY_PREFIX + tracker.sender_id
        async with self.redis.pipeline(transaction=True) as pipe:
            if start is not None:
                pipe.delete(key)
            pipe.rpush(key, *(json.dumps(event.as_dict(), ensure_ascii=False) for event in fresh))
            pipe.expire(key, self.ttl_s)
            await pipe.execute()
        if self.event_broker is not None:
            await self._stream_new_events(self.event_broker, fresh, tracker.sender_id)
        tracker.stored_events = len(events)
        if not start:  # a tracker that still drags an old session along is read again instead
            self._remember(tracker)

    async def delete(self, sender_id: str) -> None:
        """Forget the conversation, here and in Redis."""
        self._cache.pop(sender_id, None)
        await self.redis.delete(KEY_PREFIX + sender_id)

    async def keys(self) -> Iterable[str]:
        """Return the ids of all conversations."""
        return [key[len(KEY_PREFIX) :] async for key in self.redis.scan_iter(match=KEY_PREFIX + "*", count=500)]

    async def _read(self, sender_id: str) -> DialogueStateTracker | None:
        # Taken out, and put back only after a successful save: a failed turn must not leave its traces.
        cached = self._cache.pop(sender_id, None)
        key = KEY_PREFIX + sender_id
        if cached is not None and await self.redis.llen(key) == cached.stored_events:
            return cached
        stored = await self.redis.lrange(key, 0, -1)
        if not stored:
            return None
        try:
            events = deserialise_events([json.loads(entry) for entry in stored])
            tracker = self.init_tracker(sender_id)
            for event in events:
                tracker.update(event, self.domain)
        except Exception as error:
            logger.exception("a stored conversation could not be read (%s); it begins anew", type(error).__name__)
            await self.redis.delete(key)
            return None
        tracker.stored_events = len(tracker.events)
        if tracker.stored_events != len(stored):  # events that this Rasa does not know were left out
            await self.redis.delete(key)
            tracker.stored_events = 0
        return tracker

    def _remember(self, tracker: DialogueStateTracker) -> None:
        self._cache[tracker.sender_id] = tracker
        self._cache.move_to_end(tracker.sender_id)
        if len(self._cache) > CACHED_CONVERSATIONS:
            self._cache.popitem(last=False)

    def _must_roll_over(self, tracker: DialogueStateTracker) -> bool:
        """Whether the session has grown so long that Rasa's rules, which look at all of it, would get slow."""
        turns = [event for event in tracker.events if isinstance(event, UserUttered)]
        if len(turns) < self.roll_over_turns or tracker.active_loop_name is not None:
            return False
        # An expired session is Rasa's to end, so that the patient is welcomed back.
        minutes = self.domain.session_config.session_expiration_time
        return not minutes or time.time() - turns[-1].timestamp <= minutes * 60

    def _rolled_over(self, tracker: DialogueStateTracker) -> DialogueStateTracker:
        """Return the conversation as if it had just begun, with every slot as it is."""
        beginning = self.init_tracker(tracker.sender_id)
        values = {slot.name: slot.value for slot in self.domain.slots}
        carried: list[Event] = [
            SlotSet(name, slot.value) for name, slot in tracker.slots.items() if slot.value != values.get(name)
        ]
        for event in (
            ActionExecuted(ACTION_SESSION_START_NAME),
            SessionStarted(),
            *carried,
            ActionExecuted(ACTION_LISTEN_NAME),
        ):
            beginning.update(event, self.domain)
        beginning.stored_events = 0
        return beginning


def _start_of_new_session(events: list[Event], stored: int) -> int | None:
    """Return where the last session that is not stored yet begins, or None when the stored one goes on."""
    for index in range(len(events) - 1, stored - 1, -1):
        event = events[index]
        if isinstance(event, ActionExecuted) and event.action_name == ACTION_SESSION_START_NAME:
            return index
    return None
