"""Finds the question inside a letter: a long message that names a subject, tells a story and asks somewhere.

After retrieval has found nothing for the message as a whole. What is found goes through retrieval again, as one
question; a letter that asks for a judgement on one person is not answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from actions.answering.knowledge import LanguageIndex, ordinary_words
from actions.answering.question import LetterWords, QuestionWords
from actions.answering.retrieve import Retrieved, Retriever
from careguard.stems import fold, stem, stop_words, words

_PIECE_END = re.compile(r"(?<=[.!?;\n])\s+|(?<=\w)\s*\.{2,}\s*|(?<=[a-z])\?(?=\w)|\n")
_MASKED = re.compile(r"\[[A-Z_]+\]|<[A-Z_]+>|&quot;")
_LONGEST_HEADING = 9
"""Words of a subject line; what is longer is a sentence of the letter."""
_LONGEST_ASK = 40
"""Words of one question; what is longer tells a story too."""
_FEWEST_WORDS = 2
_MOST_PIECES = 40
_MOST_WITHOUT_HEADING = 4
"""Sentences of a letter without a heading that may be about the one topic that it names; longer ones tell of much."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter taken apart."""

    heading: str
    """The subject line, empty when there is none."""
    pieces: tuple[str, ...]
    """The sentences, without heading and courtesies."""
    asks: tuple[str, ...]
    """What it asks, in the order of the letter, without the words that only lead up to it."""


def read_letter(text: str, asked: QuestionWords) -> Letter | None:
    """Return the letter that the text is, or None when it is one sentence and nothing else."""
    heading, body = _heading(_MASKED.sub(" ", text), asked.letters)
    pieces = [piece for piece in _pieces(body) if not _is_courtesy(piece, asked.letters)]
    if not pieces or (len(pieces) == 1 and not heading):
        return None
    if not heading and _looks_like_a_heading(pieces[0], asked):
        # A letter without the word "subject" often begins with it.
        heading = pieces[0]
    asks = [ask for piece in pieces for ask in _asks(piece, asked)]
    if not asks:
        asks = [piece for piece in pieces if _asks_for_help(piece, asked.letters)]
    return Letter(heading, tuple(pieces), tuple(asks))


def retrieve_for_letter(
    text: str, language: str, retriever: Retriever, asked: QuestionWords
) -> tuple[str, Retrieved] | None:
    """Return the question inside the letter and what answers it; None when there is none that may be answered.

    The question must name its topic, or lean on the one topic that the letter is about.
    """
    letter = read_letter(text, asked)
    if letter is None or any(_is_left_alone(ask, asked.letters) for ask in letter.asks):
        return None
    indexes = retriever.knowledge.searched(language)
    subject = _subject(letter, indexes)
    for ask, topic in _ways_to_ask(letter, subject, asked):
        found = retriever.retrieve(ask, language, topic)
        if found.topic is not None and _agrees(letter, ask, found.topic.id, subject, indexes):
            return ask, found
    return None


def _ways_to_ask(letter: Letter, subject: _Subject | None, asked: QuestionWords) -> Iterator[tuple[str, str | None]]:
    """Yield each question with the topic that it may lean on, the last one of the letter first.

    At the end stands what is asked for in general ("any treatment") beside the heading, which then must be the subject.
    """
    for ask in reversed(letter.asks):
        yield ask, None
    if subject is None:
        return
    leaning = [ask for ask in reversed(letter.asks) if subject.by_heading or asked.points_back(ask)]
    for ask in leaning:
        yield ask, subject.topic
    for ask in leaning:
        yield f"{subject.name}: {ask}", subject.topic
    for ask in reversed(letter.asks if letter.heading else ()):
        if need := asked.letters.needs.search(fold(ask)):
            yield f"{subject.name}: {need[0]}", subject.topic


def _agrees(letter: Letter, ask: str, topic: str, subject: _Subject | None, indexes: Sequence[LanguageIndex]) -> bool:
    """Return whether the letter is about the topic that its question alone seems to be about."""
    index = next((index for index in indexes if topic in index.topics), None)
    if index is None:
        return False
    everything = words(" ".join((letter.heading, *letter.pieces)))
    if index.names_another_kind(topic, everything) or not _says_nothing_else(letter.heading, topic, index):
        return False
    if subject is not None and topic == subject.topic:
        return True
    # Without a heading, only known words tell that the letter is about nothing else.
    everything_known = bool(letter.heading) or not _has_strange_word(" ".join(letter.pieces), topic, index)
    return everything_known and topic in _plainly_named(ask, index)


def _is_left_alone(ask: str, letters: LetterWords) -> bool:
    """Return whether it asks for a judgement on one person, or for what no passage holds."""
    folded = fold(ask)
    return any(cues.search(folded) for cues in (letters.own_case, letters.not_here))


def _heading(text: str, letters: LetterWords) -> tuple[str, str]:
    """Return the subject line and the rest, each without the word that announces it."""
    parts = [text.strip()]
    heading = ""
    if found := letters.headings.match(fold(parts[0])):
        parts = re.split(r"\s+(?=[A-ZÁÉÍÓÚÑ]{4,}:)|\n", parts[0][found.end() :].lstrip(" :"), maxsplit=1)
        if len(parts) == 2:
            heading, rest = parts
            announced = letters.headings.match(fold(rest))
            return heading.strip(), rest[announced.end() :].lstrip(" :") if announced else rest
    return heading, parts[0]


