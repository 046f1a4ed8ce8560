"""How the desk says things."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.handoff.case import CaseAct, CaseEvent, CaseReason, Outcome
from bot.desk import words
from bot.desk.staff import Role
from careguard.verdict import Level


def test_every_level_reason_outcome_and_role_has_words() -> None:
    """Nothing on the page is an identifier that only a programmer understands."""
    assert set(words.LEVELS) == set(Level)
    assert set(words.REASONS) == set(CaseReason)
    assert set(words.OUTCOMES) == set(Outcome)
    assert set(words.ROLES) == set(Role)
    assert Outcome.LEFT_QUEUE not in words.CHOSEN_OUTCOMES


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 00 min"), (90_000, "1 d 1 h")],
)
def test_a_wait_is_said_in_at_most_two_units(seconds: float, said: str) -> None:
    """A wait can be read at a glance."""
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (CaseEvent(1.0, CaseAct.OPENED, detail="crisis"), "Opened: sign of crisis"),
        (CaseEvent(1.0, CaseAct.RAISED, detail="emergency"), "Level raised to emergency"),
        (CaseEvent(1.0, CaseAct.RESOLVED, detail="referred"), "Resolved: referred elsewhere"),
        (CaseEvent(1.0, CaseAct.CLAIMED), "Claimed"),
    ],
    ids=lambda value: value.act.value if isinstance(value, CaseEvent) else None,
)
def test_what_happened_is_said_in_words(event: CaseEvent, said: str) -> None:
    """The history of a case can be read without a manual."""
    assert words.event_words(event) == said


@given(st.text(max_size=60), st.lists(st.text(max_size=5), max_size=4))
def test_highlighting_changes_no_letter(text: str, matched: list[str]) -> None:
    """What a patient wrote is shown exactly, whatever matched in it."""
    assert "".join(piece for piece, _ in words.highlighted(text, matched)) == text


def test_the_longest_match_is_highlighted_whatever_its_case() -> None:
    """Matched words are found as the patient wrote them."""
    assert words.highlighted("My CHEST hurts", ["chest", "chest hurts", " "]) == [("My ", False), ("CHEST hurts", True)]


def test_unknown_names_are_still_readable() -> None:
    """A new channel, language or category needs no change here to be shown."""
    assert words.channel_words("sms_gateway") == "Sms gateway"
    assert words.language_words("tl") == "tl"
    assert words.language_words("es-MX") == "Spanish"
    assert words.summary_lines("Asked: x\nno label") == [("Asked", "x"), ("", "no label")]
    assert words.shortened("a  b\nc") == "a b c"
    assert len(words.shortened("word " * 100)) <= 160
