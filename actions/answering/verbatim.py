"""Answers a question with reviewed sentences only: picks them, orders them, leaves their words alone.

After retrieval, before review. The answer comes first, then what to do, then one sentence on when to get help.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from actions.answering.question import Aspect
from actions.answering.retrieve import WITHOUT_SECTION, Retrieved, ScoredPassage
from careguard.review import DraftSentence
from careguard.stems import content_stems, words


class Style(StrEnum):
    """How much the patient wants."""

    NORMAL = "normal"
    SIMPLER = "simpler"
    DETAIL = "detail"


@dataclass(frozen=True, slots=True)
class _Shape:
    """How many sentences each part of an answer holds."""

    answer: int
    to_do: int
    longest_words: int
    worth: float
    """Share of the best sentence's score that a further one needs."""


_SHAPES = {
    Style.NORMAL: _Shape(answer=3, to_do=1, longest_words=110, worth=0.62),
    Style.SIMPLER: _Shape(answer=2, to_do=0, longest_words=60, worth=0.5),
    Style.DETAIL: _Shape(answer=6, to_do=3, longest_words=190, worth=0.4),
}
_HELP_SECTIONS = ("get_help_now", "see_someone")
_ASIDE_SECTIONS = frozenset({*_HELP_SECTIONS, "questions_to_ask"})
_DOING_ENOUGH = frozenset({Aspect.SELF_CARE, Aspect.PREVENTION, Aspect.ASK_DOCTOR, Aspect.DANGER})
"""Aspects whose answer already says what to do."""
_ASKS_TO_BE_SEEN = frozenset({Aspect.SIGNS, Aspect.HARM})
"""Aspects after which the thing to do is to be seen by someone."""
_WORTH_SPECIFIC = 0.66
"""Share of the best sentence's score that a further one needs when the question asks for one certain thing."""
_WORTH_DOING = 0.6
"""Share of the best sentence's score that something to do needs when the question asks for one certain thing."""
_FIRST_STEPS = 2
"""Sentences of the summary that may open the answer to "what can I do?"."""
_SAME_SENTENCE = 0.75
"""Share of telling words that two sentences may have in common before one of them is a repetition."""


def compose_answer(retrieved: Retrieved, style: Style = Style.NORMAL) -> tuple[DraftSentence, ...]:
    """Return the sentences of the answer in order, each a passage word for word; empty when there is no passage."""
    shape = _SHAPES[style]
    ranked = _simplest(retrieved) if style is Style.SIMPLER else retrieved.passages
    main = retrieved.aspects[0] if retrieved.aspects else None
    answer = _first_steps(retrieved) if main is Aspect.SELF_CARE else []
    worth = max(shape.worth, _WORTH_SPECIFIC) if retrieved.specific and style is Style.NORMAL else shape.worth
    answer += _pick(_answering(ranked, main, retrieved.specific), shape.answer - len(answer) // 2, worth, answer)
    if not answer:
        return ()
    to_do: list[ScoredPassage] = []
    if main not in _DOING_ENOUGH:
        to_do = _pick(_doing(retrieved, main), shape.to_do, 0.0, answer)
    help_now = _pick(_calls_first(_section(retrieved, "get_help_now")), 1, 0.0, [*answer, *to_do])
    if main is Aspect.DANGER and any(scored.passage.section == "get_help_now" for scored in answer):
        help_now = []
    parts = [answer, to_do, help_now]
    _trim(parts, shape.longest_words)
    return tuple(
        DraftSentence(scored.passage.text, (scored.passage.id,), opens_paragraph=position == 0)
        for part in parts
        for position, scored in enumerate(part)
    )


def _answering(ranked: Sequence[ScoredPassage], main: Aspect | None, specific: bool) -> list[ScoredPassage]:
    if main is Aspect.DANGER:
        return [scored for scored in ranked if scored.passage.section in _HELP_SECTIONS] or list(ranked)
    if main is Aspect.ASK_DOCTOR:
        return [scored for scored in ranked if scored.passage.section == "questions_to_ask"]
    answering = [scored for scored in ranked if scored.passage.section not in _ASIDE_SECTIONS]
    if main not in WITHOUT_SECTION or specific:
        return answering
    return [scored for scored in answering if scored.told] or answering


def _first_steps(retrieved: Retrieved) -> list[ScoredPassage]:
    """Return what the summary says to do: what matters most stands there, such as cooling a burn."""
    if retrieved.specific:
        return []
    return [scored for scored in _section(retrieved, "in_short") if scored.told][:_FIRST_STEPS]


def _doing(retrieved: Retrieved, main: Aspect | None) -> list[ScoredPassage]:
    """Return what can be done, nothing that has little to do with a question for one certain thing."""
    if main in _ASKS_TO_BE_SEEN:
        return _section(retrieved, "see_someone")
    least = _WORTH_DOING * retrieved.passages[0].score if retrieved.specific else 0.0
    return [scored for scored in _section(retrieved, "what_you_can_do") if scored.score >= least]


def _section(retrieved: Retrieved, anchor: str) -> list[ScoredPassage]:
    """Return the passages of one section: best first for a specific question, else as they were written."""
    passages = [scored for scored in retrieved.passages if scored.passage.section == anchor]
    return passages if retrieved.specific else sorted(passages, key=lambda scored: scored.passage.number)


def _calls_first(passages: Sequence[ScoredPassage]) -> list[ScoredPassage]:
    """Return the passages that say when to call before those that only say to hurry."""
    return sorted(passages, key=lambda scored: not scored.passage.names_a_call)


def _simplest(retrieved: Retrieved) -> Sequence[ScoredPassage]:
    """Return the passages with the short summary first: it is written for a first reading."""
    return sorted(
        retrieved.passages,
        key=lambda scored: -(scored.score + (0.4 if scored.passage.section == "in_short" else 0.0)),
    )


def _pick(
    ranked: Sequence[ScoredPassage], count: int, worth: float, taken: Sequence[ScoredPassage]
) -> list[ScoredPassage]:
    """Return up to `count` passages that say different things: the best first, the rest as they were written."""
    if not ranked or count < 1:
        return []
    picked: list[ScoredPassage] = []
    for scored in ranked:
        if len(picked) == count or (picked and scored.score < worth * picked[0].score):
            break
        if not any(_repeats(scored, other) for other in (*taken, *picked)):
            picked.append(scored)
    return picked[:1] + sorted(picked[1:], key=lambda scored: _written_order(ranked, scored))


def _written_order(ranked: Sequence[ScoredPassage], scored: ScoredPassage) -> tuple[int, int]:
    first_of_section = next(n for n, other in enumerate(ranked) if other.passage.section == scored.passage.section)
    return first_of_section, scored.passage.number


def _repeats(one: ScoredPassage, other: ScoredPassage) -> bool:
    if one.passage.id == other.passage.id:
        return True
    mine = set(content_stems(one.passage.text, one.passage.language))
    theirs = set(content_stems(other.passage.text, other.passage.language))
    smaller = min(len(mine), len(theirs))
    return smaller > 0 and len(mine & theirs) / smaller >= _SAME_SENTENCE


def _trim(parts: list[list[ScoredPassage]], longest_words: int) -> None:
    """Shorten the answer, then what to do; when to get help and the first sentence always stay."""
    answer, to_do, _ = parts
    while _length(parts) > longest_words and (len(answer) > 1 or to_do):
        if len(answer) > 2 or not to_do:
            answer.pop()
        else:
            to_do.pop()


def _length(parts: list[list[ScoredPassage]]) -> int:
    return sum(len(words(scored.passage.text)) for part in parts for scored in part)
