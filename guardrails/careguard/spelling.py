"""How people spell by ear: another way to find a word that is written as it sounds.

Used by the patterns for words that nobody has written down. Spanish is spelt almost as it is spoken, so two words that
sound alike are one word written twice ("kiero", "vebe"); English is not, and there only dropped letters are undone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Sound = Callable[[str], str]

_SPANISH = (
    # Digits stand for sounds that later steps must leave alone: 1 as in "ch", 2 as in "gue".
    ("ch", "1"), ("sh", "1"), ("ll", "y"), ("qu", "k"), ("gue", "2e"), ("gui", "2i"), ("ge", "je"), ("gi", "ji"),
    ("xi", "ji"), ("xo", "jo"), ("ce", "se"), ("ci", "si"), ("z", "s"), ("x", "s"), ("c", "k"), ("q", "k"), ("v", "b"),
    ("w", "b"), ("nb", "mb"), ("np", "mp"), ("h", ""), ("y", "i"), ("2", "g"),
)  # fmt: skip
_DOUBLE = re.compile(r"(.)\1+")
_LEAST_LETTERS = 4


def spanish_sound(word: str) -> str:
    """Return how a folded Spanish word sounds, in letters; short words sound like themselves only."""
    if len(word) < _LEAST_LETTERS:
        return word
    for letters, sound in _SPANISH:
        if letters in word:
            word = word.replace(letters, sound)
    return _DOUBLE.sub(r"\1", word)


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
