"""How people spell by ear: another way to find a word that is written as it sounds.

Used by the patterns for words that nobody has written down. Spanish is spelt almost as it is spoken, so two words that
sound alike are one word written twice ("kiero", "vebe"); English is not, and there only dropped letters are undone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Sound = Callable[[str], str]

_SPANISH = (
    (re.compile(r"ch"), "1"),  # one sound; kept from the rules for c and h
    (re.compile(r"sh"), "1"),
    (re.compile(r"ll"), "y"),
    (re.compile(r"qu(?=[ei])|q(?=[ei])"), "k"),
    (re.compile(r"gu(?=[ei])"), "g"),
    (re.compile(r"g(?=[ei])|x(?=i|o)"), "j"),
    (re.compile(r"c(?=[ei])|z|x"), "s"),
    (re.compile(r"[cq]"), "k"),
    (re.compile(r"v|w"), "b"),
    (re.compile(r"n(?=[bp])"), "m"),
    (re.compile(r"h"), ""),
    (re.compile(r"y"), "i"),
    (re.compile(r"(.)\1+"), r"\1"),
)
_LEAST_LETTERS = 4


def spanish_sound(word: str) -> str:
    """Return how a folded Spanish word sounds, in letters; short words sound like themselves only."""
    if len(word) < _LEAST_LETTERS:
        return word
    for letters, sound in _SPANISH:
        word = letters.sub(sound, word)
    return word


def english_endings(word: str) -> tuple[str, ...]:
    """Return other spellings of a folded English word: "bleedin" is "bleeding"."""
    if len(word) > _LEAST_LETTERS and word.endswith("in"):
        return (f"{word}g",)
    return ()


def _sounds_like_itself(word: str) -> str:
    return word


def _as_it_stands(_: str) -> tuple[str, ...]:
    return ()


def sound_in(language: str) -> Sound:
    """Return what tells how a word of the language sounds."""
    return spanish_sound if language.partition("-")[0] == "es" else _sounds_like_itself


def endings_in(language: str) -> Callable[[str], tuple[str, ...]]:
    """Return what undoes the dropped letters of the language."""
    return english_endings if language.partition("-")[0] == "en" else _as_it_stands
