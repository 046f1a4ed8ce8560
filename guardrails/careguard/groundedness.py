"""Compares one sentence with the passages it cites: is everything it says there, and in the same direction?

Part of review, after generation and before sending. Deterministic, without a model and without a network.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rapidfuzz.distance import Indel

from careguard.review_words import Direction, ReviewPolicy, ReviewWords
from careguard.stems import stem, stop_words, words

_TOKEN = re.compile(r"\d+(?:[.,/:]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)?|[.;:!?,()]")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_NEARLY_THE_SAME = 0.75
"""Share of words in common, in order, from which a sentence counts as a copy with a change."""
_A_COPY = 0.85
"""Share of words in common from which a sentence is the beginning of its model."""
_PART_ENDS = frozenset({".", "!", "?", ";"})
_NEGATION_REACH = 4
"""Telling words after a negation that it still denies."""
_DIRECTION_REACH = 3
"""Telling words around a direction word that it belongs to."""


@dataclass(frozen=True, slots=True)
class Support:
    """How far passages carry a sentence: the share of its telling words, and the rules that it breaks."""

    share: float
    broken: tuple[str, ...]


def support_of(sentence: str, passages: Sequence[str], words_of: ReviewWords, policy: ReviewPolicy) -> Support:
    """Return how far the passages support the sentence."""
    said = _Text(sentence, words_of)
    told = [_Text(passage, words_of) for passage in passages]
    known = {token for text in told for token in text.telling}
    if not said.telling:
        return Support(0.0, ("no_words",))
    carried = [token for token in said.telling if token in known]
    share = len(carried) / len(said.telling)
    changed = _changed_against_its_model(sentence, passages, words_of)
    broken = [
        rule
        for rule, found in (
            ("unsupported_words", _says_too_much(said, known, share, words_of, policy)),
            ("number_mismatch", _numbers_differ(said, told) or changed == "number_mismatch"),
            ("who_or_when_changed", _group_word_is_new(said, known, words_of) or changed == "who_or_when_changed"),
            ("negation_flipped", _negation_differs(said, told) or changed == "negation_flipped"),
            ("direction_flipped", _direction_differs(said, told, words_of) or changed == "direction_flipped"),
            (
                "not_a_statement",
                sentence.rstrip().endswith("?") and not any(p.rstrip().endswith("?") for p in passages),
            ),
        )
        if found
    ]
    return Support(round(share, 3), tuple(broken))


class _Text:
    """One text, split once into what the checks look at."""

    def __init__(self, text: str, words_of: ReviewWords) -> None:
        language = words_of.language
        stop = stop_words(language)
        self.tokens: list[str] = _TOKEN.findall(words_of.as_compared(text))
        self.telling: list[str] = []
        self.numbers: list[tuple[str, str]] = []
        self.denied: dict[str, set[bool]] = {}
        breaks = words_of.phrases["clause_breaks"]
        reach = 0
        for token, following in pairwise([*self.tokens, ""]):
            if token in words_of.negations:
                reach = _NEGATION_REACH
            elif not token[0].isalnum() or breaks.fullmatch(token):
                reach = 0
            elif token[0].isdigit() or token in words_of.number_words:
                number = words_of.number_words.get(token, token.rstrip(".,"))
                unit = stem(following, language) if following[:1].isalpha() and following not in stop else ""
                if token[0].isdigit() or unit:
                    self.numbers.append((number.replace(",", ""), unit))
            elif token not in stop:
                stemmed = stem(token, language)
                self.telling.append(stemmed)
                self.denied.setdefault(stemmed, set()).add(reach > 0)
                reach = max(0, reach - 1)
        self.all_stems = [stem(token, language) for token in self.tokens if token[0].isalpha()]


def _says_too_much(said: _Text, known: set[str], share: float, words_of: ReviewWords, policy: ReviewPolicy) -> bool:
    new = [token for token in said.telling if token not in known]
    if any(token not in words_of.plain for token in new):
        return True
    return share < policy.word_support and len(new) / len(said.telling) > policy.plain_words


def _changed_against_its_model(sentence: str, passages: Sequence[str], words_of: ReviewWords) -> str | None:
    """Return the rule that a small change breaks, when the sentence is nearly one that a passage says.

    One word is enough to turn a copied sentence round, and it may be a word that the passage holds elsewhere.
    """
    mine = _TOKEN.findall(words_of.as_compared(sentence))
    models = [
        _TOKEN.findall(words_of.as_compared(model))
        for passage in passages
        for model in (passage, *_SENTENCE_END.split(passage))
        if model
    ]
    if any(_leaves_out_a_limit(mine, model, words_of) for model in models):
        return "who_or_when_changed"
    if not any(Indel.normalized_similarity(mine, model) >= _NEARLY_THE_SAME for model in models):
        return None
    # The nearest one is its model; an exact copy has none of these faults.
    shorter = [short for model in models for short in _said_shorter(model, words_of)]
    nearest = max([*models, *shorter], key=lambda model: Indel.normalized_similarity(mine, model))
    if _numbers_in(mine, words_of) != _numbers_in(nearest, words_of):
        return "number_mismatch"
    if _negations_in(mine, words_of) != _negations_in(nearest, words_of):
        return "negation_flipped"
    for direction in words_of.directions:
        if _sides_in(mine, direction, words_of) != _sides_in(nearest, direction, words_of):
            return "direction_flipped"
    said, told = _telling_counts(mine, words_of), _telling_counts(nearest, words_of)
    return "who_or_when_changed" if said - told else None


def _said_shorter(tokens: list[str], words_of: ReviewWords) -> Iterator[list[str]]:
    """Yield the text without a part that only adds to it, and with a condition at its end instead of its beginning.

    What limits a text ("unless", "but not") is never left out: without it the text says more. A reason limits nothing.
    """
    for place in range(1, len(tokens)):
        rest = " ".join(tokens[place:]).lstrip(", ")
        is_reason = words_of.phrases["reasons"].match(rest) is not None
        if is_reason or words_of.phrases["additions"].match(rest):
            end = next((n for n in range(place + 1, len(tokens)) if tokens[n] in _PART_ENDS), len(tokens))
            if is_reason or not _limits(tokens[place:end], words_of):
                yield [*tokens[:place], *tokens[end:]]
            if not _limits(tokens[place if not is_reason else end :], words_of):
                yield tokens[:place]
    if tokens and words_of.phrases["conditions"].fullmatch(tokens[0]) and "," in tokens:
        comma = tokens.index(",")
        end_mark = tokens[-1:] if tokens[-1] in _PART_ENDS else []
        yield [*tokens[comma + 1 : len(tokens) - len(end_mark)], *tokens[:comma], *end_mark]


def _leaves_out_a_limit(mine: list[str], model: list[str], words_of: ReviewWords) -> bool:
    """Return whether the sentence ends where its model goes on to say when or for whom it does not hold."""
    own = [token for token in mine if token[0].isalnum()]
    told = [token for token in model if token[0].isalnum()]
    if not own or len(told) <= len(own) or told[len(own)] in words_of.negations:
        return False
    follows = words_of.phrases["limits"].match(" ".join(told[len(own) :])) is not None
    return follows and Indel.normalized_similarity(own, told[: len(own)]) >= _A_COPY


def _limits(tokens: list[str], words_of: ReviewWords) -> bool:
    return words_of.phrases["limits"].search(" ".join(tokens)) is not None


def _numbers_in(tokens: list[str], words_of: ReviewWords) -> list[str]:
    return [
        words_of.number_words.get(t, t).rstrip(".,") for t in tokens if t[0].isdigit() or t in words_of.number_words
    ]


def _negations_in(tokens: list[str], words_of: ReviewWords) -> int:
    return sum(token in words_of.negations for token in tokens)


def _sides_in(tokens: list[str], direction: Direction, words_of: ReviewWords) -> list[bool]:
    stemmed = [stem(token, words_of.language) for token in tokens]
    return [token in direction.one for token in stemmed if token in direction.one or token in direction.other]


def _telling_counts(tokens: list[str], words_of: ReviewWords) -> Counter[str]:
    stop = stop_words(words_of.language)
    return Counter(
        stemmed
        for token in tokens
        if token[0].isalpha() and token not in stop
        for stemmed in (stem(token, words_of.language),)
        if stemmed not in words_of.plain
    )


def _numbers_differ(said: _Text, told: list[_Text]) -> bool:
    given: dict[str, set[str]] = {}
    for text in told:
        for number, unit in text.numbers:
            given.setdefault(number, set()).add(unit)
    for number, unit in said.numbers:
        if number not in given:
            return True
        units = given[number] - {""}
        if unit and units and unit not in units:
            return True
    return False


def _group_word_is_new(said: _Text, known: set[str], words_of: ReviewWords) -> bool:
    return any(token in group and token not in known for group in words_of.who_and_when for token in said.telling)


def _negation_differs(said: _Text, told: list[_Text]) -> bool:
    for token, denied in said.denied.items():
        given = {flag for text in told for flag in text.denied.get(token, ())}
        if given and not denied <= given:
            return True
    return False


def _direction_differs(said: _Text, told: list[_Text], words_of: ReviewWords) -> bool:
    told_stems = [text.all_stems for text in told]
    known = {token for text in told_stems for token in text}
    for direction in words_of.directions:
        for mine, other in ((direction.one, direction.other), (direction.other, direction.one)):
            used = [token for token in said.all_stems if token in mine]
            if not used:
                continue
            if known.isdisjoint(mine):
                # "eat" for "have" is no turn; it is one only where the passage goes the other way.
                if not known.isdisjoint(other):
                    return True
                continue
            if not known.isdisjoint(other) and _moved(said.all_stems, told_stems, mine, words_of.language):
                return True
    return False


def _moved(said: list[str], told: list[list[str]], mine: frozenset[str], language: str) -> bool:
    """Return whether a direction word stands beside other things than in the passages."""
    beside = {token for text in told for token in _neighbours(text, mine, language)}
    mine_here = _neighbours(said, mine, language)
    return bool(mine_here) and beside.isdisjoint(mine_here)


def _neighbours(text: list[str], mine: frozenset[str], language: str) -> set[str]:
    stop = {stem(word, language) for word in stop_words(language)}
    found: set[str] = set()
    for place, token in enumerate(text):
        if token in mine:
            after = [t for t in text[place + 1 :] if t not in stop and t not in mine][:_DIRECTION_REACH]
            before = [t for t in reversed(text[:place]) if t not in stop and t not in mine][:_DIRECTION_REACH]
            found.update(after, before)
    return found


def share_supported(sentence: str, passages: Sequence[str], language: str) -> float:
    """Return the share of the sentence's telling words that the passages hold, 0 to 1."""
    stop = stop_words(language)
    telling = [stem(word, language) for word in words(sentence) if word not in stop]
    known = {stem(word, language) for passage in passages for word in words(passage)}
    return sum(token in known for token in telling) / len(telling) if telling else 0.0
