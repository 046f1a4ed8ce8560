"""The searchable knowledge: topics and passages with a lexical and a semantic index for each language.

Between the content files and retrieval. `prepare_knowledge` does the slow part at set-up; `Knowledge.load` is quick.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import bm25s
import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from actions.answering.embed import Embedder, PassageVectors, Progress, Vectors
from actions.answering.importing.published import published_version, read_published
from actions.answering.question import Aspect, QuestionWords, read_question_words
from actions.answering.topic import Passage, Topic, embedded_text, load_topics
from careguard.stems import content_stems, stem, stop_words, words

_LOG = logging.getLogger(__name__)
_SHORTEST_MISSPELT_WORD = 5
_SHORT_NAME = 2
"""Letters of an abbreviation that may mean anything ("MD")."""
_JOINED = re.compile(r"\s+(?:and|&|y|e)\s+", re.IGNORECASE)
"""What joins the two subjects of a title."""


@dataclass(frozen=True, slots=True)
class Name:
    """One way of naming a topic: its title or a synonym, as stems."""

    topic: str
    stems: tuple[str, ...]
    core: tuple[str, ...]
    """The stems that carry meaning, in order."""
    ambiguous: bool
    """True when the name often means something outside of health."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A topic's name found in a question."""

    topic: str
    start: int
    end: int
    """Positions of the question's words, end exclusive."""
    core: frozenset[str]
    exact: bool
    ambiguous: bool
    opposed: bool = False


