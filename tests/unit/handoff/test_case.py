"""A case as a value."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from actions.handoff.case import Case, CaseAct, CaseNote, CaseOpening, CaseReason, Outcome, open_from
from careguard.verdict import Decision, FiredRule, Level, Verdict


def opening(level: Level = Level.NONE, reason: CaseReason = CaseReason.ASKED_FOR_PERSON, **more: object) -> CaseOpening:
    fields: dict[str, object] = {"conversation_id": "c1", "channel": "web", "opened_by_message": "m1"} | more
    return CaseOpening(level=level, reason=reason, **fields)  # type: ignore[arg-type]


def test_a_case_survives_writing_and_reading() -> None:
    """Nothing of a case is lost on its way through JSON."""
    case = open_from(
        opening(Level.EMERGENCY, CaseReason.EMERGENCY, rules=("chest_pain",), matched=("pecho",), country="ES"),
        "K7",
        1.5,
    )
    case = case.with_event(2.0, CaseAct.NOTE_ADDED, by="s1")
    full = Case.from_json(
        case.as_json()
        | {
            "notes": [{"at": 2.0, "staff_id": "s1", "text": "¿llamó?"}],
            "outcome": "answered",
            "resolved_at": 3.0,
            "state": "resolved",
        }
    )
    assert full.notes == (CaseNote(2.0, "s1", "¿llamó?"),)
    assert full.outcome is Outcome.ANSWERED
    assert not full.is_open
    assert Case.from_json(json.loads(json.dumps(full.as_json()))) == full


def test_a_verdict_brings_its_rules_with_the_words_that_matched() -> None:
    """The nurse sees which words of the patient made which rule fire."""
    text = "my chest hurts"
    verdict = Verdict(Decision.ESCALATE, Level.EMERGENCY, "chest_pain", (FiredRule("chest_pain", 3, 14),))
    made = CaseOpening.from_verdict(
        verdict,
        text,
        conversation_id="c1",
        channel="web",
        reason=CaseReason.EMERGENCY,
        opened_by_message="m1",
        language="en",
        country="US",
    )
    assert open_from(made, "K7", 1.0).fired == (("chest_pain", "chest hurts"),)


def test_a_higher_level_raises_the_case_and_leads_its_reasons() -> None:
    """Someone who waits for a nurse and then names an emergency sign is an emergency."""
    case = open_from(opening(), "K7", 1.0)
    joined = case.joined_by(opening(Level.EMERGENCY, CaseReason.EMERGENCY, category="stroke"), 2.0)
    assert (joined.level, joined.category) == (Level.EMERGENCY, "stroke")
    assert joined.reason is CaseReason.EMERGENCY
    assert joined.reasons == (CaseReason.EMERGENCY, CaseReason.ASKED_FOR_PERSON)
    assert joined.waiting_since == case.waiting_since
    assert joined.events[-1].act is CaseAct.RAISED


def test_a_lower_level_adds_its_reason_and_lowers_nothing() -> None:
    """Minimising words never take an emergency back."""
    case = open_from(opening(Level.EMERGENCY, CaseReason.EMERGENCY, category="stroke"), "K7", 1.0)
    joined = case.joined_by(opening(Level.URGENT, CaseReason.URGENT, category="fever"), 2.0)
    assert (joined.level, joined.category, joined.reason) == (Level.EMERGENCY, "stroke", CaseReason.EMERGENCY)
    assert joined.reasons == (CaseReason.EMERGENCY, CaseReason.URGENT)
    assert joined.events[-1].act is CaseAct.REASON_ADDED


def test_the_same_reason_again_is_not_news() -> None:
    """A patient who asks for a person twice does not fill the case with events."""
    case = open_from(opening(), "K7", 1.0)
    assert case.joined_by(opening(opened_by_message="m2"), 2.0).events == case.events


def test_a_rule_is_named_once_with_each_of_its_words() -> None:
    """The same rule with other words is kept beside the first; the same words are not repeated."""
    case = open_from(opening(rules=("a", "b"), matched=("x",)), "K7", 1.0)
    joined = case.joined_by(opening(rules=("a", "a"), matched=("x", "y")), 2.0)
    assert joined.fired == (("a", "x"), ("b", ""), ("a", "y"))


def test_an_unknown_reason_still_opens_a_case() -> None:
    """A reason that the dialogue invents is `other`, never an error."""
    assert CaseReason.read("crisis") is CaseReason.CRISIS
    assert CaseReason.read("no such reason") is CaseReason.OTHER


@given(st.lists(st.sampled_from(Level), min_size=1, max_size=8))
def test_the_level_never_falls_whatever_follows(levels: list[Level]) -> None:
    """Within one case the level is the highest that was ever seen."""
    case = open_from(opening(levels[0]), "K7", 1.0)
    for level in levels[1:]:
        case = case.joined_by(opening(level), 2.0)
    assert case.level.rank == max(level.rank for level in levels)
