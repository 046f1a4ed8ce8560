"""A case: one handoff of one conversation to people, from waiting through claimed to resolved.

Stands between the turn, which opens cases, and the desk, which works on them. Everything here is a value; what may
happen to a case is a method that returns the changed case, and `actions.handoff.queue` makes the change stick.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from careguard.verdict import Level, Verdict


class CaseState(StrEnum):
    """Where a case stands."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    RESOLVED = "resolved"


class CaseReason(StrEnum):
    """Why a person is needed."""

    EMERGENCY = "emergency"
    CRISIS = "crisis"
    URGENT = "urgent"
    ASKED_FOR_PERSON = "asked_for_person"
    TWO_MISUNDERSTANDINGS = "two_misunderstandings"
    OWN_MEDICINE = "own_medicine"
    DECLINED_EMERGENCY = "declined_emergency"
    DIALOGUE_FAILED = "dialogue_failed"
    NO_REPLY = "no_reply"
    OTHER = "other"

    @classmethod
    def read(cls, name: str) -> CaseReason:
        """Return the reason of that name; `other` for an unknown name, because the case must open all the same."""
        try:
            return cls(name)
        except ValueError:
            return cls.OTHER


class Outcome(StrEnum):
    """How a case ended."""

    ANSWERED = "answered"
    SENT_TO_EMERGENCY = "sent_to_emergency"
    APPOINTMENT_MADE = "appointment_made"
    REFERRED = "referred"
    NO_REPLY_FROM_PATIENT = "no_reply_from_patient"
    NOTHING_NEEDED = "nothing_needed"
    LEFT_QUEUE = "left_queue"
    """The patient left the queue; never chosen at the desk."""