class LanguageIndex:
    """Everything retrieval needs to know about one language."""

    def __init__(
        self,
        language: str,
        topics: Iterable[Topic],
        vectors: Vectors,
        asked: QuestionWords,
        *,
        wary_of_plain_names: bool = False,
    ) -> None:
        """Build the index of the topics' passages.

        Args:
            vectors: One row for each passage, in the order of topics and passages; may be mapped from a file.
            wary_of_plain_names: Names of ordinary words only ("fires") are taken to mean something else as well.
        """
        self.language = language
        self.asked = asked
        self.topics: dict[str, Topic] = {topic.id: topic for topic in topics}
        self.passages: tuple[Passage, ...] = tuple(p for topic in self.topics.values() for p in topic.passages)
        self.vectors: Vectors = vectors
        self._plain = ordinary_words(language) | stop_words(language) if wary_of_plain_names else frozenset[str]()
        self.rows: dict[str, np.ndarray] = dict(self._rows_by_topic())
        tokens = [content_stems(f"{p.topic_title}. {p.text}", language) or ["∅"] for p in self.passages]
        self._lexical = bm25s.BM25()
        if tokens:
            self._lexical.index(tokens, show_progress=False)
        self._lexical_vocabulary: frozenset[str] = frozenset(token for row in tokens for token in row)
        self._spelled = self._known_words()
        self._lures = sorted(word for word in self._content_words() if len(word) >= _SHORTEST_MISSPELT_WORD)
        self.names: tuple[Name, ...] = tuple(self._names())
        self.topic_stems: dict[str, frozenset[str]] = {
            topic: frozenset(token for n in rows for token in tokens[n])
            | frozenset(token for name in self.names if name.topic == topic for token in name.stems)
            for topic, rows in self.rows.items()
        }
        self._heading_aspects: dict[str, tuple[Aspect, ...]] = {}
        self._by_first_stem: dict[str, list[Name]] = {}
        for name in self.names:
            for token in set(name.core):
                self._by_first_stem.setdefault(token, []).append(name)

    def lexical_scores(self, query: list[str]) -> Vectors:
        """Return the BM25 score of every passage for the query's stems."""
        known = [token for token in query if token in self._lexical_vocabulary]
        if not known:
            return np.zeros(len(self.passages), dtype=np.float32)
        scores: Vectors = np.asarray(self._lexical.get_scores(known), dtype=np.float32)
        return scores

    def fits(self, vector: Vectors) -> Vectors:
        """Return the cosine of every passage with the question's vector."""
        # Not the matrix product: its threads wait for each other and cost more than the sum itself.
        cosines: Vectors = np.einsum("ij,j->i", self.vectors, vector)
        return cosines

    def corrected(self, question_words: list[str]) -> list[str]:
        """Return the words with likely misspellings of a topic's name put right."""
        return [self.corrected_word(word) for word in question_words]

    def recognises(self, word: str) -> bool:
        """Return whether the word is no misspelling as far as this index knows."""
        return word in self._spelled or word.isdigit() or stem(word, self.language) in self._lexical_vocabulary

    def knows(self, word: str) -> bool:
        """Return whether the word stands anywhere in the content or among the ordinary words of the language."""
        return word in self._spelled

    def mentions(self, question_words: list[str]) -> tuple[Mention, ...]:
        """Return the topics named in the question; a longer name hides the shorter ones inside it.

        A mention that a word beside it turns into the opposite ("low" before "blood pressure") is marked as opposed.
        """
        question_stems = [stem(word, self.language) for word in question_words]
        candidates = {name for token in set(question_stems) for name in self._by_first_stem.get(token, ())}
        found = [mention for name in candidates for mention in self._find(name, question_stems)]
        found.sort(
            key=lambda mention: (-len(mention.core), not mention.exact, mention.end - mention.start, mention.topic)
        )
        kept: list[Mention] = []
        for mention in found:
            hidden = any(
                other.start <= mention.start
                and mention.end <= other.end
                and len(other.core) > len(mention.core)
                and other.topic != mention.topic
                for other in kept
            )
            if not hidden:
                kept.append(replace(mention, opposed=self._opposed(mention, question_stems)))
        return tuple(kept)

    def contradicts(self, topic: str, question_words: list[str]) -> bool:
        """Return whether the question holds the opposite of a word in the topic's title, and not the word itself."""
        title, question = f" {' '.join(words(self.topics[topic].title))} ", f" {' '.join(question_words)} "
        return any(
            f" {mine} " in title and f" {other} " in question and f" {mine} " not in question
            for pair in self.asked.opposites
            for mine, other in (pair, pair[::-1])
        )

    def names_another_kind(self, topic: str, question_words: list[str]) -> bool:
        """Return whether the question names the other kind of the topic ("type 1" for "type 2")."""
        title, question = f" {' '.join(words(self.topics[topic].title))} ", f" {' '.join(question_words)} "
        return any(
            " " in mine and f" {mine} " in title and f" {other} " in question and f" {mine} " not in question
            for pair in self.asked.opposites
            for mine, other in (pair, pair[::-1])
        )

    def _rows_by_topic(self) -> Iterable[tuple[str, np.ndarray]]:
        start = 0
        for topic in self.topics.values():
            yield topic.id, np.arange(start, start + len(topic.passages), dtype=np.intp)
            start += len(topic.passages)

    def _find(self, name: Name, question_stems: list[str]) -> Iterable[Mention]:
        length = len(name.stems)
        for start in range(len(question_stems) - length + 1):
            if tuple(question_stems[start : start + length]) == name.stems:
                yield Mention(name.topic, start, start + length, frozenset(name.core), True, name.ambiguous)
                return
        core = set(name.core)
        if len(core) < 2:
            return
        # "my pressure is high" names "high pressure": every word of the name, close together, in any order.
        places = [n for n, token in enumerate(question_stems) if token in core]
        for first in places:
            near = [n for n in places if first <= n < first + len(name.core) + 3]
            if {question_stems[n] for n in near} == core:
                yield Mention(name.topic, first, near[-1] + 1, frozenset(core), False, name.ambiguous)
                return

    def _opposed(self, mention: Mention, question_stems: list[str]) -> bool:
        before = " ".join(question_stems[max(0, mention.start - 1) : mention.start])
        after = " ".join(question_stems[mention.end : mention.end + 2])
        title = " ".join(words(self.topics[mention.topic].title))
        padded = f" {title} "
        for pair in self.asked.opposites:
            for mine, other in (pair, pair[::-1]):
                if f" {mine} " in padded and f" {other} " not in padded:
                    beside = f" {before} ", f" {after} "
                    stemmed = " ".join(stem(word, self.language) for word in other.split())
                    if any(f" {form} " in text for form in (other, stemmed) for text in beside):
                        return True
        return False

    def _names(self) -> Iterable[Name]:
        stop = stop_words(self.language)
        taken: set[tuple[str, ...]] = set()
        for topic in self.topics.values():
            seen: set[tuple[str, ...]] = set()
            for text in (topic.title, *topic.synonyms):
                name = self._name(topic.id, text, stop)
                if name is not None and name.stems not in seen:
                    seen.add(name.stems)
                    yield name
            taken |= seen
        if self._plain:
            yield from self._names_in_titles(taken, stop)

    def _name(self, topic: str, text: str, stop: frozenset[str]) -> Name | None:
        spelled = self.corrected(words(text))
        stemmed = tuple(stem(word, self.language) for word in spelled)
        core = tuple(stem(word, self.language) for word in spelled if word not in stop)
        if not core:
            return None
        plain = bool(self._plain) and all(word in self._plain or len(word) <= _SHORT_NAME for word in spelled)
        ambiguous = plain or all(token in self.asked.ambiguous or token in self.asked.frame for token in core)
        return Name(topic, stemmed, core, ambiguous)

    def _names_in_titles(self, taken: set[tuple[str, ...]], stop: frozenset[str]) -> Iterable[Name]:
        """Yield "calluses" for "Corns and Calluses", where no topic has this name as its own."""
        for topic in self.topics.values():
            parts = _JOINED.split(topic.title)
            for part in parts if len(parts) == 2 else ():
                name = self._name(topic.id, part, stop)
                if name is not None and not name.ambiguous and name.stems not in taken:
                    taken.add(name.stems)
                    yield name

    def aspects_of_heading(self, heading: str) -> tuple[Aspect, ...]:
        """Return what the passages below a heading tell of."""
        found = self._heading_aspects.get(heading)
        if found is None:
            found = self._heading_aspects[heading] = self.asked.aspects_of(heading)
        return found

    def _known_words(self) -> frozenset[str]:
        return frozenset(self._content_words() | stop_words(self.language) | ordinary_words(self.language))

    def _content_words(self) -> set[str]:
        written = {word for passage in self.passages for word in words(passage.text)}
        titles = {word for topic in self.topics.values() for word in words(topic.title)}
        # A synonym may be a misspelling that patients often write; it lures only when nothing like it is written.
        named = {word for topic in self.topics.values() for text in topic.synonyms for word in words(text)}
        known = sorted(word for word in written | titles if len(word) >= _SHORTEST_MISSPELT_WORD)
        return written | titles | {word for word in named - written - titles if _nearest(word, known) is None}

    def corrected_word(self, word: str) -> str:
        """Return the word, a likely misspelling of a topic's name put right."""
        if len(word) < _SHORTEST_MISSPELT_WORD or self.recognises(word):
            return word
        near = _nearest(word, self._lures)
        return word if near is None or self._is_opposite(word, near) else near

    def _is_opposite(self, word: str, other: str) -> bool:
        """Return whether the words begin with opposites: "hypotension" is not a misspelt "hypertension"."""
        return any(
            word.startswith(mine) and other.startswith(theirs)
            for pair in self.asked.opposites
            for mine, theirs in (pair, pair[::-1])
        )


