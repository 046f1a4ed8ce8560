"""Explains words from letters and lab reports: "what does bilateral mean?", or a pasted sentence.

After retrieval, before the ordinary answer. It tells what words mean, from the glossary, and ends by saying that only
the care team can tell what a result means for the patient. Whoever asks for that gets no explanation here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actions.answering.cues import cue_pattern, read_some_cues
from actions.answering.glossary import Glossary, Mention, load_glossary, without_accents
from actions.answering.knowledge import LanguageIndex, ordinary_words
from actions.answering.topic import Passage, Source
from careguard.errors import DataFileError
from careguard.review import DraftSentence
from careguard.stems import fold, stop_words, words
from careguard.strict_yaml import read_yaml

EXPLAIN_FILE = "explain.yaml"
GLOSSARY_TOPIC = "glossary"
"""What the passages of the glossary have in place of a topic id."""

MOST_TERMS = 6
_FEWEST_IN_A_REPORT = 2
"""Words of the glossary from which a text without a question is read as a piece of a report."""

_QUOTED = re.compile(r"[\"“”«»]([^\"“”«»]{2,})[\"“”«»]|(?<!\w)['‘]([^'‘’]{2,})['’](?!\w)")
_ABBREVIATION = re.compile(r"(?:[A-ZÁÉÍÓÚÑ0-9/+-]|\d){2,}")
_KEYS = {"asks", "words_only", "pasted", "not_words", "plain", "frame", "limits"}


@dataclass(frozen=True, slots=True)
class ExplainWords:
    """How one language asks what words mean."""

    language: str
    asks: re.Pattern[str]
    words_only: re.Pattern[str]
    """Those that ask for the meaning of words and for nothing else."""
    pasted: re.Pattern[str]
    not_words: re.Pattern[str]
    """Asks for a judgement on one person, or for more than words."""
    plain: frozenset[str]
    """Ids of everyday words, explained only where nothing harder stands beside them."""
    frame: frozenset[str]
    limits: str
    limits_source: Source


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The glossaries of every language, and how each language asks for words."""

    glossaries: Mapping[str, Glossary]
    asking: Mapping[str, ExplainWords]
    ordinary: Mapping[str, frozenset[str]]
    """The easy words of each language: what is one of them is no foreign term."""

    def of(self, language: str) -> tuple[Glossary, ExplainWords] | None:
        """Return the glossary and the cues of the language, or of its primary tag, or None."""
        for tag in (language, language.partition("-")[0]):
            if tag in self.glossaries:
                return self.glossaries[tag], self.asking[tag]
        return None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The sentences that explain, the passages that they are, and the topic that one of the words names."""

    drafts: tuple[DraftSentence, ...]
    passages: tuple[Passage, ...]
    topic: str | None


def load_lexicon(locales: Path, languages: Iterable[str]) -> Lexicon:
    """Return what explaining needs in every language.

    Raises:
        DataFileError: A file is missing or bends the format.
    """
    tags = tuple(languages)
    return Lexicon(
        glossaries={tag: load_glossary(locales, tag) for tag in tags},
        asking={tag: _read_asking(locales, tag) for tag in tags},
        ordinary={tag: ordinary_words(tag) | stop_words(tag) for tag in tags},
    )


def explain(
    question: str, language: str, lexicon: Lexicon, index: LanguageIndex, *, answered: bool
) -> Explanation | None:
    """Return the explanation of the words that the question asks about; None when it asks for something else.

    Args:
        question: What the patient wrote, identifiers masked.
        language: The patient's language, BCP 47.
        lexicon: Every language's glossary: a letter may be written in another one than the patient's.
        index: The topics of the language.
        answered: Whether a topic answers the question; then only a plain wish for words is explained.
    """
    of_language = lexicon.of(language)
    if of_language is None:
        return None
    glossary, own = of_language
    asking = _spoken(fold(question), own, lexicon)
    if asking is None:
        return None
    mentions = _asked_for(question, glossary, asking, index, answered=answered, lexicon=lexicon)
    if not mentions:
        return None
    told = [passage_of(mention, glossary) for mention in mentions[:MOST_TERMS]]
    limits = _limits(glossary, own)
    drafts = [DraftSentence(passage.text, (passage.id,), opens_paragraph=True) for passage in (*told, limits)]
    return Explanation(tuple(drafts), (*told, limits), _topic_named(mentions, index))


def _spoken(folded: str, own: ExplainWords, lexicon: Lexicon) -> ExplainWords | None:
    """Return the cues of the language that asks; None when what is asked for in any language is more than words.

    A short question may have been taken for another language than its own.
    """
    if any(asking.not_words.search(folded) for asking in lexicon.asking.values()):
        return None
    asks = [each for each in lexicon.asking.values() if each.asks.search(folded) or each.pasted.search(folded)]
    return own if own in asks or not asks else asks[0]


def _asked_for(
    question: str,
    glossary: Glossary,
    asking: ExplainWords,
    index: LanguageIndex,
    *,
    answered: bool,
    lexicon: Lexicon,
) -> Sequence[Mention]:
    folded = fold(question)
    pasted = asking.pasted.search(folded) is not None
    quoted = " . ".join(one or other for one, other in _QUOTED.findall(question))
    body = quoted or _without(asking.pasted, question)
    mentions = _mentions(body, glossary, asking, lexicon)
    asks = asking.asks.search(folded) is not None
    if quoted and mentions and (pasted or asks):
        return _hardest(mentions, asking)
    if pasted and (asks or "?" not in question or not answered):
        return _hardest(mentions, asking)
    if asks:
        only = asking.words_only.search(folded) is not None
        whole = _whole(question, glossary, asking, lexicon)
        if whole:
            return whole if only or not answered else ()
        if _says_nothing_else(question, mentions, asking):
            return mentions if only or not answered else ()
        return _hardest(mentions, asking) if only and not answered else ()
    if answered:
        return ()
    if (alone := glossary.named(question.strip(" .?¿!¡"))) is not None:
        return (alone,)
    is_report = "?" not in question and index.asked.letters.personal.search(folded) is None
    hard = _hardest(mentions, asking) if is_report else ()
    return hard if len(hard) >= _FEWEST_IN_A_REPORT else ()


def _mentions(text: str, glossary: Glossary, asking: ExplainWords, lexicon: Lexicon) -> list[Mention]:
    """Return the terms in the text: of the patient's language, and those of the others that are no word of it."""
    found = list(glossary.mentions(text))
    meant = {term.id: term for term in glossary.terms}
    ordinary = lexicon.ordinary[glossary.language]
    for other in lexicon.glossaries.values():
        for mention in other.mentions(text) if other is not glossary else ():
            foreign = _ABBREVIATION.fullmatch(mention.written) or not ordinary.issuperset(words(mention.written))
            free = all(mention.end <= mine.start or mine.end <= mention.start for mine in found)
            if foreign and free and (term := meant.get(mention.term.id)) is not None:
                found.append(Mention(term, mention.written, mention.start, mention.end))
    said = without_accents(text)
    asked = [mention for mention in found if said[mention.start : mention.end].casefold() not in asking.frame]
    first = {mention.term.id: mention for mention in sorted(asked, key=lambda mention: -mention.start)}
    return sorted(first.values(), key=lambda mention: mention.start)


