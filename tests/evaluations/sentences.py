# ruff: noqa: T201 - this is a command that prints
"""How many of the sentences in guardrails/sentences the wordings alone see, by language, category and manner.

    python -m tests.evaluations.sentences [--show hits|near_misses|all] [--category stroke] [--language es]

The sentences are written for the meaning layer by people who do not look at the wordings; so they are a fair test here.
A hit counts when people are called or the one fact that decides is asked; a near miss when neither happens.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from careguard.rulebook import Rulebook
from careguard.screen import screen
from careguard.sentences import Sentence, read_sentence_files
from careguard.verdict import Level, Verdict
from tests.rulebook import shipped_rulebook

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("en", "es")
HITS = "hits"
NEAR_MISSES = "near_misses"


@dataclass(frozen=True, slots=True)
class Judged:
    """One sentence and what the wordings make of it."""

    sentence: Sentence
    verdict: Verdict

    @property
    def is_seen(self) -> bool:
        """Whether people are called, or the patient is asked for the one fact that decides."""
        return self.verdict.level is not Level.NONE or self.verdict.ask is not None

    @property
    def is_right(self) -> bool:
        """Whether that is as it should be."""
        return self.is_seen is (kind_of(self.sentence) == HITS)


def own_sentences() -> list[Sentence]:
    """Return every sentence of every language."""
    return read_sentence_files(ROOT / "guardrails", shipped_rulebook())


def kind_of(sentence: Sentence) -> str:
    """Return whether the sentence must be seen or left alone."""
    return HITS if sentence.level is not Level.NONE else NEAR_MISSES


def file_of(sentence: Sentence) -> str:
    """Return the file of the sentence, which is named after its category."""
    return sentence.group.partition("/")[0]


def judge(sentences: Sequence[Sentence], rulebook: Rulebook) -> list[Judged]:
    """Return what the wordings make of each sentence."""
    return [Judged(sentence, screen(sentence.text, rulebook)) for sentence in sentences]


def share_right(judged: Sequence[Judged]) -> float:
    """Return which share is judged as it should be."""
    return sum(one.is_right for one in judged) / len(judged)


def _table(title: str, judged: Sequence[Judged], by: Callable[[Sentence], str]) -> None:
    print(f"\n{title}")
    for name in sorted({by(one.sentence) for one in judged}):
        cells = []
        for language in sorted({one.sentence.language for one in judged}):
            chosen = [one for one in judged if by(one.sentence) == name and one.sentence.language == language]
            right = sum(one.is_right for one in chosen)
            cells.append(f"{language} {right:4d}/{len(chosen):<4d} {right / max(1, len(chosen)):6.1%}")
        print(f"  {name:26s} {'   '.join(cells)}")


def main() -> None:
    """Print the tables, and with --show the sentences that are judged wrongly."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--show", choices=(HITS, NEAR_MISSES, "all"))
    arguments.add_argument("--category")
    arguments.add_argument("--language")
    given = arguments.parse_args()
    rulebook = shipped_rulebook()
    judged = [
        one
        for one in judge(own_sentences(), rulebook)
        if given.category in (None, file_of(one.sentence)) and given.language in (None, one.sentence.language)
    ]
    for kind, title in (
        (HITS, "seen, of what must be seen"),
        (NEAR_MISSES, "left alone, of what must be left alone"),
    ):
        chosen = [one for one in judged if kind_of(one.sentence) == kind]
        _table(title, chosen, lambda sentence: "all")
        _table(f"{title}, by category", chosen, file_of)
        _table(f"{title}, by manner", chosen, lambda sentence: sentence.style)
    for one in judged:
        shown = given.show in ("all", kind_of(one.sentence))
        if shown and not one.is_right:
            fired = ", ".join(rule.id for rule in one.verdict.rules)
            print(f"{one.sentence.language} {file_of(one.sentence)}/{one.sentence.style} [{fired}] {one.sentence.text}")


if __name__ == "__main__":
    main()