def _nearest(word: str, candidates: list[str]) -> str | None:
    """Return the candidate that the word most likely misspells, or None."""
    allowed = 1 if len(word) < 8 else 2
    near = process.extract(word, candidates, scorer=OSA.distance, score_cutoff=allowed, limit=3)
    # People get the first letter right; without this, "cause" would become "pause".
    return next((str(found[0]) for found in near if found[0][0] == word[0]), None)


def ordinary_words(language: str) -> frozenset[str]:
    """Return the easy words of the language, as textstat lists them; empty for a language without a list."""
    # Here, because importing textstat costs 15 MB and only the answering process needs the list.
    from textstat.backend.utils import get_lang_easy_words  # noqa: PLC0415

    try:
        return frozenset(word for entry in get_lang_easy_words(language.partition("-")[0]) for word in words(entry))
    except (FileNotFoundError, KeyError, ValueError):
        return frozenset()


class Knowledge:
    """The indexes of all shipped languages, and beside each the index of what was imported in that language.

    It never changes: when something is imported, a new one takes its place, and answers under way end on the old one.
    """

    def __init__(
        self,
        indexes: Mapping[str, LanguageIndex],
        imported: Mapping[str, LanguageIndex] | None = None,
        imported_version: str = "",
    ) -> None:
        self._indexes = dict(indexes)
        self._imported = dict(imported or {})
        self.imported_version = imported_version

    @classmethod
    def load(cls, locales: Path, languages: Iterable[str], data_folder: Path, embedder: Embedder) -> Knowledge:
        """Return the knowledge of the languages from prepared vectors, with what was imported.

        Raises:
            DataFileError: A content file is wrong.
            IndexNotPrepared: Content changed since the set-up.
        """
        vectors = PassageVectors(embeddings_folder(data_folder), embedder)
        indexes = {}
        for language in languages:
            topics = load_topics(locales, [language])
            rows = vectors.rows([embedded_text(passage) for topic in topics for passage in topic.passages])
            indexes[language] = LanguageIndex(language, topics, rows, read_question_words(locales, language))
        return cls(indexes).with_imports(data_folder, embedder.name)

    def with_imports(self, data_folder: Path, embedder_name: str) -> Knowledge:
        """Return this knowledge with what is imported now; the same when that cannot be read or has not changed."""
        version = published_version(data_folder)
        if version == self.imported_version:
            return self
        if not version:
            return Knowledge(self._indexes)
        published = read_published(data_folder, version, embedder_name)
        if published is None:
            _LOG.warning("the imported content (index %s) cannot be read; import it again", version)
            return Knowledge(self._indexes, self._imported, version)
        imported = {
            language: LanguageIndex(
                language, topics, published.vectors[language], index.asked, wary_of_plain_names=True
            )
            for language, topics in published.topics.items()
            if topics and (index := self._indexes.get(language)) is not None
        }
        return Knowledge(self._indexes, imported, version)

    @property
    def languages(self) -> tuple[str, ...]:
        """Return the languages that have an index."""
        return tuple(self._indexes)

    def index(self, language: str) -> LanguageIndex | None:
        """Return the index of the language, or of its primary tag, or None."""
        return self._indexes.get(language) or self._indexes.get(language.partition("-")[0])

    def imported(self, language: str) -> LanguageIndex | None:
        """Return the index of what was imported in the language, or in its primary tag, or None."""
        return self._imported.get(language) or self._imported.get(language.partition("-")[0])

    def searched(self, language: str) -> tuple[LanguageIndex, ...]:
        """Return the indexes in which a question of the language is looked up, the shipped one first."""
        return tuple(index for index in (self.index(language), self.imported(language)) if index and index.passages)


def prepare_knowledge(
    locales: Path, languages: Iterable[str], data_folder: Path, embedder: Embedder, progress: Progress | None = None
) -> int:
    """Compute the vectors of every passage that has none yet; return how many were computed.

    Raises:
        DataFileError: A content file is wrong.
    """
    texts = [embedded_text(p) for topic in load_topics(locales, languages) for p in topic.passages]
    return PassageVectors(embeddings_folder(data_folder), embedder).prepare(texts, progress)


def embeddings_folder(data_folder: Path) -> Path:
    """Return where the vectors of passages are kept."""
    return data_folder / "embeddings"
