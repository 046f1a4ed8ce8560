"""Finds the topic and the passages that answer a question, or decides that nothing reviewed does.

After the order, before generation. A topic named in the question is the strong signal; embeddings alone never decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from actions.answering.embed import Embedder, Vectors
from actions.answering.knowledge import Knowledge, LanguageIndex, Mention
from actions.answering.question import Aspect
from actions.answering.topic import Passage, Topic
from careguard.stems import stem, stop_words, words

NEAREST = 3
"""Topics that are named as the nearest ones."""
_NEAR_PASSAGES = 24
"""Passages from which the nearest topics are taken."""
_SHIPPED_GOES_FIRST = 0.005
"""Cosine by which an imported topic must fit better than a shipped one that is named beside it."""
_RANK_CONSTANT = 60
"""Source: Cormack, Clarke and Büttcher, Reciprocal Rank Fusion (SIGIR 2009): k = 60."""


class RetrievalDecision(StrEnum):
    """What must happen with the question."""

    ANSWER = "answer"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True)
class ScoredPassage:
    """A passage and how well it fits the question, 0 to 1."""

    passage: Passage
    score: float
    told: bool = False
    """True when it has the words by which the question's main aspect is told."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What retrieval found."""

    decision: RetrievalDecision
    topic: Topic | None
    passages: tuple[ScoredPassage, ...]
    """Passages of the topic, best first; empty when it abstains."""
    confidence: float
    aspects: tuple[Aspect, ...] = ()
    specific: bool = False
    """True when the question asks for more than one kind of thing about the topic ("can the flu shot give me flu?")."""
    reason: str = ""
    """Which rule decided, for evaluation; never holds words of the question."""
    nearest: tuple[str, ...] = ()
    """Ids of the topics that fit best, the best first; also when none fits well enough to answer."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where answering ends and abstaining begins; held by tests/evaluations/test_retrieval_targets.py."""

    ambiguous_name_fit: float = 0.845
    """Cosine that a name with an everyday meaning ("cold", "period") needs with its topic."""
    loose_name_fit: float = 0.84
    """Cosine that a name whose words stand apart needs."""
    unnamed_fit: float = 0.90
    """Cosine that a question needs which names no topic at all."""
    unnamed_coverage: float = 0.99
    named_unknown_share: float = 0.34
    """Share of the question's telling words that may be unknown to the topic it names."""
    clear_fit: float = 0.905
    """Cosine from which a topic's passage plainly speaks of the question, whatever words it uses."""
    doubtful_unknown_share: float = 0.2
    """The same share where the name is ambiguous, or a word stands in no list of ours ("salinomycin", "sickle")."""
    follow_up_coverage: float = 0.6
    follow_up_fit: float = 0.80


_SECTION_WEIGHT: dict[Aspect, dict[str, float]] = {
    Aspect.MEANING: {"in_short": 1.0, "what_it_is": 0.9},
    Aspect.SIGNS: {"what_it_is": 0.7, "in_short": 0.6, "get_help_now": 0.3, "see_someone": 0.2},
    Aspect.CAUSE: {"what_it_is": 1.0, "in_short": 0.8, "what_you_can_do": 0.1},
    Aspect.SELF_CARE: {"what_you_can_do": 1.0, "in_short": 0.4},
    Aspect.TREATMENT: {"what_doctors_may_do": 1.0, "what_you_can_do": 0.5, "in_short": 0.4},
    Aspect.DANGER: {"get_help_now": 1.0, "see_someone": 0.9, "in_short": 0.2},
    Aspect.HARM: {"in_short": 1.0, "what_it_is": 0.8, "what_doctors_may_do": 0.2, "get_help_now": 0.3},
    Aspect.OUTLOOK: {"in_short": 1.0, "what_it_is": 0.9, "what_doctors_may_do": 0.4, "what_you_can_do": 0.2},
    Aspect.AMOUNT: {"in_short": 1.0, "what_you_can_do": 0.8, "what_it_is": 0.6, "what_doctors_may_do": 0.6},
    Aspect.PREVENTION: {"in_short": 1.0, "what_you_can_do": 0.9, "what_doctors_may_do": 0.4, "what_it_is": 0.3},
    Aspect.TEST: {"what_it_is": 0.6, "what_doctors_may_do": 0.8, "in_short": 0.6},
    Aspect.ASK_DOCTOR: {"questions_to_ask": 1.0},
}
_NO_ASPECT = {"in_short": 0.9, "what_it_is": 0.7, "what_you_can_do": 0.5, "what_doctors_may_do": 0.3}


