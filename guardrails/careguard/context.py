"""Tells "no chest pain", "a stroke five years ago" and "what are the signs of a stroke?" from an emergency.

Stands between finding a wording and letting it fire. A cue ("no", "years ago", "what are the signs of") cancels only
the words in its reach, never another finding; where the reach is in doubt it is kept short, so that the finding fires.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from careguard.normalise import Words
from careguard.patterns import Cue, Pattern, Sweep

_REACH_WORDS = {"negation": 7, "past": 9, "knowledge": 60, "hypothetical": 40}


class CueKind(StrEnum):
    """Why a wording may not be about something that is happening now."""

    NEGATION = "negation"
    PAST = "past"
    KNOWLEDGE = "knowledge"
    HYPOTHETICAL = "hypothetical"


PERSONAL_LIFTS = frozenset({CueKind.KNOWLEDGE, CueKind.HYPOTHETICAL})
"""These cues do not cancel when the sentence also says that it happens to somebody now."""


@dataclass(frozen=True, slots=True)
class CuePatterns:
    """The cues of one kind: `after` reach what follows, `sentence` the whole sentence, `unless` are no cues at all."""

    after: tuple[Pattern, ...] = ()
    sentence: tuple[Pattern, ...] = ()
    unless: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """How one language denies, looks back, asks in general and jokes."""

    cues: Mapping[CueKind, CuePatterns] = field(default_factory=dict)
    stops: tuple[Pattern, ...] = ()
    """Words at which every reach ends ("but", "now")."""
    list_words: tuple[Pattern, ...] = ()
    """Words that carry a negation across commas ("no fever, cough or chest pain")."""
    personal: tuple[Pattern, ...] = ()
    idioms: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True)
class Reaches:
    """For every kind, the cues that reach each word."""

    by_kind: Mapping[CueKind, Mapping[int, Sequence[Cue]]]
    idioms: Mapping[int, Sequence[Cue]]

    def of(self, kinds: frozenset[CueKind]) -> Mapping[int, Sequence[Cue]]:
        """Return the cues of these kinds, and of idioms, by word."""
        merged: dict[int, list[Cue]] = defaultdict(list)
        for reached in (self.idioms, *(self.by_kind[kind] for kind in kinds if kind in self.by_kind)):
            for word, cues in reached.items():
                merged[word].extend(cues)
        return merged


def read_reaches(context: Context, sweep: Sweep) -> Reaches:
    """Return which words are denied, past, general knowledge, hypothetical or part of an idiom."""
    words = sweep.words
    stops = _starts(context.stops, sweep)
    list_words = _starts(context.list_words, sweep)
    personal_sentences = {words.sentences[start] for start in _starts(context.personal, sweep)}
    by_kind: dict[CueKind, dict[int, list[Cue]]] = {}
    for kind, patterns in context.cues.items():
        reached: dict[int, list[Cue]] = defaultdict(list)
        no_cue = _covered(patterns.unless, sweep)
        for start, end in _spans(patterns.after, sweep):
            if start in no_cue or (kind in PERSONAL_LIFTS and words.sentences[start] in personal_sentences):
                continue
            for word in _reach_after(kind, end, words, stops, list_words):
                reached[word].append(Cue(kind, start, end))
        for start, end in _spans(patterns.sentence, sweep):
            if start in no_cue or (kind in PERSONAL_LIFTS and words.sentences[start] in personal_sentences):
                continue
            ends = stops | list_words if kind is CueKind.PAST else stops
            for word in _reach_sentence(kind, start, end, words, ends):
                reached[word].append(Cue(kind, start, end))
        by_kind[kind] = reached
    idioms: dict[int, list[Cue]] = defaultdict(list)
    for word in _covered(context.idioms, sweep):
        idioms[word].append(Cue("idiom", -1, -1))
    return Reaches(by_kind, idioms)


def _reach_after(kind: CueKind, end: int, words: Words, stops: set[int], list_words: set[int]) -> range:
    last = end - 1
    limit = min(len(words), end + _REACH_WORDS[kind])
    stop = end
    while stop < limit and words.sentences[stop] == words.sentences[last] and stop not in stops:
        stop += 1
    if kind is not CueKind.NEGATION:
        return range(end, stop)
    clause_end = end
    while clause_end < stop and words.clauses[clause_end] == words.clauses[last]:
        clause_end += 1
    sentence_end = end
    while (
        sentence_end < len(words)
        and words.sentences[sentence_end] == words.sentences[last]
        and sentence_end not in stops
    ):
        sentence_end += 1
    joined = [word for word in range(end, sentence_end) if word in list_words and word - end < 25]
    if joined:
        return range(end, min(sentence_end, joined[-1] + 5))
    return range(end, clause_end)


def _reach_sentence(kind: CueKind, start: int, end: int, words: Words, stops: set[int]) -> range:
    """Return the sentence around the cue, or its clause for the past: "diabetes for ten years, now my chest hurts"."""
    units = words.clauses if kind is CueKind.PAST else words.sentences
    first = start
    while first > 0 and units[first - 1] == units[start] and first - 1 not in stops:
        first -= 1
    last = end
    while last < len(words) and units[last] == units[start] and last not in stops:
        last += 1
    return range(first, last)


def _spans(patterns: Sequence[Pattern], sweep: Sweep) -> list[tuple[int, int]]:
    return [(way[0][0], way[-1][1]) for pattern in patterns for way in sweep.matches(pattern)]


def _starts(patterns: Sequence[Pattern], sweep: Sweep) -> set[int]:
    return {start for start, _ in _spans(patterns, sweep)}


def _covered(patterns: Sequence[Pattern], sweep: Sweep) -> set[int]:
    return {word for start, end in _spans(patterns, sweep) for word in range(start, end)}
