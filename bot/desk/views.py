"""What a person wants to see of the queue: filters, search, and views saved by name.

Before the queue's page. A view is its address, so it can be kept, shared and reloaded.

Keys, all under `bedside:desk:`:

    views:<staff id>     hash: name of a view -> its query
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast
from urllib.parse import urlencode

from redis.asyncio import Redis

from actions.handoff.case import Case
from bot.desk.staff import Staff
from careguard.verdict import Level

SHOWS = ("open", "unclaimed", "mine", "follow_up", "resolved")
MOST_VIEWS = 20
LONGEST_NAME = 40

_SEARCH = re.compile(r"[A-Za-z0-9_-]{1,32}")
_NAMES = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


@dataclass(frozen=True, slots=True)
class QueueView:
    """Which cases to show; an empty field means any."""

    show: str = "open"
    level: str = ""
    category: str = ""
    language: str = ""
    channel: str = ""
    holder: str = ""
    team: str = ""
    search: str = ""
    """A case id, or a tag."""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> QueueView:
        """Return the view of an address; what makes no sense in it is left out."""
        given = {field.name: query.get(field.name, "").strip() for field in fields(cls)}
        kept = {name: value for name, value in given.items() if _NAMES.fullmatch(value)}
        if kept.get("show") not in SHOWS:
            kept["show"] = "open"
        if kept.get("level", "") not in set(Level):
            kept.pop("level", None)
        if not _SEARCH.fullmatch(kept.get("search", "")):
            kept.pop("search", None)
        return cls(**kept)

    def query(self, **changes: Any) -> str:
        """Return the view, with some fields changed, as the query of an address."""
        changed = replace(self, **changes)
        shown = {field.name: getattr(changed, field.name) for field in fields(changed)}
        return urlencode({name: value for name, value in shown.items() if value and (name, value) != ("show", "open")})

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter or search leaves something out."""
        return any(getattr(self, field.name) for field in fields(self) if field.name != "show")

    def fits(self, case: Case) -> bool:
        """Return whether the case belongs to the view, whatever list it stands in."""
        pairs = (
            (self.level, case.level.value),
            (self.category, case.category or case.reason.value),
            (self.language, case.language),
            (self.channel, case.channel),
            (self.holder, case.claimed_by or "nobody"),
            (self.team, case.team or ""),
        )
        return all(not wanted or wanted == has for wanted, has in pairs) and self.finds(case)

    def finds(self, case: Case) -> bool:
        """Return whether the search finds the case."""
        wanted = self.search.casefold()
        return not wanted or case.id.casefold().startswith(wanted) or wanted in case.tags


class SavedViews:
    """The views that each person saved."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def of(self, staff_id: str) -> dict[str, str]:
        """Return the person's views by name, each with its query."""
        saved = cast("dict[str, str]", await self._redis.hgetall(_key(staff_id)))
        return dict(sorted(saved.items(), key=lambda view: view[0].casefold()))

    async def save(self, staff_id: str, name: str, view: QueueView) -> bool:
        """Return whether the view is kept under that name; it is not when the name is empty or there are too many."""
        name = " ".join(name.split())[:LONGEST_NAME]
        known = await self.of(staff_id)
        if not name or (len(known) >= MOST_VIEWS and name not in known):
            return False
        await self._redis.hset(_key(staff_id), name, view.query())
        return True

    async def remove(self, staff_id: str, name: str) -> None:
        """The person has no view of that name."""
        await self._redis.hdel(_key(staff_id), name)


@dataclass(frozen=True, slots=True)
class Offering:
    """To whom a case is offered first: those of its team who speak its language and know its kind."""

    speakers: Mapping[str, tuple[str, ...]]
    """Names of those who are there and hold fewer cases than they can, by language."""
    spoken: frozenset[str]
    """Every language that somebody of the care team speaks, there or not."""

    @classmethod
    def of(cls, accounts: Iterable[Staff], on_shift: Iterable[Staff], claimed: Iterable[Case]) -> Offering:
        """Return the offering among those who are there and have room for another case."""
        holds = Counter(case.claimed_by for case in claimed)
        speakers: dict[str, tuple[str, ...]] = {}
        for staff in on_shift:
            for tag in staff.languages if holds[staff.id] < staff.capacity else ():
                speakers[tag] = (*speakers.get(tag, ()), staff.name)
        return cls(speakers, frozenset(tag for staff in accounts if not staff.disabled for tag in staff.languages))

    def is_first(self, case: Case, staff: Staff) -> bool:
        """Return whether the case is offered to this person before others; emergencies and late ones are for all."""
        if case.level is Level.EMERGENCY or case.late_tier:
            return True
        if case.team and staff.teams and case.team not in staff.teams:
            return False
        return case.language in staff.languages or case.language not in self.speakers

    def ordered(self, cases: Sequence[Case], staff: Staff) -> list[Case]:
        """Return the cases by level; within a level what is offered to this person first, then the longest wait."""
        return sorted(
            cases,
            key=lambda case: (
                -case.level.rank,
                not self.is_first(case, staff),
                not (case.level is not Level.EMERGENCY and case.category is not None and case.category in staff.skills),
                case.waiting_since,
            ),
        )


def _key(staff_id: str) -> str:
    return f"bedside:desk:views:{staff_id}"
