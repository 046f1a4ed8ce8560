"""Tells whether two questions ask the same thing: word for word, but for ways of saying that change nothing.

Between an approved answer and the question of a patient. Every word counts (who, how many, not, before, stop) but those
few that a clinician listed as saying nothing. Words by which it judges: `locales/languages/<tag>/same_question.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actions.answering.cues import read_cues
from careguard.errors import DataFileError
from careguard.stems import fold, stem, words
from careguard.strict_yaml import read_yaml

FILE = "same_question.yaml"
LONGEST_QUESTION = 60
"""Words; what is longer is a letter, and asks more than one thing."""

_KEYS = {
    "ignored",
    "equal",
    "equal_alone",
    "others",
    "joints",
    "joints_alone",
    "points_back",
    "endings",
    "named_by_letter",
}
_LONE_A = re.compile(r"(?<![^\W_])[aA](?![^\W_])(?!['’])")
_SIGNS = (
    (re.compile(r"\+"), " plus "),
    (re.compile(r"(?<=\w)-(?!\w)"), " minus "),  # a blood group is not its opposite
    (re.compile("<"), " less "),
    (re.compile(">"), " greater "),
    (re.compile("%"), " percent "),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks, word by word."""

    tokens: tuple[str, ...]
    alone: bool = True
    """True when it names nobody but the one who asks."""


@dataclass(frozen=True, slots=True)
class SameWords:
    """What makes no difference in a question, in one language."""

    language: str
    ignored: frozenset[str] = frozenset()
    equal: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    """Ways to say something, as words, each with the sign of what they all mean; an empty sign says nothing."""
    equal_alone: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    """The same in a question that names nobody else: there, "with" can only be about the one who asks."""
    others: frozenset[str] = frozenset()
    """Words that name somebody else."""
    joints: frozenset[str] = frozenset()
    """Words that begin a part which may stand elsewhere in the question ("after surgery")."""
    joints_alone: frozenset[str] = frozenset()
    points_back: frozenset[str] = frozenset()
    endings: frozenset[frozenset[str]] = frozenset()
    """Pairs of ends that make a word no other word."""
    named_by_letter: frozenset[str] = frozenset()
    """Words after which a lone letter is part of a name ("hepatitis a")."""

    def asked(self, question: str) -> Asked:
        """Return what the question asks, as it is compared."""
        for sign, said in _SIGNS:
            question = sign.sub(said, question)
        said_words = words(question)
        alone = self.others.isdisjoint(said_words)
        tokens = _with_signs(self._with_letters(question, said_words), self.equal_alone if alone else self.equal)
        return Asked(tuple(token for token in tokens if token and token not in self.ignored), alone)

    def _with_letters(self, question: str, said: Sequence[str]) -> list[str]:
        """Return the words, each lone letter that is part of a name marked so that it is never ignored."""
        capitals = [found[0] == "A" for found in _LONE_A.finditer(question)] if not question.isupper() else []
        found: list[str] = []
        for place, word in enumerate(said):
            is_capital = word == "a" and bool(capitals) and capitals.pop(0) and place > 0
            named = place > 0 and said[place - 1] in self.named_by_letter
            is_last = place > 0 and place == len(said) - 1
            found.append(f"{word}." if len(word) == 1 and (named or is_last or is_capital) else word)
        return found

    def key(self, asked: Asked) -> tuple[str, ...]:
        """Return what two questions that are the same have in common, to look one up by."""
        return tuple(sorted(stem(token, self.language) for token in asked.tokens))

    def are_same(self, one: Asked, other: Asked) -> bool:
        """Return whether both ask the same: the same words in the same order, or with one part moved as a whole."""
        if len(one.tokens) != len(other.tokens) or not one.tokens or len(one.tokens) > LONGEST_QUESTION:
            return False
        if self._agree(one.tokens, other.tokens):
            return True
        return any(self._agree(moved, other.tokens) for moved in self._moved(one))

    def leans_back(self, asked: Asked) -> bool:
        """Return whether the question needs what was said before to be understood."""
        return not self.points_back.isdisjoint(asked.tokens)

    def _agree(self, one: Sequence[str], other: Sequence[str]) -> bool:
        return all(self._is_same_word(mine, theirs) for mine, theirs in zip(one, other, strict=True))

    def _is_same_word(self, one: str, other: str) -> bool:
        if one == other:
            return True
        if not one.isalpha() or not other.isalpha() or stem(one, self.language) != stem(other, self.language):
            return False
        # Stems join too much: "immunity" and "immunization" have the same one.
        differs = (place for place, (mine, theirs) in enumerate(zip(one, other, strict=False)) if mine != theirs)
        shared = next(differs, min(len(one), len(other)))
        return frozenset((one[shared:], other[shared:])) in self.endings

    def _moved(self, one: Asked) -> Iterable[tuple[str, ...]]:
        """Yield the question with two parts beside each other exchanged, where one of them begins with a joint."""
        joints = self.joints_alone if one.alone else self.joints
        tokens, length = one.tokens, len(one.tokens)
        for start in range(length):
            for middle in range(start + 1, length):
                if tokens[start] in joints or tokens[middle] in joints:
                    for end in range(middle + 1, length + 1):
                        yield (*tokens[:start], *tokens[middle:end], *tokens[start:middle], *tokens[end:])


