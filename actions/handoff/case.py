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

MOST_ASKED = 3
"""A waiting patient who did not answer three times is left in peace, and stays in line."""


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
    WORSE_WHILE_WAITING = "worse_while_waiting"
    WROTE_AGAIN = "wrote_again"
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
    TRANSFERRED = "transferred"
    REOPENED = "reopened"
    LATE = "late"
    """Nobody claimed it in time; the detail is the tier that must look at it now."""
    HOLDER_WARNED = "holder_warned"
    RETURNED = "returned"
    """Its holder did not answer, so it waits in the queue again; the detail is the holder that was."""
    ASKED = "asked"
    """The waiting patient was asked whether they are still all right."""
    FINE = "fine"
    """The patient said that they are."""
    SILENT = "silent"
    """The patient of an emergency did not say so."""
    REPLY_HELD = "reply_held"
    REPLY_WITHDRAWN = "reply_withdrawn"
    TAGGED = "tagged"
    FOLLOW_UP = "follow_up"


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


class ReplyState(StrEnum):
    """Where a reply of the care team is on its way to the patient."""

    HELD = "held"
    """It can still be taken back."""
    LEAVING = "leaving"
    """It can no longer be taken back, and is not yet in the patient's chat."""
    STORED = "stored"
    """It is in the patient's chat."""
    FAILED = "failed"
    """There is no chat any more: the conversation ended meanwhile."""


@dataclass(frozen=True, slots=True)
class CitedSource:
    """A passage that a suggested reply rests on, as the patient is shown it."""

    id: str
    title: str
    url: str
    publisher: str = ""
    reviewed_on: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the source as plain JSON values."""
        return {name: getattr(self, name) for name in ("id", "title", "url", "publisher", "reviewed_on")}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A reply that the answering line proposed; nothing of it reaches the patient until a person sends it."""

    at: float
    text: str
    sources: tuple[CitedSource, ...] = ()


