"""The small language in which a clinician writes how patients say things, and the search for it in a message.

    chest pain              these words, one after the other; word* also takes every ending; a|b takes either
    (passed out|faint)      one of these, also of several words
    <pain> .. <chest>       <name> is any wording of that group; `..` up to 2 words between, `...` up to 7
    [38-43]                 a number in this range
    <pain> + <sweating>     both in one sentence, in any order
    <pain> ++ <pregnant>    both anywhere in the message or the patient's messages shortly before
    = stroke                the message says this and nothing else, but for words of courtesy ("help", "please")

A written word of five letters or more is also found with two neighbours swapped or one letter added inside, one of six
letters or more also with one letter missing, one of nine letters or more also with one wrong letter. A word that is a
real word of its own is never taken for a misspelt one.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import heappop, heappush

from rapidfuzz.distance import OSA

from careguard.normalise import Words, fold
from careguard.spelling import endings_in, sound_in

_GAPS = {"..": 2, "...": 7}
_NEAR = 24
"""`+` joins within one sentence and within this many words, so a message without full stops is not one sentence."""
_TYPO_MIN_LETTERS = 5
_TYPO_STEM_MIN_LETTERS = 6
_WRONG_LETTER_MIN = 9
_SOUND_STEM_MIN = 4
_PIECE = re.compile(r"\([^()]*\)|[^\s()]+|[()]")
_GROUP = re.compile(r"<([a-z][a-z0-9_]*)>")
_RANGE = re.compile(r"\[(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)\]")
_KNOWN_READINGS = 50_000
_FEW = 6
"""A list no longer than this is read from its beginning."""
_PLAIN = re.compile(r"[^\s<>\[\]()|+./=-]+")
"""A wording that is one word."""
_MAX_FINDS = 40
_MAY_SHARE_LAST_WORD = frozenset({"negation"})
"""Cues that may end with the first word of what they cancel: "no me desmayé"."""


class PatternError(ValueError):
    """A pattern is not written in the language above; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Find:
    """One place where a sequence was found: word positions, end exclusive, and the parts it is made of."""

    start: int
    end: int
    parts: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Sequence:
    elements: tuple[int, ...]
    gaps: tuple[int, ...]
    """Most words that may stand before each element; the first is 0."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern: every sentence part must be found, each sequence of a part in the same sentence."""

    number: int
    written: str
    parts: tuple[tuple[_Sequence, ...], ...]
    needs: frozenset[int]
    alone: bool = False
    """Nothing else may stand in the message, but for words of courtesy."""


@dataclass(frozen=True, slots=True)
class _Group:
    position: int
    element: int
    sequences: tuple[_Sequence, ...]


@dataclass(frozen=True, slots=True)
class _Index:
    """For each element the sequences and patterns that need it and are looked at only when it was found."""

    groups: tuple[_Group, ...]
    sequences: Mapping[int, Sequence[tuple[int, _Sequence, frozenset[int]]]]
    """With each sequence the words it needs besides groups."""
    patterns: Mapping[int, Sequence[Pattern]]


