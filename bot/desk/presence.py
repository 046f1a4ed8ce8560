"""Who of the care team is there, and whether new cases may come to them.

Beside the pages, for routing: being there is having done something at the desk lately, and each person can say that
nothing new should come for now.

Key: `bedside:desk:presence`, a hash of staff id -> what the person chose.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import cast

from redis.asyncio import Redis

from bot.desk.session import SessionStore
from bot.desk.staff import Role, Staff

_KEY = "bedside:desk:presence"

TAKES_CASES = frozenset({Role.NURSE, Role.LEAD, Role.ADMIN})


class Presence(StrEnum):
    """Whether new cases may come to a person."""

    HERE = "here"
    BUSY = "busy"
    """At the desk, but nothing new for now."""
    AWAY = "away"
    """Not signed in, or idle so long that the desk has signed them out."""


class PresenceBoard:
    """Who is there, for everyone who asks."""

    def __init__(self, redis: Redis, sessions: SessionStore) -> None:
        self._redis = redis
        self._sessions = sessions

    async def choose(self, staff_id: str, presence: Presence) -> None:
        """From now on the person is shown so while signed in; `away` cannot be chosen, it is signing out."""
        if presence is Presence.BUSY:
            await self._redis.hset(_KEY, staff_id, presence.value)
        else:
            await self._redis.hdel(_KEY, staff_id)

    async def all(self) -> Mapping[str, Presence]:
        """Return the presence of everyone who is signed in, by staff id; whoever is missing is away."""
        chosen = cast("dict[str, str]", await self._redis.hgetall(_KEY))
        return {
            staff_id: Presence.BUSY if chosen.get(staff_id) == Presence.BUSY.value else Presence.HERE
            for staff_id in await self._sessions.here()
        }

    async def of(self, staff_id: str) -> Presence:
        """Return the presence of one person."""
        return (await self.all()).get(staff_id, Presence.AWAY)

    async def on_shift(self, staff: list[Staff]) -> list[Staff]:
        """Return those of the people to whom new cases may come now."""
        present = await self.all()
        return [
            person
            for person in staff
            if not person.disabled and person.role in TAKES_CASES and present.get(person.id) is Presence.HERE
        ]
