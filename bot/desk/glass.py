"""Breaking the glass: seeing a case outside one's role or team, for a reason that the lead reads.

Beside the gate. Nobody is kept from a patient in need by a table of roles; but whoever goes past it says why, for one
case and one hour, in the audit log and on the lead's page.

Keys, all under `bedside:desk:`:

    glass:<staff>:<case>    that the person may see the case; expires
    glass                   list: who, when, which case and why, the newest first; the person's own words are sealed
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from redis.asyncio import Redis

from actions.errors import VaultError
from actions.vault import Vault

_PREFIX = "bedside:desk:"
_LIST = _PREFIX + "glass"

LASTS_S = 3600
_KEPT = 1000
KEEP_S = 30 * 86_400
LONGEST_WORDS = 300


class GlassReason(StrEnum):
    """Why somebody needs to see a case that is not theirs."""

    PATIENT_IN_DANGER = "patient_in_danger"
    COLLEAGUE_AWAY = "colleague_away"
    ASKED_BY_LEAD = "asked_by_lead"
    SAFETY_REVIEW = "safety_review"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class BrokenGlass:
    """One time that somebody broke the glass."""

    at: float
    staff_id: str
    case_id: str
    reason: GlassReason
    words: str


class GlassBox:
    """Every broken glass of one installation."""

    def __init__(self, redis: Redis, vault: Vault, *, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._vault = vault
        self._clock = clock

    async def break_for(self, staff_id: str, case_id: str, reason: GlassReason, words: str) -> None:
        """The person may see the case for an hour, and the lead reads why."""
        line = {"at": self._clock(), "staff_id": staff_id, "case_id": case_id, "reason": reason.value}
        sealed = self._vault.seal(words[:LONGEST_WORDS])
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.lpush(_LIST, json.dumps(line | {"sealed": sealed}))
            pipe.ltrim(_LIST, 0, _KEPT - 1)
            pipe.set(_key(staff_id, case_id), reason.value, ex=LASTS_S)
            await pipe.execute()

    async def is_broken(self, staff_id: str, case_id: str) -> bool:
        """Return whether the person broke the glass of this case in the last hour."""
        return bool(await self._redis.exists(_key(staff_id, case_id)))

    async def recent(self, since: float | None = None) -> list[BrokenGlass]:
        """Return each time since then, the newest first; at most of the last 30 days."""
        oldest = max(since or 0.0, self._clock() - KEEP_S)
        found = []
        for line in cast("list[str]", await self._redis.lrange(_LIST, 0, _KEPT - 1)):
            data = json.loads(line)
            if data["at"] < oldest:
                break
            found.append(
                BrokenGlass(
                    data["at"],
                    data["staff_id"],
                    data["case_id"],
                    GlassReason(data["reason"]),
                    self._words(data["sealed"]),
                )
            )
        return found

    def _words(self, sealed: str) -> str:
        try:
            return self._vault.open(sealed)
        except VaultError:
            return ""


def _key(staff_id: str, case_id: str) -> str:
    return f"{_PREFIX}glass:{staff_id}:{case_id}"
