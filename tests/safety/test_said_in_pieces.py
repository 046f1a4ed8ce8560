"""What a patient says in two or three short messages is read by its meaning as one, and what is harmless stays so."""

from __future__ import annotations

from pathlib import Path

import pytest

from careguard.meanings import MeaningReader, load_meanings
from careguard.rails import screen_message
from careguard.rulebook import Rulebook
from careguard.verdict import Level, Verdict
from careguard.windows import read_joined
from tests.rulebook import shipped_rulebook

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def meanings() -> MeaningReader:
    return load_meanings(ROOT / "guardrails", ROOT / "locales", ["en", "es"])


def last_verdict(messages: list[str], meanings: MeaningReader) -> Verdict:
    rulebook: Rulebook = shipped_rulebook()
    return screen_message(messages[-1], rulebook, earlier=messages[:-1], meanings=meanings)


@pytest.mark.parametrize(
    "messages",
    [
        ["no quiero", "seguir viviendo"],
        ["I don't want", "to live anymore"],
        ["half a bottle", "of pills"],
        ["blood", "a lot", "when I cough"],
        ["throat", "closing up", "after peanuts"],
        ["la cabeza", "el peor dolor", "de golpe"],
    ],
    ids=" / ".join,
)
def test_an_emergency_in_pieces_is_seen_or_asked_about(messages: list[str], meanings: MeaningReader) -> None:
    verdict = last_verdict(messages, meanings)
    assert verdict.level is Level.EMERGENCY or verdict.ask is not None


def test_a_pressure_told_in_three_messages_is_an_emergency_on_the_way(meanings: MeaningReader) -> None:
    """It need not wait for the last piece."""
    messages = ["my chest", "it's crushing", "since an hour"]
    verdicts = [last_verdict(messages[: end + 1], meanings) for end in range(len(messages))]
    assert Level.EMERGENCY in {verdict.level for verdict in verdicts}


@pytest.mark.parametrize(
    "messages",
    [
        ["hello", "I have a question", "about iron"],
        ["gracias", "otra pregunta", "sobre el hierro"],
        ["I watched a nice film", "my dog is asleep"],
        ["me gusta", "la sopa de mi abuela"],
        ["what time", "does the clinic open"],
    ],
    ids=" / ".join,
)
def test_harmless_talk_in_pieces_stays_harmless(messages: list[str], meanings: MeaningReader) -> None:
    verdict = last_verdict(messages, meanings)
    assert (verdict.level, verdict.ask) == (Level.NONE, None)


def test_a_plain_no_is_an_answer_and_no_piece(meanings: MeaningReader) -> None:
    """After "Is this happening now?" a no must not be glued to what was said before."""
    rulebook = shipped_rulebook()
    assert meanings.find("no", rulebook, ["half a bottle of pills"]) == []


def test_what_fired_before_does_not_fire_again_with_every_word_after_it(meanings: MeaningReader) -> None:
    rulebook = shipped_rulebook()
    assert meanings.find("ok thanks", rulebook, ["my throat is closing up after peanuts"]) == []


def test_short_messages_are_joined_nearest_first_and_long_ones_and_questions_stand_alone() -> None:
    assert list(read_joined("since an hour", ["hi", "my chest", "it's crushing"])) == [
        ("it's crushing", "it's crushing since an hour"),
        ("my chest it's crushing", "my chest it's crushing since an hour"),
    ]
    assert list(read_joined("seven words are still short enough here", ["a b"])) != []
    assert list(read_joined("but eight words are too many for this", ["a b"])) == []
    assert list(read_joined("a stroke", ["what is sepsis?"])) == []
