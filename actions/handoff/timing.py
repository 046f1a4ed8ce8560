"""What time does to a case: it becomes late, its holder is reminded, its patient is asked, its replies leave.

Pure functions over a case and the time. `actions.handoff.queue` keeps when each case is next due and makes the change
stick, so that several gateways never do the same thing twice and a restart forgets nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from actions.handoff.case import MOST_ASKED, Case, CaseAct, CaseState, ReplyState
from actions.handoff.hours import ALWAYS, Hours
from careguard.verdict import Level

MOST_TIERS = 2
"""First the lead, then everybody who may be told; there is nobody above them."""


def _levels(emergency: float, urgent: float, other: float) -> Mapping[Level, float]:
    return MappingProxyType({Level.EMERGENCY: emergency, Level.URGENT: urgent, Level.NONE: other})


@dataclass(frozen=True, slots=True)
class Timing:
    """How long what may take, in seconds."""

    targets_s: Mapping[Level, float] = field(default_factory=lambda: _levels(120.0, 900.0, 14_400.0))
    """A case of each level should be claimed within."""
    holder_warned_after_s: float = 300.0
    """A holder who owes the patient a word for this long is reminded."""
    returned_after_s: float = 300.0
    """And this long after the reminder the case waits in the queue again."""
    asked_after_s: Mapping[Level, float] = field(default_factory=lambda: _levels(120.0, 900.0, 3600.0))
    """A waiting patient of each level is asked whether they are still all right; each further time after twice as
    long."""
    hours: Hours = ALWAYS
    """A case without a level becomes late only by the time in which somebody is there; the others by the clock."""
    silent_after_s: float = 120.0
    """The patient of an emergency who does not answer that for this long is marked as silent."""


def next_due(case: Case, timing: Timing) -> float | None:
    """Return when time will next do something to the case; None while it has nothing to do."""
    times = [reply.leaves_at for reply in case.under_way]
    if case.state is CaseState.WAITING:
        times.extend(filter(None, (_late_at(case, timing), _asked_at(case, timing), _silent_at(case, timing))))
    elif case.state is CaseState.CLAIMED:
        times.extend(filter(None, (_warned_at(case, timing), _returned_at(case, timing))))
    return min(times, default=None)


def pass_time(case: Case, now: float, timing: Timing) -> Case:
    """Return the case as it is at `now`, with an event for each thing that became due; itself when nothing did."""
    for reply in case.under_way:
        if reply.state is ReplyState.HELD and reply.leaves_at <= now:
            case = case.with_reply(replace(reply, state=ReplyState.LEAVING))
    if case.state is CaseState.CLAIMED:
        case = _remind_holder(case, now, timing)
    if case.state is CaseState.WAITING:
        case = _ask_patient(case, now, timing)
        case = _tell_late(case, now, timing)
    return case


def _remind_holder(case: Case, now: float, timing: Timing) -> Case:
    if _is_due(_returned_at(case, timing), now):
        return case.released().with_event(now, CaseAct.RETURNED, detail=case.claimed_by or "")
    if _is_due(_warned_at(case, timing), now):
        return replace(case, warned_at=now).with_event(now, CaseAct.HOLDER_WARNED, detail=case.claimed_by or "")
    return case


def _ask_patient(case: Case, now: float, timing: Timing) -> Case:
    if _is_due(_silent_at(case, timing), now):
        return replace(case, silent_since=now).with_event(now, CaseAct.SILENT)
    if _is_due(_asked_at(case, timing), now):
        asked = replace(case, asked_at=now, heard_at=now, times_asked=case.times_asked + 1)
        return asked.with_event(now, CaseAct.ASKED, detail=str(asked.times_asked))
    return case


def _tell_late(case: Case, now: float, timing: Timing) -> Case:
    passed = sum(1 for tier in range(1, MOST_TIERS + 1) if late_at(case, timing, tier) <= now)
    if passed <= case.late_tier:
        return case
    return replace(case, late_tier=passed).with_event(now, CaseAct.LATE, detail=str(passed))


def late_at(case: Case, timing: Timing, tier: int = 1) -> float:
    """Return when the target of the case has passed `tier` times."""
    seconds: float = timing.targets_s[case.level] * tier
    if case.level is not Level.NONE:
        return case.waiting_since + seconds
    return timing.hours.when_passed(case.waiting_since, seconds, country=case.country, team_id=case.team)


def _late_at(case: Case, timing: Timing) -> float | None:
    return None if case.late_tier >= MOST_TIERS else late_at(case, timing, case.late_tier + 1)


def _asked_at(case: Case, timing: Timing) -> float | None:
    if case.silent_since is not None or case.times_asked >= MOST_ASKED or _silent_at(case, timing) is not None:
        return None
    heard_at = case.waiting_since if case.heard_at is None else case.heard_at
    pause_s: float = timing.asked_after_s[case.level] * 2**case.times_asked
    return heard_at + pause_s


def _silent_at(case: Case, timing: Timing) -> float | None:
    if case.level is not Level.EMERGENCY or case.asked_at is None or case.silent_since is not None:
        return None
    return case.asked_at + timing.silent_after_s


def _warned_at(case: Case, timing: Timing) -> float | None:
    if case.unanswered_since is None or case.warned_at is not None:
        return None
    return case.unanswered_since + timing.holder_warned_after_s


def _returned_at(case: Case, timing: Timing) -> float | None:
    if case.unanswered_since is None or case.warned_at is None:
        return None
    return case.warned_at + timing.returned_after_s


def _is_due(at: float | None, now: float) -> bool:
    return at is not None and at <= now
