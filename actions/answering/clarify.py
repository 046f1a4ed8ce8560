"""Decides when a question is too general to be answered, and names the topics among which the patient may choose.

After retrieval, before the sentences are picked. "Tell me about diabetes" fits three topics about equally; one
question, with at most four topics, finds out which is meant. What is then tapped or typed is matched here as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actions.answering.knowledge import LanguageIndex
from actions.answering.question import Aspect
from actions.answering.retrieve import RetrievalDecision, Retrieved, Retriever
from actions.answering.topic import Topic
from careguard.errors import DataFileError
from careguard.stems import fold, stem, stop_words, words
from careguard.strict_yaml import read_yaml

MOST_TOPICS = 4
"""Topics that one question may name."""
LONGEST_WORDS = 9
"""Words of a question that may still be a general one; who writes more has said what is meant."""
_MOST_TELLING = 2
"""Telling words of a general question ("heart", "blood pressure")."""
_GENERAL = frozenset({Aspect.MEANING})
"""What a general question asks: nothing in particular, or what it is."""
_SAYS_JUST_THAT, _SAYS_MORE, _IS_ANOTHER_NAME, _IN_A_LONGER_NAME = range(4)
"""How a topic is named by the words of a general question: its title, part of its title, a synonym, part of one."""
_MARGINS = (0.06, 0.06, 0.028, 0.028)
"""Cosine by which a topic may fit less than the best one and still be meant about as likely, by how it is named."""


@dataclass(frozen=True, slots=True)
class ChoiceWords:
    """How patients of one language choose from a list, and how a facet of a topic is offered and asked for."""

    ordinals: tuple[frozenset[str], ...]
    """For each place in the list the ways of naming it, the first place first."""
    last: frozenset[str]
    filler: frozenset[str]
    """Words that say nothing about which one is chosen."""
    facets: Mapping[Aspect, Facet]


@dataclass(frozen=True, slots=True)
class Facet:
    """One thing that people often want to know about a topic."""

    title: str
    """The words on its button."""
    question: str
    """The question that a tap on it asks."""


@dataclass(frozen=True, slots=True)
class TopicChoice:
    """One topic that may be meant."""

    id: str
    title: str

    def as_json(self) -> dict[str, str]:
        """Return it as plain JSON values."""
        return {"id": self.id, "title": self.title}


@dataclass(frozen=True, slots=True)
class OpenChoice:
    """A question that was too general, and the topics that the patient was asked to choose from."""

    question: str
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clarification:
    """The outcome of a question that is too general: the topics to choose from, in the order to be shown."""

    topics: tuple[TopicChoice, ...]
    language: str
    retrieve_ms: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return it in the shape of the contract's answer, with the topics beside it."""
        return {
            "kind": "clarify",
            "text": "",
            "sentences": [],
            "citations": [],
            "language": self.language,
            "mode": "verbatim",
            "grade": 0.0,
            "groundedness": 0.0,
            "ms": {"retrieve": self.retrieve_ms, "generate": 0.0, "review": 0.0},
            "topic": None,
            "abstained": False,
            "clarify": {"topics": [topic.as_json() for topic in self.topics]},
        }


def topics_to_choose_from(found: Retrieved, question: str, language: str, retriever: Retriever) -> tuple[Topic, ...]:
    """Return the topics among which the patient must choose, the likeliest first; empty when nothing must be asked.

    A question that was answered is asked back only when the very titles of several topics fit it equally; one that
    would get no answer is asked back wherever all that it says is part of the names of topics.
    """
    index = retriever.knowledge.index(language)
    if index is None or len(words(question)) > LONGEST_WORDS or index.asked.compares(question):
        return ()
    said = _telling(index, question)
    if not said or len(said) > _MOST_TELLING:
        return ()
    if found.decision is RetrievalDecision.ANSWER:
        fitting = _when_answered(found, question, said, index)
    else:
        fitting = _when_abstained(said, index)
    about = {group.value for group in index.asked.about(question)}
    for_them = [topic for topic in fitting if not about or about.intersection(index.topics[topic].audience)]
    near = _near(for_them, fitting, retriever.fits_of_topics(question, language))
    if found.topic is not None and found.topic.id in near:
        near = [found.topic.id, *(topic for topic in near if topic != found.topic.id)]
    if len(near) == 1 and fitting[near[0]] != _SAYS_JUST_THAT:
        return ()
    return tuple(index.topics[topic] for topic in near[:MOST_TOPICS])


def _near(topics: Sequence[str], ranks: Mapping[str, int], fits: Mapping[str, float]) -> list[str]:
    """Return the topics about as likely as the best one: those that have it in their title first."""
    best = max((fits[topic] for topic in topics), default=0.0)
    near = [topic for topic in topics if fits[topic] >= best - _MARGINS[ranks[topic]]]
    return sorted(near, key=lambda topic: (min(ranks[topic], _IS_ANOTHER_NAME), -fits[topic]))


