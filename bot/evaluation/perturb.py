"""Writes a message as people in a hurry write it: each way keeps the meaning and is the same every time."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Mapping

from bot.evaluation.rows import SEED

_WORD = re.compile(r"[^\W\d_]+")
_MARK = re.compile(r"(?<!\d)[^\w\s%°]|[^\w\s%°](?!\d)")
"""A mark, unless it stands inside a number such as 39.5 or 150/95."""
_NO_APOSTROPHES = str.maketrans("", "", "'’‘`´")
_LONG_WORD_LETTERS = 4
_WORDS_PER_SLIP = 5
_VOWELS = "aeiouáéíóúAEIOUÁÉÍÓÚ"


def upper_case(text: str) -> str:
    """Return the text in capitals."""
    return text.upper()


def without_punctuation(text: str) -> str:
    """Return the text in one run of small letters: no marks, no apostrophes, no line breaks; numbers stay whole."""
    return " ".join(_MARK.sub(" ", text.lower().translate(_NO_APOSTROPHES)).split())


def without_accents(text: str) -> str:
    """Return the text without accents, as typed on a foreign keyboard."""
    return "".join(char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != "Mn")


def with_typos(text: str) -> str:
    """Return the text with one slip of the finger in about every fifth longer word, at least in one."""
    return _in_some_words(text, _slip)


def with_stretched_letters(text: str) -> str:
    """Return the text with a vowel held down in about every fifth longer word, at least in one."""
    return _in_some_words(text, _stretch)


def _in_some_words(text: str, change: Callable[[str, random.Random], str]) -> str:
    draw = random.Random(f"{SEED}:{text}")  # noqa: S311 - slips that must be the same every time
    places = [match for match in _WORD.finditer(text) if len(match.group()) >= _LONG_WORD_LETTERS]
    if not places:
        return text
    chosen = draw.sample(places, max(1, len(places) // _WORDS_PER_SLIP))
    for match in sorted(chosen, key=lambda place: -place.start()):
        text = text[: match.start()] + change(match.group(), draw) + text[match.end() :]
    return text


def _slip(word: str, draw: random.Random) -> str:
    at = draw.randrange(1, len(word) - 1)
    kind = draw.choice(("swap", "drop", "double"))
    if kind == "swap":
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :] if kind == "drop" else word[:at] + word[at] + word[at:]


def _stretch(word: str, draw: random.Random) -> str:
    vowels = [index for index, char in enumerate(word) if char in _VOWELS] or [len(word) - 1]
    at = draw.choice(vowels)
    return word[:at] + word[at] * draw.randint(3, 5) + word[at + 1 :]


PERTURBATIONS: Mapping[str, Callable[[str], str]] = {
    "upper case": upper_case,
    "no punctuation": without_punctuation,
    "no accents": without_accents,
    "typos": with_typos,
    "stretched letters": with_stretched_letters,
}