def _whole(question: str, glossary: Glossary, asking: ExplainWords, lexicon: Lexicon) -> Sequence[Mention]:
    """Return the one term that is left of the question without the words that ask, in whatever letters."""
    plain = without_accents(question)
    folded = plain.lower()
    rest = asking.asks.sub(lambda found: " " * len(found[0]), folded)
    if len(rest) != len(plain):
        return ()
    kept = [
        plain[found.start() : found.end()]
        for found in re.finditer(r"[^\s?¿!¡,.:;\"'()]+(?:\.[^\s?]+)*\.?", rest)
        if found[0] not in asking.frame and found[0] not in stop_words(asking.language) | _SMALL
    ]
    left = " ".join(kept)
    for known in (glossary, *lexicon.glossaries.values()):
        mention = known.named(left) or known.named(left.rstrip("."))
        if mention is None:
            continue
        if known is glossary:
            return (mention,)
        term = next((term for term in glossary.terms if term.id == mention.term.id), None)
        if term is not None:
            return (Mention(term, mention.written, mention.start, mention.end),)
    return ()


_SMALL = frozenset({"in", "on", "a", "an", "the", "el", "la", "los", "las", "un", "una", "en"})


def _says_nothing_else(question: str, mentions: Sequence[Mention], asking: ExplainWords) -> bool:
    """Return whether the question holds nothing besides the terms and the words that ask for their meaning."""
    if not mentions:
        return False
    plain = without_accents(question).lower()
    for mention in mentions:
        plain = plain[: mention.start] + " " * (mention.end - mention.start) + plain[mention.end :]
    rest = words(asking.asks.sub(" ", plain))
    return all(word in asking.frame or word in stop_words(asking.language) for word in rest)


