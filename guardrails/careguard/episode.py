"""One stretch of worry of one patient: its level only rises until a person, or the patient's explicit word, ends it.

Pure functions over a frozen value; who stores it is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from careguard.verdict import Level, Verdict

KEPT_MESSAGE_IDS = 50
"""More message ids than this are not kept; the oldest after the first go."""


ResolvedBy = Literal["human", "explicit"]
"""Who may end an episode. Nothing that a patient writes in passing is in this list."""


@dataclass(frozen=True, slots=True)
class Episode:
    """How pressing it has been since the episode was opened, and which messages made it so."""

    level: Level = Level.NONE
    category: str | None = None
    opened_at: datetime | None = None
    message_ids: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the episode as plain JSON data."""
        return {
            "level": self.level.value,
            "category": self.category,
            "opened_at": self.opened_at.isoformat() if self.opened_at else None,
            "message_ids": list(self.message_ids),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Episode:
        """Return the episode that `as_json` gave.

        Raises:
            ValueError: The level is unknown or the date is not one; a stored episode must not silently become calm.
            KeyError: A field is missing.
        """
        opened_at = data["opened_at"]
        return cls(
            level=Level(data["level"]),
            category=data["category"],
            opened_at=datetime.fromisoformat(opened_at) if opened_at else None,
            message_ids=tuple(data["message_ids"]),
        )


CALM = Episode()


def raise_episode(
    episode: Episode | None, verdict: Verdict, *, message_id: str | None = None, at: datetime | None = None
) -> Episode:
    """Return the episode after one more verdict: as high as before, or higher, never lower.

    The category follows the verdict only when the level rises. A verdict without a level changes nothing.

    Args:
        episode: The episode so far; None is a calm one.
        verdict: What screening decided about the message.
        message_id: The message, kept in the episode when it carried a level.
        at: When the message came, aware; now when left out.
    """
    episode = episode or CALM
    if verdict.level is Level.NONE:
        return episode
    message_ids = episode.message_ids
    if message_id is not None and message_id not in message_ids:
        message_ids = (*message_ids, message_id)
        if len(message_ids) > KEPT_MESSAGE_IDS:
            message_ids = (message_ids[0], *message_ids[-KEPT_MESSAGE_IDS + 1 :])
    rises = verdict.level.rank > episode.level.rank
    return replace(
        episode,
        level=verdict.level if rises else episode.level,
        category=verdict.category if rises else episode.category,
        opened_at=episode.opened_at or at or datetime.now(UTC),
        message_ids=message_ids,
    )


def resolve_episode(episode: Episode, *, by: ResolvedBy) -> Episode:
    """Return a calm episode; only a person or an explicit resolution may do this.

    Raises:
        ValueError: `by` is anybody else.
    """
    if by not in get_args(ResolvedBy):
        raise ValueError("an episode is resolved by human or explicit only")
    return CALM if episode.level is not Level.NONE else episode
