"""Reads the glossary and finds its terms: words and abbreviations from letters and lab reports, in plain words.

Stands beside the topics: a topic explains an illness, the glossary says in one sentence what a word means. It never
says what a patient's own result means.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from careguard.errors import DataFileError
from careguard.strict_yaml import read_yaml

GLOSSARY_FILE = "glossary.yaml"

_KEYS = frozenset({"written_on", "reviewed_by", "reviewed_on", "sources", "terms", "several"})
_SEVERAL_KEYS = frozenset({"written", "means", "source"})
_TERM_KEYS = frozenset({"id", "term", "also", "means", "source", "as_written"})
_TERM_REQUIRED = _TERM_KEYS - {"as_written"}
_SOURCE_KEYS = frozenset({"id", "publisher", "title", "url"})
_TERM_ID = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class GlossarySource:
    """Where the meaning of a term comes from."""

    id: str
    publisher: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Term:
    """One word or abbreviation, the other ways to write it, and one plain sentence that says what it means."""

    id: str
    """The same in every language."""
    term: str
    also: tuple[str, ...]
    means: str
    source: GlossarySource
    as_written: frozenset[str]
    """The spellings found only in these very letters, because in small letters they are ordinary words (FIT, IM)."""

    @property
    def spellings(self) -> tuple[str, ...]:
        """Return every way in which the term is written, its own first."""
        return (self.term, *self.also)


@dataclass(frozen=True, slots=True)
class Mention:
    """A term where it stands in a text."""

    term: Term
    written: str
    """The glossary's spelling that stands there."""
    start: int
    end: int
    """Where it stands, in characters of the text without accents."""


@dataclass(frozen=True)
class Glossary:
    """The terms of one language."""

    language: str
    terms: tuple[Term, ...]
    several: tuple[Term, ...]
    """Abbreviations that stand for more than one thing; what each says names them all and chooses none."""
    written_on: dt.date
    reviewed_by: str | None
    reviewed_on: dt.date | None

    def find(self, text: str) -> tuple[Term, ...]:
        """Return the terms that stand in the text, in its order, each once; a longer term hides one inside it."""
        return tuple(mention.term for mention in self.mentions(text))

    def mentions(self, text: str) -> tuple[Mention, ...]:
        """Return where each term stands first, in the order of the text; a longer term hides one inside it."""
        found: dict[str, Mention] = {}
        for match in self._pattern.finditer(without_accents(text)):
            spelled = self._spelled(match.group())
            if spelled is not None:
                written, term = spelled
                found.setdefault(term.id, Mention(term, written, match.start(), match.end()))
        return tuple(found.values())

    def named(self, text: str) -> Mention | None:
        """Return the term that is the whole text, in whatever letters ("what does fit mean" asks for FIT)."""
        plain = without_accents(text)
        spelled = self._spelled(plain) or self._any_case.get(plain.casefold())
        return Mention(spelled[1], spelled[0], 0, len(plain)) if spelled is not None else None

    def _spelled(self, written: str) -> tuple[str, Term] | None:
        exact = self._as_written.get(written)
        return exact if exact is not None else self._folded.get(written.casefold())

    @property
    def _all(self) -> tuple[Term, ...]:
        return self.terms + self.several

    @cached_property
    def _as_written(self) -> Mapping[str, tuple[str, Term]]:
        return {without_accents(words): (words, term) for term in self._all for words in term.as_written}

    @cached_property
    def _any_case(self) -> Mapping[str, tuple[str, Term]]:
        return {written.casefold(): spelled for written, spelled in self._as_written.items()}

    @cached_property
    def _folded(self) -> Mapping[str, tuple[str, Term]]:
        return {
            without_accents(words).casefold(): (words, term)
            for term in self._all
            for words in term.spellings
            if words not in term.as_written
        }

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        exact = [(words, re.escape(words)) for words in self._as_written]
        folded = [(words, f"(?i:{re.escape(words)})") for words in self._folded]
        longest_first = sorted(exact + folded, key=lambda pair: len(pair[0]), reverse=True)
        choices = "|".join(pattern for _, pattern in longest_first) or r"(?!)"
        return re.compile(rf"(?<!\w)(?:{choices})(?!\w)")


