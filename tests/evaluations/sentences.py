# ruff: noqa: T201 - this is a command that prints
"""How many of the sentences in guardrails/sentences the wordings alone see, by language, category and manner.

    python -m tests.evaluations.sentences [--show hits|near_misses|all] [--category stroke] [--language es]

The sentences are written for the meaning layer by people who do not look at the wordings; so they are a fair test here.
A hit counts when people are called or the one fact that decides is asked; a near miss when neither happens.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from careguard.rulebook import Rulebook, load_rulebook
from careguard.screen import screen
from careguard.strict_yaml import read_yaml
from careguard.verdict import Level, Verdict

ROOT = Path(__file__).resolve().parents[2]
SENTENCES = ROOT / "guardrails" / "sentences"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence with what it is and how it was written."""

    language: str
    category: str
    manner: str
    is_hit: bool
    text: str


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
        return self.is_seen is self.sentence.is_hit


def read_sentences() -> Iterator[Sentence]:
    """Return every sentence of every language."""
    for path in sorted(SENTENCES.glob("*/*.yaml")):
        data = read_yaml(path)
        for kind in ("hits", "near_misses"):
            for manner, texts in (data.get(kind) or {}).items():
                for text in texts:
                    yield Sentence(path.parent.name, data["category"], manner, kind == "hits", str(text))


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
    arguments.add_argument("--show", choices=("hits", "near_misses", "all"))
    arguments.add_argument("--category")
    arguments.add_argument("--language")
    given = arguments.parse_args()
    rulebook = load_rulebook(ROOT / "guardrails", ROOT / "locales")
    judged = [
        one
        for one in judge(list(read_sentences()), rulebook)
        if given.category in (None, one.sentence.category) and given.language in (None, one.sentence.language)
    ]
    for is_hit, title in ((True, "seen, of what must be seen"), (False, "left alone, of what must be left alone")):
        chosen = [one for one in judged if one.sentence.is_hit is is_hit]
        _table(title, chosen, lambda sentence: "all")
        _table(f"{title}, by category", chosen, lambda sentence: sentence.category)
        _table(f"{title}, by manner", chosen, lambda sentence: sentence.manner)
    for one in judged:
        shown = given.show == "all" or given.show == ("hits" if one.sentence.is_hit else "near_misses")
        if shown and not one.is_right:
            fired = ", ".join(rule.id for rule in one.verdict.rules)
            print(
                f"{one.sentence.language} {one.sentence.category}/{one.sentence.manner} [{fired}] {one.sentence.text}"
            )


if __name__ == "__main__":
    main()