class _Asked:
    """One question, taken apart once."""

    def __init__(self, index: LanguageIndex, question: str, spelled: list[str]) -> None:
        self._index = index
        self.words = spelled
        self.stems = [stem(word, index.language) for word in self.words]
        self.mentions = index.mentions(self.words)
        self.aspects = index.asked.aspects_of(question)
        self.points_back = index.asked.points_back(question)
        stop = stop_words(index.language)
        cues = index.asked.cue_stems(question)
        self.content = [
            token for word, token in zip(self.words, self.stems, strict=True) if word not in stop and not word.isdigit()
        ]
        self.beside_cues = [token for token in self.content if token not in cues]
        self.is_yes_or_no = index.asked.wants_yes_or_no(question)
        self.carries_on = index.asked.carries_on(question)
        self.about_the_bot = index.asked.is_about_the_bot(question)
        self.telling = [token for token in self.content if token not in index.asked.frame and token not in cues]
        """Stems that say what the question is about."""

    def coverage(self, topic: str) -> float:
        """Return the share of telling words that the topic knows; 1 when there are none."""
        if not self.telling:
            return 1.0
        known = self._index.topic_stems[topic]
        return sum(token in known for token in self.telling) / len(self.telling)

    def unknown_share(self, topic: str) -> float:
        """Return how much of the question's telling words the topic does not know."""
        return 1.0 - self.coverage(topic)

    def is_specific(self, topic: str) -> bool:
        """Return whether the question says more than the topic's name and what kind of thing it wants to know."""
        main = self.aspects[0] if self.aspects else None
        if self.is_yes_or_no and main not in _YES_OR_NO_OF_THE_WHOLE:
            return True
        named = self.named(topic)
        title = {stem(word, self._index.language) for word in words(self._index.topics[topic].title)}
        # "exercise" is the topic's name; in "normal blood pressure", "normal" is what is asked for.
        alone = {token for mention in self.mentions if len(mention.core) == 1 for token in mention.core}
        asked = self._index.asked
        if any(asked.is_detail(word) and stem(word, asked.language) not in title | alone for word in self.words):
            return True
        return any(token not in named for token in self.telling)

    def named(self, topic: str) -> frozenset[str]:
        """Return the stems by which the question names the topic."""
        return frozenset(token for mention in self.mentions if mention.topic == topic for token in mention.core)

    def has_rare_word(self, topic: str) -> bool:
        """Return whether a telling word is neither in the topic nor a word that we know at all."""
        known = self._index.topic_stems[topic]
        telling = set(self.telling)
        return any(
            token in telling and token not in known and not self._index.knows(word)
            for word, token in zip(self.words, self.stems, strict=True)
        )

    def is_follow_up(self) -> bool:
        """Return whether the question can lean on what was talked about before."""
        if self.carries_on:
            return True
        if self.about_the_bot and not self.points_back:
            return False
        if any(aspect is not Aspect.MEANING for aspect in self.aspects):
            return True
        # "what is the day" asks for a meaning too; "what is it" leans on the topic, so does "is walking good for it".
        return self.points_back and (bool(self.telling) or not self.beside_cues)