def _when_answered(found: Retrieved, question: str, said: frozenset[str], index: LanguageIndex) -> dict[str, int]:
    """Return the topics that the answered question may mean as well, each with its rank; empty when it is plain."""
    aspects_beside = set(found.aspects) - _GENERAL
    if found.topic is None or found.topic.id not in index.topics or aspects_beside or index.asked.about(question):
        return {}
    if not found.reason.startswith("named") or _is_named_in_full(found.topic.id, question, said, index):
        return {}
    titles = _by_title(said, index)
    same = [topic for topic, rank in titles.items() if rank == _SAYS_JUST_THAT]
    return titles if len(same) > 1 or (not same and len(titles) > 1) else {}


def _when_abstained(said: frozenset[str], index: LanguageIndex) -> dict[str, int]:
    """Return the topics that have in a name what the question says, each with its rank."""
    found = _by_title(said, index)
    for name in index.names:
        if said <= set(name.core) and name.topic not in found:
            is_the_name = _without_frame(name.core, index) == said
            found[name.topic] = _IS_ANOTHER_NAME if is_the_name else _IN_A_LONGER_NAME
        elif found.get(name.topic) == _IN_A_LONGER_NAME and _without_frame(name.core, index) == said:
            found[name.topic] = _IS_ANOTHER_NAME
    # "water" and "attack" stand in names of many things.
    unclear = said <= index.asked.ambiguous
    return {topic: rank for topic, rank in found.items() if rank < _IN_A_LONGER_NAME or not unclear}


def _is_named_in_full(topic: str, question: str, said: frozenset[str], index: LanguageIndex) -> bool:
    """Return whether the question names the topic by its whole title, or by more than the general word."""
    title = {stem(word, index.language) for word in words(index.topics[topic].title)}
    if title - stop_words(index.language) == said:
        return True
    mentions = index.mentions(index.corrected(words(question)))
    return any(m.topic == topic and m.exact and m.end - m.start > len(said) for m in mentions)


def _by_title(said: frozenset[str], index: LanguageIndex) -> dict[str, int]:
    """Return the topics whose title says what the question says: just that, or that and more."""
    stop = stop_words(index.language)
    ranks: dict[str, int] = {}
    for topic in index.topics.values():
        title = [stem(word, index.language) for word in words(topic.title) if word not in stop]
        if said <= set(title):
            ranks[topic.id] = _SAYS_JUST_THAT if _without_frame(title, index) == said else _SAYS_MORE
    return ranks


def _without_frame(stems: Iterable[str], index: LanguageIndex) -> set[str]:
    return {token for token in stems if token not in index.asked.frame and not token.isdigit()}


def _telling(index: LanguageIndex, question: str) -> frozenset[str]:
    """Return the stems that say what the question is about."""
    stop, cues = stop_words(index.language), index.asked.cue_stems(question)
    stems = [
        stem(word, index.language)
        for word in index.corrected(words(question))
        if word not in stop and not word.isdigit()
    ]
    return frozenset(token for token in stems if token not in index.asked.frame and token not in cues)


def chosen_topic(typed: str, choice: OpenChoice, index: LanguageIndex, how: ChoiceWords) -> str | None:
    """Return the topic that typed words choose ("the second", "type 2"); None when they are a message of their own."""
    told = [word for word in words(typed) if word not in how.filler]
    if not told:
        return None
    place = _place(" ".join(told), " ".join(words(typed)), how, len(choice.topics))
    if place is not None:
        return choice.topics[place]
    stop = stop_words(index.language)
    said = {stem(word, index.language) for word in told if word not in stop or word.isdigit()}
    if not said or index.asked.cue_stems(" ".join(told)):
        return None
    named = [topic for topic in choice.topics if topic in index.topics and _names(index.topics[topic], said, index)]
    return named[0] if len(named) == 1 else None


def _place(told: str, typed: str, how: ChoiceWords, count: int) -> int | None:
    for said in (told, typed):
        if said in how.last:
            return count - 1
        for place, ways in enumerate(how.ordinals[:count]):
            if said in ways:
                return place
    return None


def _names(topic: Topic, said: set[str], index: LanguageIndex) -> bool:
    # The title goes first: "type 2" is in a synonym of more than one topic.
    title = {stem(word, index.language) for word in words(topic.title)}
    return said <= title or any(said <= set(name.core) for name in index.names if name.topic == topic.id)