class PatternBook:
    """All groups and patterns of one language. Fill it, add the real words, then `sweep` messages."""

    def __init__(
        self,
        *,
        not_misspelt: Iterable[str] = (),
        common: Iterable[str] = (),
        courtesy: Iterable[str] = (),
        respelt: Mapping[str, Sequence[str]] | None = None,
        language: str = "",
    ) -> None:
        """Begin an empty book.

        Args:
            not_misspelt: Real words that are never taken for another one misspelt.
            common: Words that stand in almost every message; nothing is looked up by them if it has a rarer word.
            courtesy: Words that may stand beside a wording that is otherwise the whole message ("help", "please").
            respelt: Spellings that everybody reads as these words ("nite", "xq").
            language: Whose way of spelling by ear is undone.
        """
        self._respelt = {fold(word): tuple(fold(meant) for meant in means) for word, means in (respelt or {}).items()}
        self._sound = sound_in(language)
        self._spelt_by_ear = self._sound is not sound_in("")
        self._endings = endings_in(language)
        self._sounds: dict[str, set[str]] = defaultdict(set)
        self._next = 0
        self._common_words = frozenset(common)
        self._courtesy = frozenset(fold(word) for word in courtesy)
        self._common: set[int] = set()
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._stems: dict[str, list[int]] = defaultdict(list)
        self._atoms: dict[str, int] = {}
        self._ranges: dict[tuple[float, float], int] = {}
        self._groups: dict[str, _Group] = {}
        self._patterns: list[Pattern] = []
        self._index: _Index | None = None
        self._typos: dict[str, set[str]] = defaultdict(set)
        self._not_misspelt = {fold(word) for word in not_misspelt}
        self._read = lru_cache(maxsize=_KNOWN_READINGS)(self._read_word)

    def add_group(self, name: str, wordings: Sequence[str]) -> None:
        """Make `<name>` stand for any of the wordings; they may use groups that were added before.

        Raises:
            PatternError: A wording is not written in the pattern language, or names an unknown group.
        """
        if name in self._groups:
            raise PatternError(f"the group <{name}> is there twice")
        plain = [wording for wording in wordings if _PLAIN.fullmatch(wording)]
        # Looked up as one: most groups are lists of words.
        sequences = [_Sequence((self._atom("|".join(plain), name),), (0,))] if plain else []
        for wording in wordings:
            if _PLAIN.fullmatch(wording):
                continue
            parts = _split_parts(wording)
            if len(parts) != 1 or len(parts[0]) != 1:
                raise PatternError(f"{wording!r}: + and ++ are for rules, not for groups")
            sequences.append(self._sequence(parts[0][0], wording))
        group = _Group(len(self._groups), self._new_element(), tuple(sequences))
        self._groups[name] = group
        if any(len(one.elements) == 1 and one.elements[0] in self._common for one in sequences):
            self._common.add(group.element)
        self._index = None

    def exact_words(self) -> frozenset[str]:
        """Return every word that stands in a wording without a *."""
        return frozenset(self._exact)

    def add_real_words(self, words: Iterable[str]) -> None:
        """Never take one of these words for another one misspelt (a Spanish word for an English one, say).

        They are read ahead, so that the first patient who writes them does not wait for it.
        """
        words = list(words)
        self._not_misspelt.update(words)
        self._read.cache_clear()
        for word in words:
            self._read((word,))

    def compile(self, written: str) -> Pattern:
        """Return the pattern ready for `matches`.

        Raises:
            PatternError: It is not written in the pattern language, or names an unknown group.
        """
        alone = written.startswith("=")
        parts = tuple(
            tuple(self._sequence(sequence, written) for sequence in sentence)
            for sentence in _split_parts(written.removeprefix("="))
        )
        needs = frozenset(element for part in parts for sequence in part for element in sequence.elements)
        pattern = Pattern(len(self._patterns), written, parts, needs, alone)
        self._patterns.append(pattern)
        self._index = None
        return pattern

    def sweep(self, words: Words) -> Sweep:
        """Find every word, number and group of this book in the words, once for all patterns."""
        places: dict[tuple[str, ...], list[tuple[int, int]]] = {}
        for place, forms in enumerate(words.forms):
            if forms in places:
                places[forms].append((place, place + 1))
            else:
                places[forms] = [(place, place + 1)]
        found: dict[int, list[tuple[int, int]]] = {}
        joined: set[int] = set()
        for forms, spans in places.items():
            for element in self._read(forms):
                if element in found:
                    found[element] = found[element] + spans
                    joined.add(element)
                else:
                    found[element] = spans
        for element in joined:
            found[element].sort()  # a list of its own since it was joined
        index = self._index = self._index or self._built_index()
        self._find_groups(words, found, index)
        there = frozenset(found)
        possible: set[int] = set()
        for element in there & index.patterns.keys():
            for pattern in index.patterns[element]:
                if pattern.needs <= there:
                    possible.add(pattern.number)
        return Sweep(words, found, possible, self._courtesy)

    def _find_groups(self, words: Words, found: dict[int, list[tuple[int, int]]], index: _Index) -> None:
        """Add to `found` where the groups stand; a group is made of words and of groups before it."""
        sweep = Sweep(words, found, frozenset())
        there = frozenset(found)
        waiting: dict[int, list[_Sequence]] = defaultdict(list)
        for element in there & index.sequences.keys():
            for position, one, words_needed in index.sequences[element]:
                if words_needed <= there:
                    waiting[position].append(one)
        ordered = sorted(waiting)
        while ordered:
            position = heappop(ordered)
            group = index.groups[position]
            places = self._places(waiting[position], found, sweep)
            if not places:
                continue
            found[group.element] = places
            for later, following, words_needed in index.sequences.get(group.element, ()):
                if words_needed <= there:
                    if later not in waiting:
                        heappush(ordered, later)
                    waiting[later].append(following)

    def _places(
        self, sequences: Sequence[_Sequence], found: Mapping[int, list[tuple[int, int]]], sweep: Sweep
    ) -> list[tuple[int, int]]:
        """Return where any of the sequences stands, in order; the lists in `found` are shared and never changed."""
        lists = [
            found[sequence.elements[0]] if len(sequence.elements) == 1 else sweep.stretches(sequence)
            for sequence in sequences
        ]
        lists = [one for one in lists if one]
        if len(lists) == 1:
            return lists[0] if len(lists[0]) < 2 or len(sequences[0].elements) == 1 else sorted(set(lists[0]))
        return sorted({place for one in lists for place in one})

    def _built_index(self) -> _Index:
        sequences = [(group.position, one) for group in self._groups.values() for one in group.sequences]
        used = Counter(element for _, sequence in sequences for element in set(sequence.elements))
        used.update(element for pattern in self._patterns for element in pattern.needs)

        def rarity(element: int) -> tuple[bool, int]:
            return element in self._common, used[element]

        made_later = {group.element for group in self._groups.values()}
        by_element: dict[int, list[tuple[int, _Sequence, frozenset[int]]]] = defaultdict(list)
        for position, sequence in sequences:
            words_needed = frozenset(sequence.elements) - made_later
            by_element[min(sequence.elements, key=rarity)].append((position, sequence, words_needed))
        patterns: dict[int, list[Pattern]] = defaultdict(list)
        for pattern in self._patterns:
            patterns[min(pattern.needs, key=rarity)].append(pattern)
        return _Index(tuple(self._groups.values()), dict(by_element), dict(patterns))

    def _new_element(self) -> int:
        self._next += 1
        return self._next

    def _sequence(self, pieces: Sequence[str], written: str) -> _Sequence:
        elements: list[int] = []
        gaps: list[int] = []
        gap = 0
        for piece in pieces:
            if piece in _GAPS:
                if not elements or gap:
                    raise PatternError(f"{written!r}: {piece} must stand between two words")
                gap = _GAPS[piece]
                continue
            for position, element in enumerate(self._elements(piece, written)):
                elements.append(element)
                gaps.append(gap if position == 0 else 0)
            gap = 0
        if gap or not elements:
            raise PatternError(f"{written!r}: a pattern must begin and end with a word")
        return _Sequence(tuple(elements), tuple(gaps))

    def _elements(self, piece: str, written: str) -> list[int]:
        choices = piece.removeprefix("(").removesuffix(")").split("|")
        if piece.startswith("(") and all(_PLAIN.fullmatch(choice) for choice in choices):
            return [self._atom("|".join(choices), written)]
        if piece.startswith("(") or (len(choices) > 1 and ("<" in piece or "[" in piece)):
            if piece not in self._groups:
                self.add_group(piece, choices)
            return [self._groups[piece].element]
        if piece.startswith("<"):
            named = _GROUP.fullmatch(piece)
            if named is None or named.group(1) not in self._groups:
                raise PatternError(f"{written!r}: there is no group {piece} above this line")
            return [self._groups[named.group(1)].element]
        if piece.startswith("["):
            bounds = _RANGE.fullmatch(piece)
            if bounds is None or float(bounds.group(1)) > float(bounds.group(2)):
                raise PatternError(f"{written!r}: {piece} is not a range such as [38-43]")
            key = (float(bounds.group(1)), float(bounds.group(2)))
            if key not in self._ranges:
                self._ranges[key] = self._new_element()
            return [self._ranges[key]]
        return [self._atom(word, written) for word in (re.split(r"[-/]", piece) if len(piece) > 1 else [piece]) if word]

    def _atom(self, piece: str, written: str) -> int:
        piece = "|".join(sorted(fold(piece).replace("'", "").split("|")))
        if piece in self._atoms:
            return self._atoms[piece]
        element = self._atoms[piece] = self._new_element()
        for choice in piece.split("|"):
            word = choice.removesuffix("*")
            if word in self._common_words:
                self._common.add(element)
            if not word or "*" in word or not (word.isalnum() or len(word) == 1):
                raise PatternError(f"{written!r}: {choice!r} is not a word; only letters and one * at the end")
            if choice.endswith("*"):
                if len(word) < 3:
                    raise PatternError(f"{written!r}: {choice!r} is too short; write three letters before the *")
                self._stems[word].append(element)
            else:
                self._exact[word].append(element)
            if len(word) >= _SOUND_STEM_MIN and self._spelt_by_ear:
                self._sounds[self._sound(word)].add(word)
            if len(word) >= (_TYPO_STEM_MIN_LETTERS if choice.endswith("*") else _TYPO_MIN_LETTERS):
                for neighbour in _one_letter_less(word):
                    self._typos[neighbour].add(word)
        return element

    def _read_word(self, forms: tuple[str, ...]) -> tuple[int, ...]:
        elements: set[int] = set()
        meant = (word for form in forms for word in self._respelt.get(form, ()))
        for form in (*forms, *meant):
            if form[0].isdigit():
                elements.update(self._exact.get(form, ()))
                elements.update(self._number_elements(form))
                continue
            self._add_word(form, elements)
            if form in self._exact or form in self._not_misspelt:
                continue
            for ending in self._endings(form):
                self._add_word(ending, elements)
            self._add_alike(form, elements)
            if len(form) >= _TYPO_MIN_LETTERS:
                for candidate in _one_letter_less(form):
                    for word in self._typos.get(candidate, ()):
                        if _is_misspelt(form, word):
                            elements.update(self._exact.get(word, ()))
                            elements.update(self._stems.get(word, ()))
        return tuple(elements)

    def _add_word(self, form: str, elements: set[int]) -> None:
        elements.update(self._exact.get(form, ()))
        for length in range(3, len(form) + 1):
            elements.update(self._stems.get(form[:length], ()))

    def _add_alike(self, form: str, elements: set[int]) -> None:
        """Add the words that sound like this one, and the stems that its beginning sounds like."""
        if not self._sounds:
            return
        sound = self._sound(form)
        for word in self._sounds.get(sound, ()):
            elements.update(self._exact.get(word, ()))
        for length in range(_SOUND_STEM_MIN, len(sound) + 1):
            for word in self._sounds.get(sound[:length], ()):
                elements.update(self._stems.get(word, ()))

    def _number_elements(self, form: str) -> list[int]:
        try:
            value = float(form)
        except ValueError:
            return []
        return [element for (low, high), element in self._ranges.items() if low <= value <= high]