@dataclass(frozen=True, slots=True)
class _Choice:
    """What one index makes of a question."""

    index: LanguageIndex
    asked: _Asked
    fits: Vectors
    topic: str | None
    """The topic that it would answer from; None when it abstains."""
    confidence: float
    reason: str
    mention: Mention | None = None
    """By what the topic is named, where it is."""

    @property
    def fit(self) -> float:
        """Return how well the topic's best passage fits the question."""
        return float(self.fits[self.index.rows[self.topic]].max()) if self.topic is not None else 0.0

    @property
    def rank(self) -> tuple[bool, float]:
        """Return how plainly the question names the topic."""
        if self.mention is None:
            return False, 0.0
        return not self.mention.ambiguous, len(self.mention.core) + (0.5 if self.mention.exact else 0.0)


class Retriever:
    """Searches the knowledge for one question at a time; holds no state between questions."""

    def __init__(self, knowledge: Knowledge, embedder: Embedder, thresholds: Thresholds | None = None) -> None:
        self._knowledge = knowledge
        self._embedder = embedder
        self._thresholds = thresholds or Thresholds()

    @property
    def knowledge(self) -> Knowledge:
        """Return what is searched now."""
        return self._knowledge

    def use(self, knowledge: Knowledge) -> None:
        """Search this knowledge from the next question on; questions under way end on the one they began with."""
        self._knowledge = knowledge

    def keep_up(self, data_folder: Path) -> bool:
        """Take up what was imported since, if anything was; return whether it was.

        The new index is built beside the old one, which goes on answering until then.
        """
        knowledge = self._knowledge
        fresh = knowledge.with_imports(data_folder, self._embedder.name)
        if fresh is knowledge:
            return False
        self.use(fresh)
        return True

    def retrieve(self, question: str, language: str, topic_hint: str | None = None) -> Retrieved:
        """Return the passages that answer the question, or the decision to abstain.

        A question that names its topic in another of our languages is answered from the same topic in `language`.

        Args:
            topic_hint: The topic talked about before; it answers a follow-up that names no topic of its own.
        """
        knowledge = self._knowledge
        vector = self._embedder.question(question)
        found = self._retrieve_in(knowledge, language, question, vector, topic_hint)
        if found.decision is RetrievalDecision.ANSWER:
            return found
        for other in knowledge.languages:
            if other != language:
                foreign = self._retrieve_in(knowledge, other, question, vector, None)
                if foreign.reason.startswith("named") and (same := _in_language(knowledge, foreign, language)):
                    return same
        return found

    def retrieve_about(self, question: str, language: str, topic: str) -> Retrieved | None:
        """Return the passages of this topic as they answer the question; None where the language does not have it.

        For a topic that the patient chose: nothing else is weighed.
        """
        for index in self._knowledge.searched(language):
            if topic in index.topics:
                asked = _Asked(index, question, _spelled([index], words(question)))
                fits = index.fits(self._embedder.question(question))
                return Retrieved(
                    decision=RetrievalDecision.ANSWER,
                    topic=index.topics[topic],
                    passages=_rank(index, asked, fits, topic),
                    confidence=1.0,
                    aspects=asked.aspects,
                    specific=asked.is_specific(topic),
                    reason="chosen",
                    nearest=(topic,),
                )
        return None

    def fits_of_topics(self, question: str, language: str) -> dict[str, float]:
        """Return how well the best passage of each shipped topic fits the question."""
        index = self._knowledge.index(language)
        if index is None:
            return {}
        fits = index.fits(self._embedder.question(question))
        return {topic: float(fits[rows].max()) for topic, rows in index.rows.items()}

    def _retrieve_in(
        self, knowledge: Knowledge, language: str, question: str, vector: Vectors, topic_hint: str | None
    ) -> Retrieved:
        indexes = knowledge.searched(language)
        spelled = _spelled(indexes, words(question))
        if not indexes or not spelled:
            return _abstained("nothing_to_search")
        choices = [
            self._choose(index, _Asked(index, question, spelled), index.fits(vector), topic_hint) for index in indexes
        ]
        best = _better(choices)
        nearest = _nearest_topics(best, choices)
        if best.topic is None:
            return replace(_abstained(best.reason), nearest=nearest)
        return Retrieved(
            decision=RetrievalDecision.ANSWER,
            topic=best.index.topics[best.topic],
            passages=_rank(best.index, best.asked, best.fits, best.topic),
            confidence=best.confidence,
            aspects=best.asked.aspects,
            specific=best.asked.is_specific(best.topic),
            reason=best.reason,
            nearest=nearest,
        )

    def _choose(self, index: LanguageIndex, asked: _Asked, fits: Vectors, topic_hint: str | None) -> _Choice:
        limits = self._thresholds

        def choice(topic: str | None, confidence: float, reason: str, mention: Mention | None = None) -> _Choice:
            return _Choice(index, asked, fits, topic, round(confidence, 3), reason, mention)

        mentions = [
            mention
            for mention in asked.mentions
            if self._fits(mention, index, fits) and not index.names_another_kind(mention.topic, asked.words)
        ]
        leaning = self._leaning(index, asked, fits, topic_hint)
        if leaning is not None and asked.points_back and all(mention.ambiguous for mention in mentions):
            # "can I exercise with it?" names exercise, and asks about what was talked about before.
            return choice(topic_hint, leaning, "follow_up")
        if mentions:
            best = max(mentions, key=lambda mention: _mention_rank(mention, index, fits))
            unknown = asked.unknown_share(best.topic)
            doubtful = best.ambiguous or asked.has_rare_word(best.topic)
            fit = float(fits[index.rows[best.topic]].max())
            if not doubtful and fit >= limits.clear_fit:
                return choice(best.topic, fit, "named_and_clear", best)
            if unknown <= (limits.doubtful_unknown_share if doubtful else limits.named_unknown_share):
                return choice(best.topic, 1.0 - unknown, "named", best)
            return choice(None, 0.0, "named_among_unknown_words", best)
        if leaning is not None:
            return choice(topic_hint, leaning, "follow_up")
        best_row = int(np.argmax(fits))
        topic = index.passages[best_row].topic
        fit = float(fits[best_row])
        if (
            fit >= limits.unnamed_fit
            and not index.contradicts(topic, asked.words)
            and len(asked.telling) >= 2
            and asked.coverage(topic) >= limits.unnamed_coverage
        ):
            return choice(topic, fit, "unnamed")
        return choice(None, 0.0, "no_topic")

    def _leaning(self, index: LanguageIndex, asked: _Asked, fits: Vectors, topic_hint: str | None) -> float | None:
        """Return how well the topic talked about before covers a question that can lean on it, None where it cannot."""
        if topic_hint is None or topic_hint not in index.topics or not asked.is_follow_up():
            return None
        coverage = asked.coverage(topic_hint)
        fit = float(fits[index.rows[topic_hint]].max())
        limits = self._thresholds
        return None if coverage < limits.follow_up_coverage or fit < limits.follow_up_fit else coverage

    def _fits(self, mention: Mention, index: LanguageIndex, fits: Vectors) -> bool:
        limits = self._thresholds
        if mention.opposed:
            return False
        fit = float(fits[index.rows[mention.topic]].max())
        if mention.ambiguous:
            return fit >= limits.ambiguous_name_fit
        return mention.exact or fit >= limits.loose_name_fit


