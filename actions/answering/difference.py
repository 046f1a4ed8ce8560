"""Answers "what is the difference between a cold and the flu?" with one passage of each that speak of the same thing.

After retrieval, which settles for one of the two topics. A passage that names both goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from actions.answering.knowledge import LanguageIndex, Mention
from actions.answering.question import Aspect
from actions.answering.retrieve import Retrieved, Retriever, ScoredPassage
from actions.answering.topic import Passage
from careguard.stems import content_stems, fold, stem, stop_words, words

_TELLING_SECTIONS = ("in_short", "what_it_is")
_HELP_SECTION = "get_help_now"
_SIDES = 2
_SAME = 0.75
"""Share of the telling words that two passages may have in common and still tell a difference."""
_BONUS = 0.05
"""What a passage of the summary is ahead of the others."""
_TELLS = 0.15
"""What two passages are ahead that both say what it is."""


def both_sides(found: Retrieved, question: str, language: str, retriever: Retriever) -> Retrieved:
    """Return what was found with passages of both topics, when the question asks how two topics differ.

    Any other question, and one that names more or fewer than two topics, is left as it is.
    """
    index = retriever.knowledge.index(language)
    if index is None or not index.asked.compares(question):
        return found
    if any(aspect is not Aspect.MEANING for aspect in index.asked.aspects_of(question)):
        # How their treatments or signs differ is more than what both are.
        return found
    mentions = _mentions(question, index)
    sides = list(dict.fromkeys(mention.topic for mention in mentions))
    if len(sides) != _SIDES:
        return found
    abstained, strange = found, found.topic is None
    if strange and _says_nothing_else(question, mentions, index):
        # The words of one topic are strange to the other; together they are all that is asked for.
        found = retriever.retrieve(index.topics[sides[0]].title, language)
    if found.topic is None or found.topic.id not in sides:
        return found
    one, other = (_telling(index, side) for side in sides)
    names = frozenset(token for mention in mentions for token in mention.core)
    pair, named = _pair(one, other, names, index), _naming_both(mentions, sides, index)[:1]
    if strange and not named and not (pair and _tell_alike(pair, index)):
        return abstained
    chosen = [*named, *pair]
    help_now = [p for side in sides for p in index.topics[side].section(_HELP_SECTION)]
    order = [*dict.fromkeys(chosen), *help_now]
    passages = tuple(ScoredPassage(passage, 1.0 - 0.01 * place) for place, passage in enumerate(order))
    return replace(found, passages=passages, aspects=(Aspect.MEANING,), specific=False) if chosen else found


def _mentions(question: str, index: LanguageIndex) -> list[Mention]:
    """Return the names in the question; those whose words stand apart only where the others name just one topic."""
    mentions = [m for m in index.mentions(index.corrected(words(question))) if not m.opposed]
    exact = [mention for mention in mentions if mention.exact]
    return exact if len({mention.topic for mention in exact}) >= _SIDES else mentions


def _says_nothing_else(question: str, mentions: Sequence[Mention], index: LanguageIndex) -> bool:
    if any(mention.ambiguous or not mention.exact for mention in mentions):
        return False
    plain = index.asked.aspects[Aspect.MEANING].asked.sub(" ", fold(question))
    rest = words(index.asked.differences.sub(" ", plain))
    known = {token for mention in mentions for token in mention.core}
    stop = stop_words(index.language)
    return all(word in stop or stem(word, index.language) in known for word in rest)


def _telling(index: LanguageIndex, topic: str) -> list[Passage]:
    """Return what can be compared; that tests find both illnesses tells no difference."""
    told = [passage for anchor in _TELLING_SECTIONS for passage in index.topics[topic].section(anchor)]
    return [passage for passage in told if not index.asked.tells(Aspect.TEST, passage.text)]


def _naming_both(asked_by: Sequence[Mention], sides: Sequence[str], index: LanguageIndex) -> list[Passage]:
    return [p for side in sides for p in _telling(index, side) if _names_both(p.text, asked_by, sides, index)]


def _names_both(text: str, asked_by: Sequence[Mention], sides: Sequence[str], index: LanguageIndex) -> bool:
    """Return whether the text names both as the question does, at places apart."""
    cores = {mention.core for mention in asked_by}
    mentions = [mention for mention in index.mentions(words(text)) if mention.exact and mention.core in cores]
    one, other = ([m for m in mentions if m.topic == side] for side in sides)
    return any(mine.end < theirs.start or theirs.end < mine.start for mine in one for theirs in other)


def _pair(
    one: Sequence[Passage], other: Sequence[Passage], names: frozenset[str], index: LanguageIndex
) -> tuple[Passage, ...]:
    """Return the passage of each side that have most in common beside the names, so that they can be compared.

    Two that say the same tell no difference; what stands in short is told before the rest.
    """
    ranked = [
        (
            _in_common(mine, theirs, names, index.language)
            + _in_short(mine, theirs)
            + _TELLS * _tell_alike((mine, theirs), index),
            -n - m,
            (mine, theirs),
        )
        for n, mine in enumerate(one)
        for m, theirs in enumerate(other)
    ]
    return max(ranked, key=lambda entry: entry[:2])[2] if ranked else ()


def _tell_alike(pair: Sequence[Passage], index: LanguageIndex) -> bool:
    """Return whether both say what it is: the first thing to tell apart."""
    return all(index.asked.tells(Aspect.MEANING, passage.text) for passage in pair)


def _in_short(one: Passage, other: Passage) -> float:
    return _BONUS * sum(passage.section == _TELLING_SECTIONS[0] for passage in (one, other))


def _in_common(one: Passage, other: Passage, names: frozenset[str], language: str) -> float:
    mine, theirs = (set(content_stems(passage.text, language)) - names for passage in (one, other))
    common = len(mine & theirs)
    if common > _SAME * min(len(mine), len(theirs)):
        return 0.0
    return common / len(mine | theirs) if mine | theirs else 0.0
