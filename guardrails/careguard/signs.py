"""What can be seen beside a piece's meaning: who it is about, when it is, and whether it only asks.

Second step of the meaning layer. Signs are words that a clinician can read in `signs.yaml` and in the `context:` of
`red_flags.yaml`; they go into the reading as named numbers, and some of them stop it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from careguard.context import CueKind, read_reaches
from careguard.errors import DataFileError
from careguard.normalise import Words, read_words
from careguard.patterns import PatternBook, PatternError, PatternSet
from careguard.rulebook import LanguageWordings, Rulebook
from careguard.strict_yaml import read_yaml
from careguard.windows import Window

WRITTEN: Mapping[str, tuple[str, ...]] = {
    "who": ("self", "child", "relative", "other"),
    "when": ("now", "told"),
    "asks": ("knowledge",),
}
"""What signs.yaml says."""

NAMES: tuple[str, ...] = (
    *(f"{kind}: {name}" for kind, names in WRITTEN.items() for name in names),
    "when: old",
    "when: pressing",
    "asks: advice",
    "speaks of somebody",
    *(kind.value for kind in CueKind),
    "idiom",
    "few words",
)
"""The numbers of a piece, each between 0 and 1, in the order in which they are counted."""

_FEW_WORDS = 8


@dataclass(frozen=True, slots=True)
class SignWords:
    """The signs of one language, ready to be found."""

    book: PatternBook
    signs: Mapping[str, PatternSet]


@dataclass(frozen=True, slots=True)
class Signs:
    """What was seen in one piece."""

    found: Mapping[str, float]

    def vector(self) -> list[float]:
        """Return the numbers in the order of `NAMES`."""
        return [self.found.get(name, 0.0) for name in NAMES]

    def share(self, kind: CueKind) -> float:
        """Return which share of the words is denied, past, asked in general or hypothetical."""
        return self.found.get(kind.value, 0.0)


def load_sign_words(locales: Path, languages: Sequence[str]) -> tuple[SignWords, ...]:
    """Return the signs of the languages that have a signs.yaml; a language without one is read by meaning alone.

    Raises:
        DataFileError: A file is wrong.
    """
    paths = [locales / "languages" / tag / "signs.yaml" for tag in languages]
    return tuple(_load(path) for path in paths if path.exists())


def read_signs(
    text: str, windows: Sequence[Window], rulebook: Rulebook, sign_words: Sequence[SignWords]
) -> list[Signs]:
    """Return what is seen in each piece of the text, in every language at once."""
    words = read_words(text)
    seen = _Seen(words, windows)
    for one in sign_words:
        sweep = one.book.sweep(words)
        for name, patterns in one.signs.items():
            seen.note(name, {start for start, _ in patterns.spans(sweep)})
    for language in rulebook.languages:
        _read_cues(language, words, seen)
    return [
        Signs(found | {"few words": max(0.0, 1 - window.words / _FEW_WORDS)})
        for window, found in zip(windows, seen.found, strict=True)
    ]


class _Seen:
    """The numbers of every piece, while they are gathered."""

    def __init__(self, words: Words, windows: Sequence[Window]) -> None:
        self.found: list[dict[str, float]] = [{} for _ in windows]
        self._places = [
            [place for place in range(len(words)) if window.start <= words.starts[place] < window.end]
            for window in windows
        ]

    def note(self, name: str, starts: Collection[int]) -> None:
        """A sign stands at these words: every piece with one of them has it."""
        if not starts:
            return
        for found, places in zip(self.found, self._places, strict=True):
            if any(place in starts for place in places):
                found[name] = 1.0

    def note_share(self, name: str, reached: Collection[int]) -> None:
        """These words are reached: every piece has the share of its words."""
        if not reached:
            return
        for found, places in zip(self.found, self._places, strict=True):
            if places:
                share = sum(1 for place in places if place in reached) / len(places)
                found[name] = max(found.get(name, 0.0), share)


def _read_cues(language: LanguageWordings, words: Words, seen: _Seen) -> None:
    sweep = language.book.sweep(words)
    context = language.context
    for name, patterns in (
        ("speaks of somebody", context.personal),
        ("when: old", context.doubt.old),
        ("when: pressing", context.doubt.now),
        ("asks: advice", context.doubt.advice),
    ):
        seen.note(name, {start for start, _ in patterns.spans(sweep)})
    reaches = read_reaches(context, sweep)
    for kind in CueKind:
        seen.note_share(kind.value, reaches.by_kind.get(kind, {}).keys())
    seen.note_share("idiom", reaches.idioms.keys())


def _load(path: Path) -> SignWords:
    data: Any = read_yaml(path)
    if not isinstance(data, dict) or set(data) != {"language", *WRITTEN}:
        raise DataFileError(path, f"write language, {', '.join(WRITTEN)} and nothing else")
    book = PatternBook()
    signs = {}
    for kind, names in WRITTEN.items():
        entry = data[kind]
        if not isinstance(entry, dict) or set(entry) != set(names):
            raise DataFileError(path, f"`{kind}` must have {', '.join(names)}")
        for name in names:
            wordings = entry[name]
            if not isinstance(wordings, list) or not all(isinstance(wording, str) for wording in wordings):
                raise DataFileError(path, f"{kind}, {name} must be a list of wordings; put numbers into quotes")
            try:
                signs[f"{kind}: {name}"] = PatternSet.of([book.compile(wording) for wording in wordings])
            except PatternError as error:
                raise DataFileError(path, f"{kind}, {name}: {error}") from None
    return SignWords(book, signs)