def _spelled(indexes: Sequence[LanguageIndex], question_words: list[str]) -> list[str]:
    """Return the words, misspellings put right; what one index knows, the other must not take for a misspelling."""
    return [
        word
        if any(index.recognises(word) for index in indexes)
        else next((right for index in indexes if (right := index.corrected_word(word)) != word), word)
        for word in question_words
    ]


def _better(choices: Sequence[_Choice]) -> _Choice:
    """Return the choice that decides: the shipped topics' one, unless what was imported is named more plainly.

    Shipped topics are simpler to read, so they win wherever both fit alike.
    """
    shipped, *others = choices
    for imported in others:
        if imported.topic is None:
            continue
        if shipped.topic is None or _is_plainer(imported, shipped):
            return imported
    return shipped


def _is_plainer(imported: _Choice, shipped: _Choice) -> bool:
    """Return whether the imported topic is what the question is about rather than the shipped one."""
    points_back = imported.asked.points_back
    if imported.reason == "follow_up":
        return points_back and not shipped.rank[0]
    if shipped.reason == "follow_up" and points_back:
        return False
    if not imported.rank[0]:
        return False
    if shipped.rank[0] and _are_apart(imported.mention, shipped.mention):
        # "side effects of antidepressants" names two subjects: the one whose passages speak of the question.
        return imported.fit > shipped.fit + _SHIPPED_GOES_FIRST
    return imported.rank > shipped.rank


