"""Ways of writing that keep the meaning."""

from __future__ import annotations

import pytest

from bot.evaluation.perturb import (
    PERTURBATIONS,
    code_mixed,
    in_third_person,
    played_down_by_a_relative,
    with_a_method_named,
    with_stretched_letters,
    with_typos,
    without_accents,
    without_punctuation,
)

TEXT = "I can't breathe properly! My chest hurts, and it's 39.5 °C; ¿qué hago?"


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_each_way_is_the_same_every_time_and_loses_no_message(name: str) -> None:
    """Figures of two runs can be compared; no message vanishes, also not an empty or a tiny one."""
    change = PERTURBATIONS[name]
    assert change(TEXT) == change(TEXT) != TEXT
    assert change("") == ""
    assert change("ow") in ("ow", "OW")


def test_without_punctuation_is_one_run_of_small_letters() -> None:
    """Marks and apostrophes go, words and numbers stay."""
    assert without_punctuation(TEXT) == "i cant breathe properly my chest hurts and its 39.5 °c qué hago"
    assert without_punctuation("My 2-year-old’s BP: 150/95.\nTemp (38,5).") == "my 2 year olds bp 150/95 temp 38,5"


def test_without_accents_keeps_the_letters() -> None:
    """As typed on a keyboard without accents."""
    assert without_accents("corazón, niño") == "corazon, nino"


def test_a_slip_hits_at_least_one_longer_word_and_keeps_its_ends() -> None:
    """A typo stays a typo: the first letter of the word remains."""
    slipped = with_typos("breathing")
    assert slipped != "breathing"
    assert slipped.startswith("b")
    assert abs(len(slipped) - len("breathing")) <= 1


def test_a_held_key_stretches_a_vowel() -> None:
    """paaaain."""
    stretched = with_stretched_letters("chest pain")
    assert len(stretched) > len("chest pain")
    assert any(vowel * 3 in stretched for vowel in "aei")


def test_a_message_may_be_told_about_somebody_else() -> None:
    """Both languages; the sign itself stays."""
    assert in_third_person("I have chest pain and my arm hurts").endswith("he has chest pain and his arm hurts")
    assert in_third_person("Me duele el pecho, no puedo respirar").endswith("le duele el pecho, no puede respirar")


def test_two_languages_are_mixed_as_by_people_who_live_in_both() -> None:
    assert code_mixed("pain in my chest and fever since today") == "dolor in my chest y fever since hoy"


def test_a_relative_plays_it_down_and_a_method_is_named_behind_the_message() -> None:
    assert played_down_by_a_relative("My chest hurts.").startswith("My chest hurts. My sister")
    assert with_a_method_named("I want to die.").startswith("I want to die. I have")