def _looks_like_a_heading(piece: str, asked: QuestionWords) -> bool:
    short = len(words(piece)) <= _LONGEST_HEADING
    return short and asked.letters.personal.search(fold(piece)) is None and not _asks(piece, asked)


def _pieces(body: str) -> list[str]:
    pieces = [piece.strip(" -,") for piece in _PIECE_END.split(body) if piece and len(words(piece)) >= _FEWEST_WORDS]
    # The end is where people ask; a message without an end must not cost its length.
    return pieces[:1] + pieces[1:][-_MOST_PIECES:]


def _is_courtesy(piece: str, letters: LetterWords) -> bool:
    found = letters.courtesies.match(fold(piece).lstrip(" ¡¿"))
    return found is not None and len(words(piece)) <= _LONGEST_HEADING and "?" not in piece


def _asks(piece: str, asked: QuestionWords) -> list[str]:
    """Return what the piece asks: what follows a wish to know, or the piece itself when it is a question."""
    folded = fold(piece)
    # Folding may change the length of a text; then the whole piece is the question.
    wish = next(reversed(list(asked.letters.wishes.finditer(folded))), None) if len(folded) == len(piece) else None
    if wish is not None and len(words(piece[wish.end() :])) >= 1:
        rest = piece[wish.end() :].strip(" :,-.")
        return [rest] if len(words(rest)) <= _LONGEST_ASK else []
    is_question = piece.rstrip(" \"'").endswith("?") or "¿" in piece or _begins_like_a_question(folded, asked)
    return [piece] if is_question and len(words(piece)) <= _LONGEST_ASK else []


def _asks_for_help(piece: str, letters: LetterWords) -> bool:
    return letters.needs.search(fold(piece)) is not None and len(words(piece)) <= _LONGEST_ASK


def _begins_like_a_question(folded: str, asked: QuestionWords) -> bool:
    start = folded.lstrip(" \"'")
    return any(
        (found := cues.asked.match(start)) is not None and " " in found[0] for cues in asked.aspects.values()
    ) or asked.wants_yes_or_no(start)


@dataclass(frozen=True, slots=True)
class _Subject:
    """The topic that a letter is about, and how the letter or the topic itself names it."""

    topic: str
    name: str
    by_heading: bool


def _subject(letter: Letter, indexes: Sequence[LanguageIndex]) -> _Subject | None:
    """Return the topic that the letter is about: the one its heading is, or the only one that it names."""
    for index in indexes:
        for topic in _named_alone(letter.heading, index):
            if _says_nothing_else(letter.heading, topic, index):
                return _Subject(topic, letter.heading.rstrip(" .:"), by_heading=True)
    if len(letter.pieces) > _MOST_WITHOUT_HEADING:
        return None
    named = {topic for index in indexes for piece in letter.pieces for topic in _plainly_named(piece, index)}
    if len(named) != 1:
        return None
    (topic,) = named
    index = next(index for index in indexes if topic in index.topics)
    naming = [piece for piece in letter.pieces if topic in _plainly_named(piece, index)]
    if _has_strange_word(" ".join(letter.pieces), topic, index):
        return None
    if not any(_says_nothing_else(piece, topic, index) for piece in naming):
        return None
    return _Subject(topic, index.topics[topic].title, by_heading=False)


def _named_alone(heading: str, index: LanguageIndex) -> Iterable[str]:
    """Return the topics that the heading names plainly, or of whose name it consists."""
    spelled = index.corrected(words(heading))
    stop = stop_words(index.language)
    telling = {stem(word, index.language) for word in spelled if word not in stop}
    mentions = [mention for mention in index.mentions(spelled) if not mention.opposed]
    return dict.fromkeys(m.topic for m in mentions if not m.ambiguous or telling <= m.core)


def _plainly_named(text: str, index: LanguageIndex) -> Iterable[str]:
    spelled = index.corrected(words(text))
    return dict.fromkeys(
        mention.topic
        for mention in index.mentions(spelled)
        if mention.exact and not mention.ambiguous and not mention.opposed
    )


def _says_nothing_else(text: str, topic: str, index: LanguageIndex) -> bool:
    """Return whether every telling word names the topic or says what is wanted.

    One word beside the name may make it another illness: "pulmonary hypertension" is not high blood pressure.
    """
    spelled = index.corrected(words(text))
    named = {token for mention in index.mentions(spelled) if mention.topic == topic for token in mention.core}
    free = index.asked.frame | index.asked.cue_stems(text) | named
    stop = stop_words(index.language)
    return all(word in stop or word.isdigit() or stem(word, index.language) in free for word in spelled)


def _has_strange_word(text: str, topic: str, index: LanguageIndex) -> bool:
    """Return whether the text has a word that we do not know: it may name another illness."""
    known, ordinary = index.topic_stems[topic], _ordinary_stems(index.language)
    return any(
        not index.recognises(word) and (token := stem(word, index.language)) not in known and token not in ordinary
        for word in index.corrected(words(text))
    )


@lru_cache(maxsize=8)
def _ordinary_stems(language: str) -> frozenset[str]:
    return frozenset(stem(word, language) for word in ordinary_words(language))