def read_choice_words(locales: Path, language: str) -> ChoiceWords:
    """Return how one language chooses.

    Raises:
        DataFileError: The file is missing or bends the format.
    """
    path = locales / "languages" / language / "clarify.yaml"
    loaded = read_yaml(path)
    if not isinstance(loaded, dict) or set(loaded) != {"ordinals", "last", "filler", "facets"}:
        raise DataFileError(path, "the file must have exactly these keys: ordinals, last, filler, facets")
    ordinals = loaded["ordinals"]
    if not isinstance(ordinals, list) or len(ordinals) != MOST_TOPICS:
        raise DataFileError(path, f"'ordinals' must hold {MOST_TOPICS} lists, one for each place")
    return ChoiceWords(
        ordinals=tuple(_ways(path, "ordinals", ways) for ways in ordinals),
        last=_ways(path, "last", loaded["last"]),
        filler=_ways(path, "filler", loaded["filler"]),
        facets=_read_facets(path, loaded["facets"]),
    )


def _ways(path: Path, key: str, value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not value:
        raise DataFileError(path, f"'{key}' must be a list of words")
    return frozenset(" ".join(words(fold(str(way)))) for way in value)


def _read_facets(path: Path, value: Any) -> dict[Aspect, Facet]:
    if not isinstance(value, dict) or not value or not set(value) <= {aspect.value for aspect in Aspect}:
        raise DataFileError(path, "'facets' must name aspects, each with 'title' and 'question'")
    facets = {}
    for name, entry in value.items():
        if not isinstance(entry, dict) or set(entry) != {"title", "question"}:
            raise DataFileError(path, f"facet '{name}' must have 'title' and 'question'")
        facets[Aspect(name)] = Facet(str(entry["title"]), str(entry["question"]))
    return facets


@dataclass(frozen=True, slots=True)
class Chosen:
    """A question, and the topic that the patient chose for it."""

    question: str
    topic: str

    def as_json(self) -> dict[str, str]:
        """Return it as plain JSON values."""
        return {"question": self.question, "topic": self.topic}


class Choosing:
    """Asks back, and reads what was chosen, in every language that has words for it."""

    def __init__(self, how: Mapping[str, ChoiceWords] | None = None) -> None:
        self._how = dict(how or {})

    @classmethod
    def load(cls, locales: Path, languages: Iterable[str]) -> Choosing:
        """Return it with the words of these languages.

        Raises:
            DataFileError: A file is missing or bends the format.
        """
        return cls({language: read_choice_words(locales, language) for language in languages})

    def facets(self, language: str) -> Mapping[Aspect, Facet]:
        """Return what people often want to know about a topic, in this language; empty where nobody wrote it."""
        how = self._words(language)
        return how.facets if how is not None else {}

    def ask(self, found: Retrieved, question: str, language: str, retriever: Retriever) -> Clarification | None:
        """Return what the patient must be asked before this question can be answered, None where nothing must."""
        if self._words(language) is None:
            return None
        topics = topics_to_choose_from(found, question, language, retriever)
        choices = tuple(TopicChoice(topic.id, topic.title) for topic in topics)
        return Clarification(choices, language) if choices else None

    def chosen(
        self,
        said: str,
        language: str,
        retriever: Retriever,
        *,
        topic: str | None,
        facet: str | None,
        choice: OpenChoice | None,
    ) -> Chosen | None:
        """Return the question and the topic that the patient chose; None when what was said is a question of its own.

        Args:
            said: The question to be answered about a tapped topic, or the patient's words after a clarifying question.
            topic: The topic that was tapped.
            facet: What of it was tapped.
            choice: The clarifying question that is open.
        """
        if topic is not None:
            asked = next((each.question for aspect, each in self.facets(language).items() if aspect == facet), said)
            return Chosen(asked.strip() or _title(topic, language, retriever), topic)
        if choice is None:
            return None
        how, index = self._words(language), retriever.knowledge.index(language)
        if how is None or index is None:
            return None
        picked = chosen_topic(said, choice, index, how)
        return Chosen(choice.question, picked) if picked is not None else None

    def _words(self, language: str) -> ChoiceWords | None:
        return self._how.get(language) or self._how.get(language.partition("-")[0])


def _title(topic: str, language: str, retriever: Retriever) -> str:
    for index in retriever.knowledge.searched(language):
        if topic in index.topics:
            return index.topics[topic].title
    return topic.replace("_", " ")


def open_choice_from_json(data: Any) -> OpenChoice | None:
    """Return the open choice that an order carries, None where it carries none.

    Raises:
        ValueError: It is not one; the message holds none of its words.
    """
    if data is None:
        return None
    if not isinstance(data, dict) or not isinstance(data.get("question"), str):
        raise ValueError("choice must hold a question")
    topics = data.get("topics")
    if not isinstance(topics, list) or not topics or not all(isinstance(topic, str) for topic in topics):
        raise ValueError("choice must hold the ids of its topics")
    return OpenChoice(data["question"], tuple(topics))