class CaseAct(StrEnum):
    """What happened to a case."""

    OPENED = "opened"
    RAISED = "raised"
    REASON_ADDED = "reason_added"
    CLAIMED = "claimed"
    RELEASED = "released"
    NOTE_ADDED = "note_added"
    REPLIED = "replied"
    LEFT = "left"
    RESOLVED = "resolved"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One thing that happened to a case; holds no words of the patient."""

    at: float
    act: CaseAct
    by: str | None = None
    """Staff id; None when the bot or the patient did it."""
    detail: str = ""
    """A reason, level or outcome by its name."""


@dataclass(frozen=True, slots=True)
class CaseNote:
    """What one of the care team wrote for the others; the patient never sees it."""

    at: float
    staff_id: str
    text: str


@dataclass(frozen=True, slots=True)
class CaseOpening:
    """Everything the turn knows when it asks for a person."""

    conversation_id: str
    channel: str
    """Name of the channel, e.g. `web` or `telegram`."""
    level: Level
    reason: CaseReason
    opened_by_message: str
    """Id of the message that caused it; the same id never opens a second case."""
    category: str | None = None
    rules: tuple[str, ...] = ()
    """Ids of the rules that fired."""
    matched: tuple[str, ...] = ()
    """The words that made each rule fire, in the order of `rules`."""
    language: str = "en"
    country: str | None = None
    summary: str = ""

    @classmethod
    def from_verdict(
        cls,
        verdict: Verdict,
        text: str,
        *,
        conversation_id: str,
        channel: str,
        reason: CaseReason,
        opened_by_message: str,
        language: str,
        country: str | None,
        summary: str = "",
    ) -> CaseOpening:
        """Return the opening for a verdict about `text`, with the matched words beside each rule."""
        return cls(
            conversation_id=conversation_id,
            channel=channel,
            level=verdict.level,
            reason=reason,
            opened_by_message=opened_by_message,
            category=verdict.category,
            rules=tuple(rule.id for rule in verdict.rules),
            matched=tuple(text[rule.start : rule.end] for rule in verdict.rules),
            language=language,
            country=country,
            summary=summary,
        )


@dataclass(frozen=True, slots=True)
class Case:
    """One handoff. Times are Unix seconds, UTC."""

    id: str
    conversation_id: str
    channel: str
    level: Level
    category: str | None
    reasons: tuple[CaseReason, ...]
    """Every reason, the one that set the level first."""
    language: str
    country: str | None
    opened_at: float
    waiting_since: float
    opened_by_message: str
    state: CaseState = CaseState.WAITING
    rules: tuple[str, ...] = ()
    matched: tuple[str, ...] = ()
    """The patient's words that made each rule fire, in the order of `rules`; encrypted at rest."""
    summary: str = ""
    """Encrypted at rest."""
    claimed_by: str | None = None
    """Staff id of the one holder."""
    claimed_at: float | None = None
    resolved_at: float | None = None
    outcome: Outcome | None = None
    notes: tuple[CaseNote, ...] = ()
    """Encrypted at rest."""
    events: tuple[CaseEvent, ...] = field(default=())

    @property
    def reason(self) -> CaseReason:
        """The reason that set the level."""
        return self.reasons[0]

    @property
    def is_open(self) -> bool:
        """Whether people still have to do with it."""
        return self.state is not CaseState.RESOLVED

    @property
    def fired(self) -> tuple[tuple[str, str], ...]:
        """Each rule with the words that made it fire; empty words where they are not known."""
        words = self.matched + ("",) * (len(self.rules) - len(self.matched))
        return tuple(zip(self.rules, words, strict=False))

    def with_event(self, at: float, act: CaseAct, *, by: str | None = None, detail: str = "") -> Case:
        """Return the case with one more event at its end."""
        return replace(self, events=(*self.events, CaseEvent(at=at, act=act, by=by, detail=detail)))

    def joined_by(self, opening: CaseOpening, at: float) -> Case:
        """Return the case after another message asked for a person.

        The level only rises, and with it the category; the reason is added, and leads when it raised the level.
        """
        raised = opening.level.rank > self.level.rank
        new_reason = opening.reason not in self.reasons
        others = tuple(reason for reason in self.reasons if reason is not opening.reason)
        rules, matched = _merge_rules(self, opening)
        joined = replace(
            self,
            level=opening.level if raised else self.level,
            category=(opening.category or self.category) if raised else (self.category or opening.category),
            reasons=(opening.reason, *others) if raised else (*self.reasons, *([opening.reason] if new_reason else [])),
            rules=rules,
            matched=matched,
            summary=opening.summary or self.summary,
        )
        if raised:
            return joined.with_event(at, CaseAct.RAISED, detail=opening.level.value)
        if new_reason:
            return joined.with_event(at, CaseAct.REASON_ADDED, detail=opening.reason.value)
        return joined

    def as_json(self) -> dict[str, Any]:
        """Return the case as plain JSON values, patient words included."""
        return {
            "id": self.id,
            "conversation_id": self.conversation_id,
            "channel": self.channel,
            "level": self.level.value,
            "category": self.category,
            "reasons": [reason.value for reason in self.reasons],
            "language": self.language,
            "country": self.country,
            "opened_at": self.opened_at,
            "waiting_since": self.waiting_since,
            "opened_by_message": self.opened_by_message,
            "state": self.state.value,
            "rules": list(self.rules),
            "matched": list(self.matched),
            "summary": self.summary,
            "claimed_by": self.claimed_by,
            "claimed_at": self.claimed_at,
            "resolved_at": self.resolved_at,
            "outcome": self.outcome.value if self.outcome else None,
            "notes": [{"at": note.at, "staff_id": note.staff_id, "text": note.text} for note in self.notes],
            "events": [
                {"at": event.at, "act": event.act.value, "by": event.by, "detail": event.detail}
                for event in self.events
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Case:
        """Return the case that `as_json` wrote.

        Raises:
            KeyError, ValueError: the data is not a case.
        """
        return cls(
            id=data["id"],
            conversation_id=data["conversation_id"],
            channel=data["channel"],
            level=Level(data["level"]),
            category=data["category"],
            reasons=tuple(CaseReason(name) for name in data["reasons"]),
            language=data["language"],
            country=data["country"],
            opened_at=data["opened_at"],
            waiting_since=data["waiting_since"],
            opened_by_message=data["opened_by_message"],
            state=CaseState(data["state"]),
            rules=tuple(data["rules"]),
            matched=tuple(data["matched"]),
            summary=data["summary"],
            claimed_by=data["claimed_by"],
            claimed_at=data["claimed_at"],
            resolved_at=data["resolved_at"],
            outcome=Outcome(data["outcome"]) if data["outcome"] else None,
            notes=tuple(CaseNote(**note) for note in data["notes"]),
            events=tuple(
                CaseEvent(at=event["at"], act=CaseAct(event["act"]), by=event["by"], detail=event["detail"])
                for event in data["events"]
            ),
        )


def open_from(opening: CaseOpening, case_id: str, at: float) -> Case:
    """Return a new waiting case."""
    rules, matched = _pair(opening.rules, opening.matched)
    return Case(
        id=case_id,
        conversation_id=opening.conversation_id,
        channel=opening.channel,
        level=opening.level,
        category=opening.category,
        reasons=(opening.reason,),
        language=opening.language,
        country=opening.country,
        opened_at=at,
        waiting_since=at,
        opened_by_message=opening.opened_by_message,
        rules=rules,
        matched=matched,
        summary=opening.summary,
    ).with_event(at, CaseAct.OPENED, detail=opening.reason.value)


def _merge_rules(case: Case, opening: CaseOpening) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return _pair((*case.rules, *opening.rules), (*_padded(case.matched, len(case.rules)), *opening.matched))


def _pair(rules: Iterable[str], matched: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Each rule with its words once, in the order of first appearance."""
    rules = tuple(rules)
    pairs = dict.fromkeys(zip(rules, _padded(matched, len(rules)), strict=True))
    return tuple(rule for rule, _ in pairs), tuple(words for _, words in pairs)


def _padded(matched: tuple[str, ...], length: int) -> tuple[str, ...]:
    return (matched + ("",) * length)[:length]