def _are_apart(one: Mention | None, other: Mention | None) -> bool:
    return one is not None and other is not None and (one.end <= other.start or other.end <= one.start)


def _nearest_topics(best: _Choice, choices: Sequence[_Choice]) -> tuple[str, ...]:
    """Return the topics that fit best, the chosen one first, then those that are named, then those that are near."""
    found: dict[str, None] = {} if best.topic is None else {best.topic: None}
    named = [
        (_mention_rank(mention, choice.index, choice.fits), mention.topic)
        for choice in choices
        for mention in choice.asked.mentions
        if not mention.opposed
    ]
    found.update((topic, None) for _, topic in sorted(named, key=lambda pair: pair[0], reverse=True))
    near: list[tuple[float, str]] = []
    for choice in choices:
        for row in np.argpartition(-choice.fits, min(_NEAR_PASSAGES, len(choice.fits)) - 1)[:_NEAR_PASSAGES]:
            near.append((float(choice.fits[row]), choice.index.passages[int(row)].topic))
    found.update((topic, None) for _, topic in sorted(near, reverse=True))
    return tuple(found)[:NEAREST]


def _in_language(knowledge: Knowledge, found: Retrieved, language: str) -> Retrieved | None:
    """Return what was found with the same passages in this language; passages share their ids across languages."""
    index = knowledge.index(language)
    if index is None or found.decision is not RetrievalDecision.ANSWER or found.topic is None:
        return None
    topic = index.topics.get(found.topic.id)
    if topic is None:
        return None
    own = {passage.id: passage for passage in topic.passages}
    passages = tuple(
        replace(scored, passage=own[scored.passage.id]) for scored in found.passages if scored.passage.id in own
    )
    return replace(found, topic=topic, passages=passages, reason="named_in_another_language") if passages else None


def _mention_rank(mention: Mention, index: LanguageIndex, fits: Vectors) -> tuple[bool, float, float]:
    fit = float(fits[index.rows[mention.topic]].max())
    # "can I exercise with arthritis?" asks about arthritis: a name that only ever means one thing goes first.
    return (not mention.ambiguous, len(mention.core) + (0.5 if mention.exact else 0.0), fit)


@dataclass(frozen=True, slots=True)
class _Weights:
    """What counts how much when the passages of a topic are ordered for a question; they add up to 1."""

    match: float
    section: float
    place: float
    told: float


_PLACES = 8
"""Passages of a section after which the place counts no more."""
WITHOUT_SECTION = frozenset(
    {Aspect.SIGNS, Aspect.CAUSE, Aspect.TEST, Aspect.HARM, Aspect.OUTLOOK, Aspect.AMOUNT, Aspect.PREVENTION}
)
"""Aspects that have no section of their own: the passages that tell of them must be found by their words."""
_YES_OR_NO_OF_THE_WHOLE = frozenset({Aspect.HARM, Aspect.OUTLOOK})
"""Aspects of which yes or no is asked of the whole topic ("can gout be cured?"), not of one certain thing."""
_GENERAL = _Weights(match=0.15, section=0.5, place=0.3, told=0.05)
"""For "what is asthma?": the section that answers it, in the order in which clinicians wrote it."""
_TOLD = _Weights(match=0.2, section=0.15, place=0.2, told=0.45)
"""For "what are the signs of asthma?": the passages that tell of signs, in the order in which clinicians wrote them."""
_SPECIFIC = _Weights(match=0.62, section=0.15, place=0.03, told=0.2)
"""For "can the flu shot give me the flu?": the passage that says just that, wherever it stands."""