def plain_words(language: str) -> SameWords:
    """Return the strictest reading: a language without a list of its own takes only the very same words."""
    return SameWords(language)


def load_same_words(locales: Path, languages: Iterable[str]) -> dict[str, SameWords]:
    """Return how each language tells the same question; one that has no file takes only the very same words.

    Raises:
        DataFileError: A file bends the format.
    """
    return {language: _read(locales / "languages" / language / FILE, language) for language in languages}


def _read(path: Path, language: str) -> SameWords:
    if not path.is_file():
        return plain_words(language)
    loaded = read_yaml(path)
    if not isinstance(loaded, dict) or set(loaded) != _KEYS:
        raise DataFileError(path, f"the file must have exactly these keys: {', '.join(sorted(_KEYS))}")
    ignored = read_cues(path, "ignored", loaded["ignored"])
    nothing = {way: "" for entry in ignored if len(way := tuple(words(entry))) > 1}
    equal = nothing | _read_equal(path, "equal", loaded["equal"])
    alone = equal | _read_equal(path, "equal_alone", loaded["equal_alone"])
    joints, joints_alone = (read_cues(path, key, loaded[key]) for key in ("joints", "joints_alone"))
    return SameWords(
        language,
        ignored=frozenset(word for entry in ignored for word in words(entry) if len(words(entry)) == 1),
        equal=equal,
        equal_alone=alone,
        others=_word_set(path, "others", loaded["others"]),
        joints=_first_of(joints, equal),
        joints_alone=_first_of([*joints, *joints_alone], alone),
        points_back=_word_set(path, "points_back", loaded["points_back"]),
        endings=_read_endings(path, loaded["endings"]),
        named_by_letter=_word_set(path, "named_by_letter", loaded["named_by_letter"]),
    )


def _read_equal(path: Path, key: str, value: Any) -> dict[tuple[str, ...], str]:
    if not isinstance(value, list) or not all(isinstance(group, list) and len(group) > 1 for group in value):
        raise DataFileError(path, f"'{key}' must be a list of lists, like [[can i, may i]]")
    found: dict[tuple[str, ...], str] = {}
    for group in value:
        ways = [tuple(words(way)) for way in read_cues(path, key, group)]
        sign = "=" + "_".join(ways[0])
        for way in ways:
            if found.setdefault(way, sign) != sign:
                raise DataFileError(path, f"'{' '.join(way)}' stands in two lists of '{key}'")
    return found


def _read_endings(path: Path, value: Any) -> frozenset[frozenset[str]]:
    if not isinstance(value, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        raise DataFileError(path, "'endings' must be a list of pairs, like [['', s]]")
    return frozenset(frozenset(fold(str(ending)) for ending in pair) for pair in value)


def _first_of(joints: Iterable[str], equal: Mapping[tuple[str, ...], str]) -> frozenset[str]:
    """Return the tokens by which the parts begin that may be moved."""
    return frozenset(equal.get(way) or way[0] for joint in joints if (way := tuple(words(joint))))


def _with_signs(tokens: Sequence[str], equal: Mapping[tuple[str, ...], str]) -> list[str]:
    """Return the words, each longest way of saying something replaced by its sign."""
    longest = max(map(len, equal), default=0)
    found: list[str] = []
    place = 0
    while place < len(tokens):
        for length in range(min(longest, len(tokens) - place), 0, -1):
            if (sign := equal.get(tuple(tokens[place : place + length]))) is not None:
                found.append(sign)
                place += length
                break
        else:
            found.append(tokens[place])
            place += 1
    return found


def _word_set(path: Path, key: str, value: Any) -> frozenset[str]:
    return frozenset(word for entry in read_cues(path, key, value) for word in words(entry))
