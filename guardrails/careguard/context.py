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


_LIST_WORDS = 25
"""A list that a denial runs through is not longer than this."""
_LAST_ITEM_WORDS = 4

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
    restarts: tuple[Pattern, ...] = ()
    """Words that begin a new statement after a comma or "and" ("I", "my")."""
    personal: tuple[Pattern, ...] = ()
    idioms: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True)
class _Marks:
    stops: set[int]
    list_words: set[int]
    restarts: set[int]


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
    marks = _Marks(_starts(context.stops, sweep), _starts(context.list_words, sweep), _starts(context.restarts, sweep))
    personal_sentences = {words.sentences[start] for start in _starts(context.personal, sweep)}
    by_kind: dict[CueKind, dict[int, list[Cue]]] = {}
    for kind, patterns in context.cues.items():
        reached: dict[int, list[Cue]] = defaultdict(list)
        no_cue = _covered(patterns.unless, sweep)
        for start, end in _spans(patterns.after, sweep):
            if start in no_cue or (kind in PERSONAL_LIFTS and words.sentences[start] in personal_sentences):
                continue
            for word in _reach_after(kind, end, words, marks):
                reached[word].append(Cue(kind, start, end))
        for start, end in _spans(patterns.sentence, sweep):
            if start in no_cue or (kind in PERSONAL_LIFTS and words.sentences[start] in personal_sentences):
                continue
            ends = marks.stops | marks.list_words if kind is CueKind.PAST else marks.stops
            for word in _reach_sentence(kind, start, end, words, ends):
                reached[word].append(Cue(kind, start, end))
        by_kind[kind] = reached
    idioms: dict[int, list[Cue]] = defaultdict(list)
    for word in _covered(context.idioms, sweep):
        idioms[word].append(Cue("idiom", -1, -1))
    return Reaches(by_kind, idioms)


def _reach_after(kind: CueKind, end: int, words: Words, marks: _Marks) -> range:
    """Return the words after the cue that it reaches.

    A denial or a look back ends with its clause, unless a list goes on ("no fever, cough or chest pain"); it never
    passes the beginning of a new statement ("no fever and my chest hurts").
    """
    sentence = words.sentences[end - 1]
    limit = min(len(words), end + _REACH_WORDS[kind])
    bounded = kind in (CueKind.NEGATION, CueKind.PAST)
    stop = end
    clause_end: int | None = None
    list_end = end
    while stop < len(words) and words.sentences[stop] == sentence and stop not in marks.stops:
        new_clause = words.clauses[stop] != words.clauses[stop - 1]
        if bounded and stop in marks.restarts and (new_clause or stop - 1 in marks.list_words):
            break
        if new_clause and clause_end is None:
            clause_end = stop
        if stop in marks.list_words and stop - end < _LIST_WORDS:
            list_end = stop + 1 + _LAST_ITEM_WORDS
        stop += 1
    if not bounded:
        return range(end, min(stop, limit))
    near = min(limit, clause_end if clause_end is not None else stop)
    return range(end, min(stop, max(near, list_end if list_end > end else near)))


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
    return [
        (way[0][0], way[-1][1])
        for pattern in patterns
        if pattern.number in sweep.possible
        for way in sweep.matches(pattern)
    ]


def _starts(patterns: Sequence[Pattern], sweep: Sweep) -> set[int]:
    return {start for start, _ in _spans(patterns, sweep)}


def _covered(patterns: Sequence[Pattern], sweep: Sweep) -> set[int]:
    return {word for start, end in _spans(patterns, sweep) for word in range(start, end)}