class Sweep:
    """What one book found in one patient's words."""

    def __init__(
        self,
        words: Words,
        found: Mapping[int, list[tuple[int, int]]],
        possible: Set[int],
        courtesy: Set[str] = frozenset(),
    ) -> None:
        self.words = words
        self._courtesy = courtesy
        self.possible = possible
        """Numbers of the patterns all of whose words were found; no other can match."""
        self._found = found

    def find(self, sequence: _Sequence, *, negators: Mapping[int, Sequence[Cue]] | None = None) -> list[Find]:
        """Return where the sequence stands; places that a cue in `negators` cancels are left out."""
        sentences = self.words.sentences
        finds = [
            Find(start, end, ((start, end),))
            for start, end in self._found.get(sequence.elements[0], ())
            if not _cancelled(start, ((start, end),), negators)
        ]
        for element, gap in zip(sequence.elements[1:], sequence.gaps[1:], strict=True):
            places = self._found.get(element, ())
            longer: list[Find] = []
            for find in finds:
                for start, end in places[bisect_left(places, (find.end,)) :] if len(places) > _FEW else places:
                    if start < find.end:
                        continue
                    if start > find.end + gap:
                        break
                    if sentences[start] != sentences[find.end - 1]:
                        break
                    parts = (*find.parts, (start, end))
                    if not _cancelled(start, parts, negators):
                        longer.append(Find(find.start, end, parts))
            finds = longer[:_MAX_FINDS]
            if not finds:
                break
        return finds

    def stretches(self, sequence: _Sequence) -> list[tuple[int, int]]:
        """Return where the sequence stands, from its first to its last word, whatever cancels it."""
        found, sentences = self._found, self.words.sentences
        for element in sequence.elements:
            if element not in found:
                return []
        spans = found[sequence.elements[0]]
        for element, gap in zip(sequence.elements[1:], sequence.gaps[1:], strict=True):
            if not spans:
                return spans
            places = found[element]
            longer = []
            for start, end in spans:
                sentence, last = sentences[end - 1], end + gap
                for place, after in places[bisect_left(places, (end,)) :] if len(places) > _FEW else places:
                    if place < end:
                        continue
                    if place > last or sentences[place] != sentence:
                        break
                    longer.append((start, after))
            spans = longer[:_MAX_FINDS]
        return spans

    def matches(
        self, pattern: Pattern, *, negators: Mapping[int, Sequence[Cue]] | None = None
    ) -> list[tuple[tuple[int, int], ...]]:
        """Return every way the pattern stands in the words, as the parts that were found."""
        if pattern.number not in self.possible:
            return []
        combined: list[tuple[tuple[int, int], ...]] = [()]
        for part in pattern.parts:
            ways = self._in_one_sentence(part, negators)
            combined = [
                before + way
                for before in combined
                for way in ways
                if not any(s < end and start < e for s, e in before for start, end in way)
            ][:_MAX_FINDS]
            if not combined:
                return []
        return [way for way in combined if self._is_alone(way)] if pattern.alone else combined

    def _is_alone(self, way: tuple[tuple[int, int], ...]) -> bool:
        message = self.words.messages[way[0][0]]
        return all(
            self.words.messages[place] != message
            or any(start <= place < end for start, end in way)
            or not self._courtesy.isdisjoint(self.words.forms[place])
            for place in range(len(self.words))
        )

    def _in_one_sentence(
        self, part: tuple[_Sequence, ...], negators: Mapping[int, Sequence[Cue]] | None
    ) -> list[tuple[tuple[int, int], ...]]:
        ways: list[tuple[Find, ...]] = [()]
        for sequence in part:
            finds = self.find(sequence, negators=negators)
            ways = [(*way, find) for way in ways for find in finds if self._belong(way, find)][:_MAX_FINDS]
            if not ways:
                return []
        return [tuple(span for find in way for span in find.parts) for way in ways]

    def _belong(self, way: tuple[Find, ...], find: Find) -> bool:
        sentences = self.words.sentences
        for other in way:
            if sentences[other.start] != sentences[find.start]:
                return False
            if other.start < find.end and find.start < other.end:
                return False
            if min(abs(find.start - other.end), abs(other.start - find.end)) > _NEAR:
                return False
        return True


