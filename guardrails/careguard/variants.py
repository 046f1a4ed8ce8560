"""Writes a training sentence another way: mistyped, without marks, with a question, or played down by a relative.

Beside the line, in training only. What is added stands in trouble and in harmless sentences alike, so that it weighs
nothing; what is changed is changed the same way every time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random

_WORD = re.compile(r"[^\W\d_]{4,}")
_MARK = re.compile(r"(?<!\d)[^\w\s%°]|[^\w\s%°](?!\d)")
_WORDS_PER_SLIP = 4

_QUESTIONS: Mapping[str, Sequence[str]] = {
    "en": ("what should i do?", "is this serious?", "should i go to the hospital?", "can you help?", "is that normal?"),
    "es": ("¿qué hago?", "¿es grave?", "¿debo ir al hospital?", "¿me puede ayudar?", "¿es normal?"),
}
_GREETINGS: Mapping[str, Sequence[str]] = {
    "en": ("hi, sorry to bother you.", "hello,", "good evening, I have a question.", "hey so", "ok so"),
    "es": ("hola, perdón por molestar.", "buenas,", "buenas noches, una pregunta.", "oiga,", "bueno, pues"),
}
_PLAYED_DOWN: Mapping[str, Sequence[str]] = {
    "en": (
        "my husband says it's nothing.",
        "my mother thinks I'm overreacting.",
        "it's probably nothing.",
        "my friend says to just sleep on it.",
        "I don't want to make a fuss.",
    ),
    "es": (
        "mi esposo dice que no es nada.",
        "mi madre cree que exagero.",
        "seguro no es nada.",
        "mi amiga dice que espere a mañana.",
        "no quiero molestar a nadie.",
    ),
}


def mistyped(text: str, _: str, draw: Random) -> str:
    """Return the text with a slip of the finger in about every fourth longer word, at least in one."""
    places = list(_WORD.finditer(text))
    if not places:
        return text
    for match in sorted(draw.sample(places, max(1, len(places) // _WORDS_PER_SLIP)), key=lambda one: -one.start()):
        text = text[: match.start()] + _slip(match.group(), draw) + text[match.end() :]
    return text


def unmarked(text: str, _: str, __: Random) -> str:
    """Return the text in one run of words without marks."""
    return " ".join(_MARK.sub(" ", text).split())


def with_question(text: str, language: str, draw: Random) -> str:
    """Return the text with a question behind it that asks for help and says nothing."""
    return f"{text} {draw.choice(_QUESTIONS[language])}"


def greeted(text: str, language: str, draw: Random) -> str:
    """Return the text behind a greeting."""
    return f"{draw.choice(_GREETINGS[language])} {text}"


def played_down(text: str, language: str, draw: Random) -> str:
    """Return the text with somebody who plays it down, before or after it."""
    said = draw.choice(_PLAYED_DOWN[language])
    return f"{text} {said}" if draw.random() < 0.5 else f"{said} {text}"


VARIANTS: Mapping[str, Callable[[str, str, Random], str]] = {
    "mistyped": mistyped,
    "unmarked": unmarked,
    "with a question": with_question,
    "greeted": greeted,
    "played down": played_down,
}


def variant(text: str, language: str, seed: int) -> tuple[str, str]:
    """Return the name and the text of one variant, the same one every time."""
    draw = Random(f"{seed}:{text}")  # noqa: S311 - what must be the same every time
    name = draw.choice(list(VARIANTS))
    return name, VARIANTS[name](text, language if language in _QUESTIONS else "en", draw)


def _slip(word: str, draw: Random) -> str:
    at = draw.randrange(1, len(word) - 1)
    kind = draw.choice(("swap", "drop", "double", "near"))
    if kind == "swap":
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == "drop":
        return word[:at] + word[at + 1 :]
    return (
        word[:at] + word[at] + word[at:] if kind == "double" else word[:at] + draw.choice("aeiourstn") + word[at + 1 :]
    )