def _hardest(mentions: Sequence[Mention], asking: ExplainWords) -> Sequence[Mention]:
    """Return the terms that are no everyday words; all of them where there is no other."""
    return [mention for mention in mentions if mention.term.id not in asking.plain] or mentions


def _without(cues: re.Pattern[str], text: str) -> str:
    """Return the text with spaces in place of the cues, so that "lab report" is not explained for announcing one."""
    plain = without_accents(text)
    if len(plain.lower()) != len(plain):
        return text
    for found in cues.finditer(plain.lower()):
        plain = plain[: found.start()] + " " * len(found[0]) + plain[found.end() :]
    return plain


def passage_of(mention: Mention, glossary: Glossary) -> Passage:
    """Return what the glossary says of a term, after the spelling in the text where it does not name it."""
    term = mention.term
    says_it = re.search(rf"(?<!\w){re.escape(fold(mention.written))}(?!\w)", fold(term.means)) is not None
    text = term.means if says_it else f"{mention.written}: {term.means}"
    source = Source(term.source.publisher, term.source.title, term.source.url, None)
    return _glossary_passage(term.id, text, term.term, source, glossary)


def _limits(glossary: Glossary, asking: ExplainWords) -> Passage:
    return _glossary_passage("limits", asking.limits, asking.limits_source.title, asking.limits_source, glossary)


def _glossary_passage(name: str, text: str, title: str, source: Source, glossary: Glossary) -> Passage:
    return Passage(
        id=f"{GLOSSARY_TOPIC}/{name}/1",
        text=text,
        section=GLOSSARY_TOPIC,
        topic=GLOSSARY_TOPIC,
        topic_title=title,
        language=glossary.language,
        audience=(),
        sources=(source,),
        written_on=glossary.written_on,
        reviewed_by=glossary.reviewed_by,
        reviewed_on=glossary.reviewed_on,
    )


def _topic_named(mentions: Sequence[Mention], index: LanguageIndex) -> str | None:
    """Return the topic that one of the explained words names, so that the patient can go on from it."""
    for mention in mentions:
        term = mention.term
        # Capitals say which word is meant; in small letters FIT would name the topic on exercise.
        spellings = () if term.id.startswith("several_") else (mention.written, *term.spellings)
        for spelling in (each for each in spellings if each not in term.as_written):
            spelled = words(spelling)
            for found in index.mentions(spelled):
                if found.exact and not found.ambiguous and found.end - found.start == len(spelled):
                    return found.topic
    return None


def _read_asking(locales: Path, language: str) -> ExplainWords:
    path = locales / "languages" / language / EXPLAIN_FILE
    loaded: Any = read_yaml(path)
    if not isinstance(loaded, dict) or set(loaded) != _KEYS:
        raise DataFileError(path, f"the file must have exactly these keys: {', '.join(sorted(_KEYS))}")
    cues = {key: read_some_cues(path, key, loaded[key]) for key in _KEYS - {"limits"}}
    limits = loaded["limits"]
    if not isinstance(limits, dict) or set(limits) != {"says", "source"} or not isinstance(limits["says"], str):
        raise DataFileError(path, "'limits' must have 'says' and 'source'")
    source = limits["source"]
    if not isinstance(source, dict) or set(source) != {"publisher", "title", "url"}:
        raise DataFileError(path, "the source of 'limits' has publisher, title and url")
    return ExplainWords(
        language=language,
        asks=cue_pattern([*cues["asks"], *cues["words_only"]]),
        words_only=cue_pattern(cues["words_only"]),
        pasted=cue_pattern(cues["pasted"]),
        not_words=cue_pattern(cues["not_words"]),
        plain=frozenset(cues["plain"]),
        frame=frozenset(fold(word) for word in cues["frame"]),
        limits=limits["says"].strip(),
        limits_source=Source(source["publisher"], source["title"], source["url"], None),
    )
