"""Whether one missing fact decides: is it happening now?

Stands between a wording that was found and the verdict. A rule with `ask` is in doubt when the message speaks of old
times, asks for knowledge or advice, and has no word of now; then the patient is asked, and no answer counts as yes.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from careguard.context import Context
from careguard.normalise import read_words
from careguard.patterns import PatternSet, Sweep
from careguard.rulebook import Rulebook


class Answer(StrEnum):
    """What a patient answered to the question that decides. "Not sure" is yes."""

    YES = "yes"
    NO = "no"


def may_be_old(readings: Sequence[tuple[Context, Sweep]], message: int) -> bool:
    """Say whether the message, by its words in any language, may tell of something that is over or long known.

    Args:
        readings: What each language's book found, with that language's context.
        message: Number of the message that is judged; what the patient wrote before it does not count.
    """

    def says(patterns: PatternSet, sweep: Sweep) -> bool:
        return any(sweep.words.messages[start] == message for start, _ in patterns.spans(sweep))

    if any(says(context.doubt.now, sweep) for context, sweep in readings):
        return False
    return any(says(context.doubt.old, sweep) for context, sweep in readings) and any(
        says(context.doubt.advice, sweep) for context, sweep in readings
    )


def read_answer(text: str, rulebook: Rulebook) -> Answer | None:
    """Return the answer that is the whole message, in any language; None when the message says anything more."""
    words = read_words(text)
    sweeps = [(language.context.answers, language.book.sweep(words)) for language in rulebook.languages]
    if any(answers.yes.spans(sweep) for answers, sweep in sweeps):
        return Answer.YES
    return Answer.NO if any(answers.no.spans(sweep) for answers, sweep in sweeps) else None