def load_glossary(locales: Path, language: str) -> Glossary:
    """Return the glossary of the language.

    Raises:
        DataFileError: The file is missing or bends the format.
    """
    path = locales / "languages" / language / GLOSSARY_FILE
    loaded = read_yaml(path)
    if not isinstance(loaded, dict) or set(loaded) != _KEYS:
        raise DataFileError(path, f"a glossary has exactly these keys: {', '.join(sorted(_KEYS))}")
    sources = _read_sources(path, loaded["sources"])
    if not isinstance(loaded["terms"], list) or not loaded["terms"]:
        raise DataFileError(path, "'terms' must be a list of terms")
    if not isinstance(loaded["several"], list):
        raise DataFileError(path, "'several' must be a list of abbreviations")
    terms = tuple(_read_term(path, entry, sources) for entry in loaded["terms"])
    several = tuple(_read_several(path, entry, sources) for entry in loaded["several"])
    _refuse_twice(path, terms + several)
    return Glossary(
        language,
        terms,
        several,
        written_on=_read_day(path, "written_on", loaded["written_on"]),
        reviewed_by=loaded["reviewed_by"],
        reviewed_on=_read_day(path, "reviewed_on", loaded["reviewed_on"]) if loaded["reviewed_on"] else None,
    )


def _read_day(path: Path, key: str, value: Any) -> dt.date:
    try:
        return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))
    except ValueError:
        raise DataFileError(path, f"'{key}' must be a day, like 2026-11-24") from None


def _read_several(path: Path, entry: Any, sources: Mapping[str, GlossarySource]) -> Term:
    if not isinstance(entry, dict) or set(entry) != _SEVERAL_KEYS or not isinstance(entry["written"], list):
        raise DataFileError(path, f"each of 'several' has written, means and source; this one does not: {entry!r:.80}")
    if not entry["written"]:
        raise DataFileError(path, "'written' must not be empty")
    first, *rest = entry["written"]
    in_words = re.sub(r"[^a-z0-9]+", "_", str(first).lower())
    described = {"id": f"several_{in_words}", "term": first, "also": rest, "as_written": entry["written"]}
    return _read_term(path, described | {"means": entry["means"], "source": entry["source"]}, sources)


def _read_sources(path: Path, entries: Any) -> dict[str, GlossarySource]:
    if not isinstance(entries, list) or not entries:
        raise DataFileError(path, "'sources' must be a list of sources")
    sources: dict[str, GlossarySource] = {}
    for entry in entries:
        if not isinstance(entry, dict) or set(entry) != _SOURCE_KEYS or not all(map(_is_words, entry.values())):
            raise DataFileError(path, "a source has id, publisher, title and url, all words")
        if not entry["url"].startswith("https://"):
            raise DataFileError(path, f"the url of source '{entry['id']}' must begin with https://")
        sources[entry["id"]] = GlossarySource(entry["id"], entry["publisher"], entry["title"], entry["url"])
    return sources


def _read_term(path: Path, entry: Any, sources: Mapping[str, GlossarySource]) -> Term:
    if not isinstance(entry, dict) or not _TERM_REQUIRED <= set(entry) <= _TERM_KEYS:
        raise DataFileError(path, f"a term has id, term, also, means and source; this one does not: {entry!r:.80}")
    if not all(_is_words(entry[key]) for key in ("id", "term", "means", "source")):
        raise DataFileError(path, f"id, term, means and source must be words; put quotes around: {entry!r:.80}")
    if not _TERM_ID.fullmatch(entry["id"]):
        raise DataFileError(path, f"the id '{entry['id']}' must be small letters, digits and underscores")
    if not isinstance(entry["also"], list) or not all(map(_is_words, entry["also"])):
        raise DataFileError(path, f"'also' of '{entry['id']}' must be a list of words")
    if entry["source"] not in sources:
        raise DataFileError(path, f"there is no source '{entry['source']}', which '{entry['id']}' names")
    as_written = entry.get("as_written", [])
    if not isinstance(as_written, list) or not set(map(str, as_written)) <= {entry["term"], *entry["also"]}:
        raise DataFileError(path, f"'as_written' of '{entry['id']}' must list spellings of the term")
    return Term(
        id=entry["id"],
        term=entry["term"].strip(),
        also=tuple(words.strip() for words in entry["also"]),
        means=entry["means"].strip(),
        source=sources[entry["source"]],
        as_written=frozenset(as_written),
    )


def _refuse_twice(path: Path, terms: tuple[Term, ...]) -> None:
    ids: set[str] = set()
    written: dict[str, str] = {}
    for term in terms:
        if term.id in ids:
            raise DataFileError(path, f"the id '{term.id}' stands here a second time")
        ids.add(term.id)
        for words in term.spellings:
            folded = without_accents(words).casefold()
            if folded in written:
                raise DataFileError(path, f"'{words}' of '{term.id}' already stands at '{written[folded]}'")
            written[folded] = term.id


def _is_words(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def without_accents(text: str) -> str:
    """Return the text without accents, its letters otherwise as they are."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(character for character in parts if not unicodedata.combining(character))
