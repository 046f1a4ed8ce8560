"""Loads what the review of answers goes by: thresholds from `guardrails/review.yaml`, words from each language.

Stands at the start, before any answer; a wrong file stops the start with file and remedy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from careguard.errors import DataFileError
from careguard.stems import fold, stem, stop_words, words
from careguard.strict_yaml import read_yaml

RULE_IDS = frozenset(
    {
        "no_words", "not_a_statement", "no_citation", "unknown_citation", "unsupported_words", "number_mismatch",
        "negation_flipped", "direction_flipped", "who_or_when_changed", "diagnosis", "dose", "medicine_change",
        "false_reassurance", "identifier", "foreign_link", "wrong_language", "too_long",
    }
)  # fmt: skip
_THRESHOLDS = frozenset({"word_support", "plain_words", "longest_sentence"})
_PHRASE_KEYS = (
    "dose_units", "dose_verbs", "dose_unless", "diagnosis", "diagnosis_unless", "medicine_words", "change_verbs",
    "change_objects", "change_unless", "reassurance", "clause_breaks", "leads", "additions",
    "reasons", "limits", "conditions",
)  # fmt: skip
_WORD_KEYS = ("negations", "plain")
_WRITTEN_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_OTHER_KEYS = ("directions", "who_and_when", "number_words", "same")


@dataclass(frozen=True, slots=True)
class Direction:
    """Two opposite directions, each as patterns over stems."""

    one: frozenset[str]
    other: frozenset[str]


@dataclass(frozen=True, slots=True)
class ReviewWords:
    """The words of one language by which review recognises what must not be said."""

    language: str
    phrases: Mapping[str, re.Pattern[str]]
    negations: frozenset[str]
    plain: frozenset[str]
    """Stems that a careful writer may add."""
    directions: tuple[Direction, ...]
    who_and_when: tuple[frozenset[str], ...]
    number_words: Mapping[str, str]
    same: Mapping[str, str]
    """Ways to write a word that mean another one exactly ("can't": "cannot"), folded."""

    def as_compared(self, text: str) -> str:
        """Return the folded text without a lead that says nothing, every word in the way in which it is compared."""
        folded = fold(text)
        if lead := self.phrases["leads"].match(folded):
            folded = folded[lead.end() :].lstrip(" ,:")
        return _WRITTEN_WORD.sub(lambda found: self.same.get(found[0], found[0]), folded)


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    """Everything that decides whether a sentence may be shown."""

    word_support: float
    plain_words: float
    longest_sentence: int
    languages: Mapping[str, ReviewWords]

    def words_of(self, language: str) -> ReviewWords | None:
        """Return the words of the language or of its primary tag, or None when it has no review."""
        return self.languages.get(language) or self.languages.get(language.partition("-")[0])


def load_review_policy(guardrails: Path, locales: Path, languages: Iterable[str]) -> ReviewPolicy:
    """Return the whole policy for the languages.

    Raises:
        DataFileError: A file is missing or bends the format, or a rule or threshold is missing or unknown.
    """
    path = guardrails / "review.yaml"
    loaded = read_yaml(path)
    if not isinstance(loaded, dict) or set(loaded) != {"thresholds", "rules"}:
        raise DataFileError(path, "the file must have exactly 'thresholds' and 'rules'")
    listed = {entry.get("id") for entry in loaded["rules"] if isinstance(entry, dict)}
    if listed != RULE_IDS:
        raise DataFileError(path, f"missing or unknown rules: {', '.join(sorted(map(str, listed ^ RULE_IDS)))}")
    thresholds = loaded["thresholds"]
    if not isinstance(thresholds, dict) or set(thresholds) != _THRESHOLDS:
        raise DataFileError(path, f"the thresholds must be exactly: {', '.join(sorted(_THRESHOLDS))}")
    return ReviewPolicy(
        word_support=_share(path, thresholds, "word_support"),
        plain_words=_share(path, thresholds, "plain_words"),
        longest_sentence=int(_number(path, thresholds, "longest_sentence")),
        languages={language: _read_words(locales, language) for language in languages},
    )


def _read_words(locales: Path, language: str) -> ReviewWords:
    path = locales / "languages" / language / "review.yaml"
    loaded = read_yaml(path)
    expected = {*_PHRASE_KEYS, *_WORD_KEYS, *_OTHER_KEYS}
    if not isinstance(loaded, dict) or set(loaded) != expected:
        raise DataFileError(path, f"the file must have exactly these keys: {', '.join(sorted(expected))}")
    for key in (*_PHRASE_KEYS, *_WORD_KEYS):
        _texts(path, key, loaded[key])
    return ReviewWords(
        language=language,
        phrases={key: phrase_pattern(loaded[key]) for key in _PHRASE_KEYS},
        negations=frozenset(fold(word) for word in loaded["negations"]),
        plain=_stem_set(loaded["plain"], language),
        directions=_read_directions(path, loaded["directions"], language),
        who_and_when=tuple(_stem_set(_texts(path, "who_and_when", g), language) for g in loaded["who_and_when"]),
        number_words=_read_number_words(path, loaded["number_words"]),
        same=_read_same(path, loaded["same"]),
    )


def _read_directions(path: Path, value: Any, language: str) -> tuple[Direction, ...]:
    if not isinstance(value, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        raise DataFileError(path, "'directions' must be a list of pairs of word lists")
    return tuple(
        Direction(
            _stem_set(_texts(path, "directions", one), language), _stem_set(_texts(path, "directions", other), language)
        )
        for one, other in value
    )


def _read_number_words(path: Path, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(number, int | float) for number in value.values()):
        raise DataFileError(path, "'number_words' must give a number for each word, like {two: 2}")
    return {fold(str(word)): f"{number:g}" for word, number in value.items()}


def _read_same(path: Path, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(word, str) and word.strip() for word in value.values()):
        raise DataFileError(path, "'same' must give a word for each way to write it, like {can't: cannot}")
    return {fold(str(way)): fold(word) for way, word in value.items()}


def _stem_set(entries: list[str], language: str) -> frozenset[str]:
    stop = stop_words(language)
    found: set[str] = set()
    for entry in entries:
        telling = [word for word in words(entry) if word not in stop] or words(entry)
        found.update(stem(word, language) for word in telling)
    return frozenset(found)


def phrase_pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that finds any of the phrases in folded text."""
    parts = sorted({fold(phrase) for phrase in phrases}, key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(_pattern(part) for part in parts) + r")(?!\w)")


def _pattern(phrase: str) -> str:
    pieces: list[str] = []
    for word in phrase.split():
        if word == "...":
            pieces.append(r"(?:[\w'%-]+\W+){0,6}?")
            continue
        pieces.append(re.escape(word).replace(r"\*", r"\w*") + r"\W+")
    joined = "".join(pieces)
    return joined.removesuffix(r"\W+")


def _texts(path: Path, key: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) and item.strip() for item in value):
        raise DataFileError(path, f"'{key}' must be a list of words or phrases, like [one, two]")
    return value


def _number(path: Path, thresholds: dict[str, Any], key: str) -> float:
    entry = thresholds[key]
    if not isinstance(entry, dict) or not {"value", "unit", "source"} <= set(entry):
        raise DataFileError(path, f"the threshold '{key}' needs value, unit and source")
    if not isinstance(entry["value"], int | float) or isinstance(entry["value"], bool):
        raise DataFileError(path, f"the value of '{key}' must be a number")
    return float(entry["value"])


def _share(path: Path, thresholds: dict[str, Any], key: str) -> float:
    value = _number(path, thresholds, key)
    if not 0 <= value <= 1:
        raise DataFileError(path, f"the value of '{key}' must lie between 0 and 1")
    return value
