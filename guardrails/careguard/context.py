"""Tells "no chest pain", "a stroke five years ago" and "what are the signs of a stroke?" from an emergency.

Stands between finding a wording and letting it fire. A cue ("no", "years ago", "what are the signs of") cancels only
the words in its reach, never another finding; where the reach is in doubt it is kept short, so that the finding fires.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum

from careguard.normalise import Words
from careguard.patterns import Cue, PatternSet, Sweep

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
_BEFORE_VERB = 3
"""A question that asks in general has its verb this near its beginning."""

PERSONAL_LIFTS = frozenset({CueKind.KNOWLEDGE, CueKind.HYPOTHETICAL})
"""These cues do not cancel when the sentence also says that it happens to somebody now."""
_NO_PATTERNS = PatternSet()


@dataclass(frozen=True, slots=True)
class CuePatterns:
    """The cues of one kind."""

    after: PatternSet = _NO_PATTERNS
    """Reach what follows."""
    sentence: PatternSet = _NO_PATTERNS
    """Reach the whole sentence."""
    question: PatternSet = _NO_PATTERNS
    """Reach the whole sentence when it is a question that begins so and nobody in the message speaks of somebody."""
    always: PatternSet = _NO_PATTERNS
    """Reach what follows, also where the sentence says that it happens to somebody now."""
    unless: PatternSet = _NO_PATTERNS
    """Are no cues at all."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Words that tell whether a sign may be an old one, in a message that asks for knowledge or advice."""

    old: PatternSet = _NO_PATTERNS
    advice: PatternSet = _NO_PATTERNS
    now: PatternSet = _NO_PATTERNS


@dataclass(frozen=True, slots=True)
class Answers:
    """How a patient answers "Is this happening now?" in words; each is the whole message."""

    yes: PatternSet = _NO_PATTERNS
    no: PatternSet = _NO_PATTERNS


@dataclass(frozen=True, slots=True)
class Context:
    """How one language denies, looks back, asks in general and jokes."""

    cues: Mapping[CueKind, CuePatterns] = field(default_factory=dict)
    stops: PatternSet = _NO_PATTERNS
    """Words at which every reach ends ("but", "now")."""
    list_words: PatternSet = _NO_PATTERNS
    """Words that carry a negation across commas ("no fever, cough or chest pain")."""
    restarts: PatternSet = _NO_PATTERNS
    """Words that begin a new statement after a comma or "and" ("I", "my")."""
    personal: PatternSet = _NO_PATTERNS
    idioms: PatternSet = _NO_PATTERNS
    doubt: Doubt = Doubt()
    answers: Answers = Answers()


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

    def with_foreign(self, other: Reaches, is_foreign: Callable[[Cue], bool]) -> Reaches:
        """Return these reaches and those cues of another language that this one cannot mistake for its own words."""
        merged: dict[CueKind, dict[int, list[Cue]]] = {}
        for kind in self.by_kind.keys() | other.by_kind.keys():
            by_word = {word: list(cues) for word, cues in self.by_kind.get(kind, {}).items()}
            for word, cues in other.by_kind.get(kind, {}).items():
                if chosen := [cue for cue in cues if is_foreign(cue)]:
                    by_word.setdefault(word, []).extend(chosen)
            merged[kind] = by_word
        return Reaches(merged, self.idioms)


def personal_sentences(context: Context, sweep: Sweep) -> set[int]:
    """Return the numbers of the sentences that speak of the patient or of somebody the patient is with."""
    return {sweep.words.sentences[start] for start in _starts(context.personal, sweep)}


def read_reaches(context: Context, sweep: Sweep, *, personal: Set[int] | None = None) -> Reaches:
    """Return which words are denied, past, general knowledge, hypothetical or part of an idiom.

    Args:
        personal: The sentences that speak of somebody, in whatever language; read from this language when left out.
    """
    words = sweep.words
    marks = _Marks(_starts(context.stops, sweep), _starts(context.list_words, sweep), _starts(context.restarts, sweep))
    if personal is None:
        personal = personal_sentences(context, sweep)
    by_kind: dict[CueKind, dict[int, list[Cue]]] = {}
    for kind, patterns in context.cues.items():
        reached: dict[int, list[Cue]] = defaultdict(list)
        no_cue = _covered(patterns.unless, sweep)
        lifted: Set[int] = personal if kind in PERSONAL_LIFTS else frozenset()
        for start, end in patterns.after.spans(sweep):
            if start not in no_cue and words.sentences[start] not in lifted:
                reach = _reach_after(kind, end, words, marks)
                # "no me desmayé": the second word of the denial may be the first of what is denied.
                first = start + 1 if kind is CueKind.NEGATION else reach.start
                _note(reached, Cue(kind, start, end), range(first, reach.stop))
        for start, end in patterns.always.spans(sweep):
            if start not in no_cue:
                _note(reached, Cue(kind, start, end), _reach_after(kind, end, words, marks))
        ends = marks.stops | marks.list_words if kind is CueKind.PAST else marks.stops
        for start, end in patterns.sentence.spans(sweep):
            if start not in no_cue and words.sentences[start] not in lifted:
                _note(reached, Cue(kind, start, end), _reach_sentence(kind, start, end, words, ends))
        if words.questions and not personal:
            for start, end in patterns.question.spans(sweep):
                if start not in no_cue and _opens_question(start, words):
                    _note(reached, Cue(kind, start, end), _reach_sentence(kind, start, end, words, set()))
        by_kind[kind] = reached
    idioms: dict[int, list[Cue]] = defaultdict(list)
    for word in _covered(context.idioms, sweep):
        idioms[word].append(Cue("idiom", -1, -1))
    return Reaches(by_kind, idioms)


def _note(reached: dict[int, list[Cue]], cue: Cue, places: range) -> None:
    for place in places:
        reached[place].append(cue)


def _opens_question(start: int, words: Words) -> bool:
    sentence = words.sentences[start]
    if sentence not in words.questions:
        return False
    first = start
    while first > 0 and words.sentences[first - 1] == sentence:
        first -= 1
    return start - first <= _BEFORE_VERB


def _reach_after(kind: CueKind, end: int, words: Words, marks: _Marks) -> range:
    """Return the words after the cue that it reaches, in its own message only.

    A denial or a look back ends with its clause, unless a list goes on ("no fever, cough or chest pain"); it never
    passes the beginning of a new statement ("no fever and my chest hurts").
    """
    sentence = words.sentences[end - 1]
    limit = min(len(words), end + _REACH_WORDS[kind])
    bounded = kind in (CueKind.NEGATION, CueKind.PAST)
    stop = end
    clause_end: int | None = None
    list_end = end
    message = words.messages[end - 1]
    while stop < len(words) and words.sentences[stop] == sentence and stop not in marks.stops:
        if words.messages[stop] != message:
            break
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
    here = (units[start], words.messages[start])
    first = start
    while first > 0 and (units[first - 1], words.messages[first - 1]) == here and first - 1 not in stops:
        first -= 1
    last = end
    while last < len(words) and (units[last], words.messages[last]) == here and last not in stops:
        last += 1
    return range(first, last)


def _starts(patterns: PatternSet, sweep: Sweep) -> set[int]:
    return {start for start, _ in patterns.spans(sweep)}


def _covered(patterns: PatternSet, sweep: Sweep) -> set[int]:
    return {word for start, end in patterns.spans(sweep) for word in range(start, end)}
