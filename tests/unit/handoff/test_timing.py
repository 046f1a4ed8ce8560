"""What time does to a case."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from actions.handoff.case import (
    MOST_ASKED,
    Case,
    CaseAct,
    CaseOpening,
    CaseReason,
    CaseState,
    OutgoingReply,
    ReplyState,
    open_from,
)
from actions.handoff.hours import Hours, Team
from actions.handoff.timing import MOST_TIERS, Timing, next_due, pass_time
from careguard.verdict import Level

TIMING = Timing()
MINUTE = 60.0


def waiting(level: Level = Level.NONE) -> Case:
    opening = CaseOpening("c1", "web", level, CaseReason.ASKED_FOR_PERSON, "m1")
    return open_from(opening, "K7", 0.0)


def acts(case: Case) -> list[CaseAct]:
    return [event.act for event in case.events]


@pytest.mark.parametrize(
    ("level", "target_s"), [(Level.EMERGENCY, 2 * MINUTE), (Level.URGENT, 15 * MINUTE), (Level.NONE, 240 * MINUTE)]
)
def test_an_unclaimed_case_is_told_to_the_next_tier_once_its_target_has_passed(level: Level, target_s: float) -> None:
    """Emergencies after 2 minutes, urgent cases after 15, others after 4 hours; and again after twice that."""
    case = waiting(level)
    assert CaseAct.LATE not in acts(pass_time(case, target_s - 1, TIMING))
    late = pass_time(case, target_s, TIMING)
    assert (late.events[-1].act, late.events[-1].detail, late.late_tier) == (CaseAct.LATE, "1", 1)
    assert acts(pass_time(late, target_s + 1, TIMING)).count(CaseAct.LATE) == 1
    later = pass_time(late, 2 * target_s, TIMING)
    assert later.late_tier == MOST_TIERS
    assert pass_time(later, 100 * target_s, TIMING).late_tier == MOST_TIERS


def test_after_a_long_standstill_the_highest_tier_is_told_at_once() -> None:
    """A gateway that was away for an hour does not begin at the bottom."""
    late = pass_time(waiting(Level.EMERGENCY), 60 * MINUTE, TIMING)
    assert [event.detail for event in late.events if event.act is CaseAct.LATE] == ["2"]


def test_a_holder_who_does_not_answer_is_reminded_and_then_loses_the_case() -> None:
    """The patient is not left with somebody who went home; the case keeps its place in line."""
    held = waiting(Level.URGENT).claimed("ana", 10.0)
    warned = pass_time(held, 10 + 5 * MINUTE, TIMING)
    assert (warned.events[-1].act, warned.events[-1].detail) == (CaseAct.HOLDER_WARNED, "ana")
    assert warned.claimed_by == "ana"
    back = pass_time(warned, 10 + 10 * MINUTE, TIMING)
    assert (back.state, back.claimed_by, back.waiting_since) == (CaseState.WAITING, None, 0.0)
    assert (back.events[-1].act, back.events[-1].detail) == (CaseAct.RETURNED, "ana")


def test_a_holder_who_answered_keeps_the_case_until_the_patient_writes_again() -> None:
    """Nothing is owed after an answer; a new message of the patient is owed one."""
    answered = replace(waiting().claimed("ana", 0.0), unanswered_since=None)
    assert next_due(answered, TIMING) is None
    assert pass_time(answered, 1e9, TIMING) is answered
    wrote = answered.heard(100.0)
    assert next_due(wrote, TIMING) == 100.0 + TIMING.holder_warned_after_s
    assert wrote.heard(200.0).unanswered_since == 100.0


def test_a_waiting_patient_is_asked_ever_more_rarely_and_then_left_in_peace() -> None:
    """Three times at most, each time after twice as long; whoever answers goes on being asked at the longest pause."""
    case, now, asked_at = waiting(Level.URGENT), 0.0, []
    while now < 10 * 3600:
        now += 30.0
        passed = pass_time(case, now, TIMING)
        if passed.times_asked > case.times_asked:
            asked_at.append(now / MINUTE)
        case = passed
    assert asked_at == [15, 15 + 30, 15 + 30 + 60]
    assert case.times_asked == MOST_ASKED
    assert case.silent_since is None
    heard = case.heard(now)
    assert pass_time(heard, now + 3599, TIMING).times_asked == MOST_ASKED - 1
    assert pass_time(heard, now + 3600, TIMING).times_asked == MOST_ASKED


def test_silence_in_an_emergency_is_marked_and_a_word_ends_it() -> None:
    """Whoever does not answer after an emergency sign may not be able to."""
    asked = pass_time(waiting(Level.EMERGENCY), 2 * MINUTE, TIMING)
    assert CaseAct.ASKED in acts(asked)
    silent = pass_time(asked, 4 * MINUTE, TIMING)
    assert silent.silent_since == 4 * MINUTE
    assert acts(silent).count(CaseAct.SILENT) == 1
    assert acts(pass_time(silent, 60 * MINUTE, TIMING)).count(CaseAct.SILENT) == 1
    assert silent.heard(5 * MINUTE).silent_since is None


def test_a_reply_leaves_at_its_time_whatever_the_case_is_doing() -> None:
    """Ten seconds to think again; then it goes, also from a case that was resolved meanwhile."""
    reply = OutgoingReply("r1", "ana", "Ana", "Hello", written_at=0.0, leaves_at=10.0)
    case = replace(waiting().with_reply(reply), state=CaseState.RESOLVED)
    assert next_due(case, TIMING) == 10.0
    assert pass_time(case, 9.0, TIMING).outgoing[0].state is ReplyState.HELD
    assert pass_time(case, 10.0, TIMING).outgoing[0].state is ReplyState.LEAVING


def test_a_case_is_due_when_the_first_thing_is() -> None:
    """Whoever watches the clock looks at no case too late."""
    assert next_due(waiting(Level.EMERGENCY), TIMING) == 2 * MINUTE
    assert next_due(waiting(Level.NONE), TIMING) == 60 * MINUTE
    assert next_due(waiting().claimed("ana", 7.0), TIMING) == 7.0 + 5 * MINUTE


def test_a_plain_question_is_not_late_because_the_night_passed_but_a_pressing_one_is() -> None:
    """Business hours count for what is routine; emergencies and urgent cases go by the clock."""
    week = (((8 * 60, 17 * 60),),) * 7
    timing = Timing(hours=Hours((Team("day", {}, ZoneInfo("UTC"), week),)))
    evening = 19 * 3600.0
    for level, late_at in ((Level.NONE, 24 * 3600 + 12 * 3600), (Level.URGENT, evening + 15 * MINUTE)):
        case = replace(waiting(level), waiting_since=evening, times_asked=MOST_ASKED)
        assert next_due(case, timing) == late_at
        assert pass_time(case, late_at - 1, timing).late_tier == 0
        assert pass_time(case, late_at, timing).late_tier == 1
