"""The level of an episode only rises, until a person or an explicit resolution ends it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careguard.episode import CALM, KEPT_MESSAGE_IDS, Episode, raise_episode, resolve_episode
from careguard.verdict import Decision, Level, Verdict

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def verdict(level: Level) -> Verdict:
    decision = Decision.ALLOW if level is Level.NONE else Decision.ESCALATE
    return Verdict(decision=decision, level=level, category=None if level is Level.NONE else f"some_{level.value}")


LEVELS = st.lists(st.sampled_from(list(Level)), max_size=30)


@given(LEVELS)
def test_no_sequence_of_messages_lowers_an_episode(levels: list[Level]) -> None:
    episode = CALM
    for number, level in enumerate(levels):
        raised = raise_episode(episode, verdict(level), message_id=str(number), at=AT)
        assert raised.level.rank >= episode.level.rank
        assert raised.level.rank == max(episode.level.rank, level.rank)
        episode = raised


@given(LEVELS)
def test_the_level_reached_does_not_depend_on_the_order(levels: list[Level]) -> None:
    def reached(sequence: list[Level]) -> Level:
        episode = CALM
        for level in sequence:
            episode = raise_episode(episode, verdict(level), at=AT)
        return episode.level

    assert reached(levels) is reached(levels[::-1])


@given(LEVELS)
def test_an_episode_survives_being_stored(levels: list[Level]) -> None:
    episode = CALM
    for number, level in enumerate(levels):
        episode = raise_episode(episode, verdict(level), message_id=str(number), at=AT)
        assert Episode.from_json(episode.as_json()) == episode


def test_an_episode_opens_once_and_remembers_the_messages_that_raised_it() -> None:
    first = raise_episode(None, verdict(Level.URGENT), message_id="m1", at=AT)
    second = raise_episode(first, verdict(Level.NONE), message_id="m2", at=datetime.now(UTC))
    third = raise_episode(second, verdict(Level.EMERGENCY), message_id="m3", at=datetime.now(UTC))
    assert (third.opened_at, third.message_ids, third.category) == (AT, ("m1", "m3"), "some_emergency")


def test_an_equal_level_keeps_the_first_category() -> None:
    first = raise_episode(CALM, verdict(Level.EMERGENCY), at=AT)
    other = Verdict(decision=Decision.ESCALATE, level=Level.EMERGENCY, category="another")
    assert raise_episode(first, other).category == "some_emergency"


def test_a_long_episode_keeps_its_first_and_its_last_messages() -> None:
    episode = CALM
    for number in range(KEPT_MESSAGE_IDS * 2):
        episode = raise_episode(episode, verdict(Level.URGENT), message_id=str(number), at=AT)
    assert len(episode.message_ids) == KEPT_MESSAGE_IDS
    assert episode.message_ids[0] == "0" and episode.message_ids[-1] == str(KEPT_MESSAGE_IDS * 2 - 1)


def test_a_person_or_an_explicit_resolution_ends_an_episode() -> None:
    episode = raise_episode(CALM, verdict(Level.EMERGENCY), at=AT)
    assert resolve_episode(episode, by="human") == CALM
    assert resolve_episode(episode, by="explicit") == CALM
    assert resolve_episode(CALM, by="human") == CALM


def test_nobody_else_ends_an_episode() -> None:
    with pytest.raises(ValueError, match="human or explicit"):
        resolve_episode(CALM, by=cast(Any, "patient"))


@pytest.mark.parametrize("broken", [{}, {"level": "calm", "category": None, "opened_at": None, "message_ids": []}])
def test_a_stored_episode_that_is_broken_does_not_become_calm(broken: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Episode.from_json(broken)
