"""What a rail decided: a typed value, never a bool.

Stands on the line wherever something may be stopped. Unknown, empty or crashed is *not allowed*: the default of every
construction that goes wrong is `failed_verdict()`, which refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Decision(StrEnum):
    """What must happen with the message or sentence."""

    ALLOW = "allow"
    ESCALATE = "escalate"
    REFUSE = "refuse"


class Level(StrEnum):
    """How soon a person is needed; ordered by `rank`."""

    NONE = "none"
    URGENT = "urgent"
    EMERGENCY = "emergency"

    @property
    def rank(self) -> int:
        """0 for none, 1 for urgent, 2 for emergency."""
        return _RANKS[self]


_RANKS = {Level.NONE: 0, Level.URGENT: 1, Level.EMERGENCY: 2}


def highest(*levels: Level) -> Level:
    """Return the most pressing of the levels; `none` when there are none."""
    return max(levels, key=lambda level: level.rank, default=Level.NONE)


@dataclass(frozen=True, slots=True)
class FiredRule:
    """One rule that fired, with the span of the original text (characters, end exclusive) that made it fire."""

    id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision of one rail about one text."""

    decision: Decision
    level: Level = Level.NONE
    category: str | None = None
    rules: tuple[FiredRule, ...] = ()
    say: str | None = None
    """Id of the approved reply that belongs to this verdict, if it has one of its own."""
    failed: bool = False
    """True when the rail itself broke; the decision is then `refuse`."""
    ask: str | None = None
    """Id of the reply that asks the patient for the one fact that decides; None when nothing is in doubt."""
    if_yes: Verdict | None = None
    """What holds when the answer is yes, or when there is none in time; never lower than this verdict."""

    def as_json(self, text: str | None = None) -> dict[str, Any]:
        """Return the verdict in the shape of the contract; with `text`, the matched words stand beside each span."""
        return {
            "decision": self.decision.value,
            "level": self.level.value,
            "category": self.category,
            "rules": [
                {"id": rule.id, "span": [rule.start, rule.end]}
                | ({"matched": text[rule.start : rule.end]} if text is not None else {})
                for rule in self.rules
            ],
            "failed": self.failed,
            "ask": self.ask,
        } | ({"if_yes": self.if_yes.as_json(text)} if self.if_yes is not None else {})


ALLOWED = Verdict(decision=Decision.ALLOW)


def failed_verdict() -> Verdict:
    """Return the verdict of a rail that broke: not allowed, and marked as failed."""
    return Verdict(decision=Decision.REFUSE, failed=True)
