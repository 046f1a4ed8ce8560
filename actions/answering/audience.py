"""Keeps an answer to the people that the question is about: a baby is not answered with what is right for adults.

After retrieval, before the sentences are picked. A topic says in its front matter whom it covers; a passage that names
other people only is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from actions.answering.question import Group, QuestionWords
from actions.answering.retrieve import RetrievalDecision, Retrieved, ScoredPassage

_ALSO: Mapping[Group, frozenset[Group]] = {
    Group.CHILD: frozenset({Group.CHILD}),
    Group.ADULT: frozenset({Group.ADULT, Group.OLDER_ADULT, Group.PREGNANCY}),
    Group.OLDER_ADULT: frozenset({Group.OLDER_ADULT, Group.ADULT}),
    Group.PREGNANCY: frozenset({Group.PREGNANCY, Group.ADULT, Group.CHILD}),
}
"""Whom a passage may name, beside nobody, in an answer about a group; a pregnancy is about the baby too."""
_COVERS: Mapping[Group, frozenset[str]] = {
    Group.CHILD: frozenset({"child"}),
    Group.ADULT: frozenset({"adult", "older_adult", "pregnancy"}),
    Group.OLDER_ADULT: frozenset({"older_adult", "adult"}),
    Group.PREGNANCY: frozenset({"pregnancy"}),
}
"""The audiences of a topic of which one must be there for a question about the group."""
_NEARLY_BEST = 0.8
"""Share of the best passage's score from which a passage that names the group answers for the whole topic."""
_HELP_SECTIONS = frozenset({"get_help_now", "see_someone"})


def for_whom(found: Retrieved, question: str, asked: QuestionWords) -> Retrieved:
    """Return what was found, kept to the people that the question is about; it abstains when that leaves no answer.

    A question that says nothing about whom it is about is left as it is.
    """
    about = asked.about(question)
    if found.decision is not RetrievalDecision.ANSWER or found.topic is None or not about:
        return found
    fitting = {group for group in about if _COVERS[group].intersection(found.topic.audience)}
    if about <= fitting or (fitting and _speaks_for_the_child(about)):
        return _kept(found, _without_others(found.passages, about, asked))
    return _kept(found, _naming(found.passages, about - fitting, asked))


def _speaks_for_the_child(about: frozenset[Group]) -> bool:
    """Return whether the question is about mother and child, where a topic for either may answer."""
    return about <= {Group.PREGNANCY, Group.CHILD}


def _kept(found: Retrieved, passages: Sequence[ScoredPassage]) -> Retrieved:
    if any(scored.passage.section not in _HELP_SECTIONS for scored in passages):
        return replace(found, passages=tuple(passages))
    return Retrieved(
        decision=RetrievalDecision.ABSTAIN,
        topic=None,
        passages=(),
        confidence=0.0,
        reason="for_other_people",
        nearest=found.nearest,
    )


def _without_others(
    passages: Sequence[ScoredPassage], about: frozenset[Group], asked: QuestionWords
) -> list[ScoredPassage]:
    allowed = frozenset[Group]().union(*(_ALSO[group] for group in about))
    kept = []
    for scored in passages:
        named = asked.named_in(scored.passage.text)
        if not named or named & allowed:
            kept.append(scored)
    return kept


def _naming(passages: Sequence[ScoredPassage], about: frozenset[Group], asked: QuestionWords) -> list[ScoredPassage]:
    """Return the passages of a topic for others that name the group, if what answers best is among them."""
    answering = [scored for scored in passages if scored.passage.section not in _HELP_SECTIONS]
    if not answering:
        return []
    least = _NEARLY_BEST * answering[0].score
    named = [scored for scored in passages if asked.named_in(scored.passage.text) & about]
    telling = [s for s in named if s.passage.section not in _HELP_SECTIONS and s.score >= least]
    return [*telling, *(s for s in named if s.passage.section in _HELP_SECTIONS)] if telling else []