@dataclass(frozen=True, slots=True)
class PatternSet:
    """Patterns that are looked for together."""

    by_number: Mapping[int, Pattern] = field(default_factory=dict)

    @classmethod
    def of(cls, patterns: Iterable[Pattern]) -> PatternSet:
        """Return the set of these patterns of one book."""
        return cls({pattern.number: pattern for pattern in patterns})

    def __iter__(self) -> Iterator[Pattern]:
        return iter(self.by_number.values())

    def spans(self, sweep: Sweep) -> list[tuple[int, int]]:
        """Return where any of them stands, from its first to its last word."""
        return [
            (way[0][0], way[-1][1])
            for number in sorted(sweep.possible & self.by_number.keys())
            for way in sweep.matches(self.by_number[number])
        ]


@dataclass(frozen=True, slots=True)
class Cue:
    """A word or two that cancels what stands in its reach ("no", "years ago", "what are the signs of")."""

    kind: str
    start: int
    end: int


def _cancelled(start: int, parts: tuple[tuple[int, int], ...], negators: Mapping[int, Sequence[Cue]] | None) -> bool:
    """Say whether a cue reaches the word at `start` that is no part of the find itself."""
    return negators is not None and any(not _is_part(cue, parts) for cue in negators.get(start, ()))


def _is_part(cue: Cue, parts: tuple[tuple[int, int], ...]) -> bool:
    """Say whether words of the cue are words of the find; a denial may end with the first word of what it denies."""
    end = max(cue.end - 1, cue.start + 1) if cue.kind in _MAY_SHARE_LAST_WORD else cue.end
    return any(part_start < end and cue.start < part_end for part_start, part_end in parts)


def _split_parts(written: str) -> list[list[list[str]]]:
    """Return message parts of sentence parts of pieces.

    Raises:
        PatternError: Something stands there that is neither a word, a group, a range nor a sign of the language.
    """
    parts: list[list[list[str]]] = [[[]]]
    for piece in _PIECE.findall(written):
        if piece == "++":
            parts.append([[]])
        elif piece == "+":
            parts[-1].append([])
        else:
            parts[-1][-1].append(piece)
    if any(not sequence for part in parts for sequence in part):
        raise PatternError(f"{written!r}: words are missing beside a +, or the pattern is empty")
    return parts


def _is_misspelt(form: str, word: str) -> bool:
    """Say whether one slip of the fingers makes `word` into `form`; a wrong letter counts in long words only."""
    if form[0] != word[0] or form.startswith(word) or OSA.distance(form, word, score_cutoff=1) > 1:
        return False
    return len(form) != len(word) or len(word) >= _WRONG_LETTER_MIN or sorted(form) == sorted(word)


def _one_letter_less(word: str) -> list[str]:
    return [word, *(word[:index] + word[index + 1 :] for index in range(len(word)))]