@dataclass(frozen=True, slots=True)
class OutgoingReply:
    """A reply that the holder sent off; it leaves the desk at `leaves_at` unless it is taken back before."""

    id: str
    staff_id: str
    staff_name: str
    text: str
    """Encrypted at rest; empty once the reply is in the patient's chat, whose transcript keeps it."""
    written_at: float
    leaves_at: float
    state: ReplyState = ReplyState.HELD
    suggested: bool = False
    """The answering line wrote it, and a person read it and sent it as it was."""
    sources: tuple[CitedSource, ...] = ()

    @property
    def is_under_way(self) -> bool:
        """Whether it still has to reach the patient's chat."""
        return self.state in (ReplyState.HELD, ReplyState.LEAVING)


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
    team: str | None = None
    """Id of the team it is for; None is every team."""
    tags: tuple[str, ...] = ()
    follow_up_on: str | None = None
    """ISO date on which somebody should ask how it went."""
    late_tier: int = 0
    """How often its target has passed without a claim since it began to wait."""
    unanswered_since: float | None = None
    """Since when the patient waits for a word of the holder; None while nobody holds it or all is answered."""
    warned_at: float | None = None
    """When the holder was reminded of it."""
    heard_at: float | None = None
    """When the waiting patient last wrote, or was last asked."""
    asked_at: float | None = None
    """When the patient was asked whether they are still all right; None once they wrote."""
    times_asked: int = 0
    silent_since: float | None = None
    """Since when the patient of an emergency has not answered that."""
    outgoing: tuple[OutgoingReply, ...] = ()
    """Encrypted at rest."""
    suggestion: Suggestion | None = None
    """Encrypted at rest."""

    @property
    def under_way(self) -> tuple[OutgoingReply, ...]:
        """The replies that have still to reach the patient."""
        return tuple(reply for reply in self.outgoing if reply.is_under_way)

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
            **_heard(at),
        )
        if raised:
            joined = replace(joined, late_tier=0)  # the target of the new level has not passed yet
            return joined.with_event(at, CaseAct.RAISED, detail=opening.level.value)
        if new_reason:
            return joined.with_event(at, CaseAct.REASON_ADDED, detail=opening.reason.value)
        return joined

    def reopened_by(self, opening: CaseOpening, at: float) -> Case:
        """Return the resolved case as waiting again, at the level of what the patient asks for now."""
        others = tuple(reason for reason in self.reasons if reason is not opening.reason)
        rules, matched = _merge_rules(self, opening)
        reopened = replace(
            self,
            state=CaseState.WAITING,
            level=opening.level,
            category=opening.category or self.category,
            reasons=(opening.reason, *others),
            language=opening.language,
            rules=rules,
            matched=matched,
            summary=opening.summary or self.summary,
            waiting_since=at,
            claimed_by=None,
            claimed_at=None,
            resolved_at=None,
            outcome=None,
            late_tier=0,
            times_asked=0,
            **_NOBODY_HOLDS,
            **_heard(at),
        )
        return reopened.with_event(at, CaseAct.REOPENED, detail=opening.reason.value)

    def claimed(self, staff_id: str, at: float) -> Case:
        """Return the case in the hands of that person, whose word the patient waits for."""
        return replace(
            self,
            state=CaseState.CLAIMED,
            claimed_by=staff_id,
            claimed_at=at,
            unanswered_since=at,
            warned_at=None,
            **_heard(at),
        )

    def released(self, *, team: str | None = None) -> Case:
        """Return the case as waiting again with its old place in line."""
        return replace(
            self,
            state=CaseState.WAITING,
            claimed_by=None,
            claimed_at=None,
            team=team if team is not None else self.team,
            **_NOBODY_HOLDS,
        )

    def heard(self, at: float) -> Case:
        """Return the case after its patient wrote: they are there, and whoever holds it owes them a word."""
        owed = self.unanswered_since
        if self.state is CaseState.CLAIMED and owed is None:
            owed = at
        # Whoever answers goes on being asked, at the longest pause; only who does not is left in peace.
        return replace(self, unanswered_since=owed, times_asked=min(self.times_asked, MOST_ASKED - 1), **_heard(at))

    def with_reply(self, reply: OutgoingReply) -> Case:
        """Return the case with that reply, in the place of an earlier version of the same id."""
        known = any(each.id == reply.id for each in self.outgoing)
        changed = tuple(reply if each.id == reply.id else each for each in self.outgoing)
        return replace(self, outgoing=changed if known else (*changed, reply))

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
            "team": self.team,
            "tags": list(self.tags),
            "follow_up_on": self.follow_up_on,
            "late_tier": self.late_tier,
            "unanswered_since": self.unanswered_since,
            "warned_at": self.warned_at,
            "heard_at": self.heard_at,
            "asked_at": self.asked_at,
            "times_asked": self.times_asked,
            "silent_since": self.silent_since,
            "outgoing": [_reply_as_json(reply) for reply in self.outgoing],
            "suggestion": _suggestion_as_json(self.suggestion),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Case:
        """Return the case that `as_json` wrote, of this version or an earlier one.

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
            team=data.get("team"),
            tags=tuple(data.get("tags", ())),
            follow_up_on=data.get("follow_up_on"),
            late_tier=data.get("late_tier", 0),
            unanswered_since=data.get("unanswered_since"),
            warned_at=data.get("warned_at"),
            heard_at=data.get("heard_at"),
            asked_at=data.get("asked_at"),
            times_asked=data.get("times_asked", 0),
            silent_since=data.get("silent_since"),
            outgoing=tuple(_reply_from_json(reply) for reply in data.get("outgoing", ())),
            suggestion=_suggestion_from_json(data.get("suggestion")),
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


_NOBODY_HOLDS: dict[str, Any] = {"unanswered_since": None, "warned_at": None}


def _heard(at: float) -> dict[str, Any]:
    return {"heard_at": at, "asked_at": None, "silent_since": None}


def _reply_as_json(reply: OutgoingReply) -> dict[str, Any]:
    return {
        "id": reply.id,
        "staff_id": reply.staff_id,
        "staff_name": reply.staff_name,
        "text": reply.text,
        "written_at": reply.written_at,
        "leaves_at": reply.leaves_at,
        "state": reply.state.value,
        "suggested": reply.suggested,
        "sources": [source.as_json() for source in reply.sources],
    }


def _reply_from_json(data: Mapping[str, Any]) -> OutgoingReply:
    sources = tuple(CitedSource(**source) for source in data["sources"])
    return OutgoingReply(**{**data, "state": ReplyState(data["state"]), "sources": sources})


def _suggestion_as_json(suggestion: Suggestion | None) -> dict[str, Any] | None:
    if suggestion is None:
        return None
    return {
        "at": suggestion.at,
        "text": suggestion.text,
        "sources": [source.as_json() for source in suggestion.sources],
    }


def _suggestion_from_json(data: Mapping[str, Any] | None) -> Suggestion | None:
    if data is None:
        return None
    return Suggestion(data["at"], data["text"], tuple(CitedSource(**source) for source in data["sources"]))