def _rank(index: LanguageIndex, asked: _Asked, fits: Vectors, topic: str) -> tuple[ScoredPassage, ...]:
    rows = index.rows[topic]
    passages = [index.passages[int(row)] for row in rows]
    lexical = index.lexical_scores(asked.content)[rows]
    matches = 0.5 * _fused([fits[rows], lexical]) + 0.5 * _stretched(fits[rows])
    weights = _weights(asked, topic)
    sections = _section_weights(asked.aspects)
    told = [index.asked.aspects[aspect].told for aspect in asked.aspects[:2]]
    headed = _below_headings(index, asked, passages)
    scored: list[ScoredPassage] = []
    for position, passage in enumerate(passages):
        section, place = sections.get(passage.section, 0.0), passage.number
        folded = " ".join(words(passage.text))
        tells = [pattern is not None and pattern.search(folded) is not None for pattern in told]
        telling = float(any(tells))
        main = bool(tells) and tells[0]
        if headed:
            # What stands below "What causes it?" tells of causes, whatever its words; elsewhere words tell less.
            main, place = headed[position]
            section, telling = (1.0, 1.0) if main else (0.5 * section, 0.4 * telling)
        score = weights.match * float(matches[position]) + weights.section * section
        score += weights.place * section * max(0.0, 1.0 - (place - 1) / _PLACES)
        score += weights.told * telling
        scored.append(ScoredPassage(passage, round(score, 4), main))
    return tuple(sorted(scored, key=lambda one: -one.score))


def _below_headings(index: LanguageIndex, asked: _Asked, passages: Sequence[Passage]) -> list[tuple[bool, int]]:
    """Return for each passage whether its heading asks what is asked, and its place below that heading.

    Nothing when no heading of the topic asks it.
    """
    main = asked.aspects[0] if asked.aspects else None
    found: list[tuple[bool, int]] = []
    places: dict[str, int] = {}
    for passage in passages:
        places[passage.heading] = places.get(passage.heading, 0) + 1
        aspects = index.aspects_of_heading(passage.heading) if passage.heading else ()
        found.append((bool(aspects) and aspects[0] is main, places[passage.heading]))
    return found if any(matches for matches, _ in found) else []


def _weights(asked: _Asked, topic: str) -> _Weights:
    if asked.is_specific(topic):
        return _SPECIFIC
    return _TOLD if asked.aspects and asked.aspects[0] in WITHOUT_SECTION else _GENERAL


def _stretched(scores: Vectors) -> Vectors:
    """Return the scores stretched so that the best is 1 and the worst 0; cosines of one topic lie close together."""
    low, high = float(scores.min()), float(scores.max())
    return (scores - low) / (high - low) if high > low else np.ones_like(scores)


def _fused(score_lists: list[Vectors]) -> Vectors:
    """Return the reciprocal rank fusion of the lists, scaled so that first in every list is 1."""
    total = np.zeros(len(score_lists[0]), dtype=np.float32)
    for scores in score_lists:
        if not np.any(scores):
            continue
        ranks = np.empty(len(scores), dtype=np.float32)
        ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1, dtype=np.float32)
        # Passages of one topic are few: a smaller constant keeps the best few apart from the rest.
        total += (1.0 + _RANK_CONSTANT / 10) / (ranks + _RANK_CONSTANT / 10)
    highest = float(total.max())
    return total / highest if highest > 0 else total


def _section_weights(aspects: tuple[Aspect, ...]) -> dict[str, float]:
    if not aspects:
        return _NO_ASPECT
    weights = dict(_SECTION_WEIGHT[aspects[0]])
    for aspect in aspects[1:2]:
        for section, weight in _SECTION_WEIGHT[aspect].items():
            weights[section] = max(weights.get(section, 0.0), 0.6 * weight)
    return weights


def _abstained(reason: str) -> Retrieved:
    return Retrieved(decision=RetrievalDecision.ABSTAIN, topic=None, passages=(), confidence=0.0, reason=reason)
