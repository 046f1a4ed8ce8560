"""Reads the sentences that the meaning layer learns from: written in this project, one file a category and language.

Beside the line, in training, evaluations and tests only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from careguard.errors import DataFileError
from careguard.rulebook import Rulebook
from careguard.strict_yaml import read_yaml
from careguard.verdict import Level, highest

HIT_STYLES = ("lay", "terse", "misspelt", "rambling", "third_person", "dialect", "non_native")
_KEYS = {"category", "level", "hits", "near_misses"}
_HARMLESS = "none"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence with what it means."""

    text: str
    language: str
    category: str | None
    """None when it is harmless."""
    level: Level
    style: str
    """How a hit is written, or why a near miss is none."""
    group: str
    """Sentences of one group may say the same, such as translations; they are never on both sides of a trial."""

    @property
    def id(self) -> str:
        """Return where it stands."""
        return f"{self.language}/{self.group}"

    @property
    def meaning(self) -> str:
        """Return what the model tells apart: category and level, or why it is harmless."""
        return f"{self.category}:{self.level.value}" if self.category else f"{_HARMLESS}:{self.style}"


def read_sentences(guardrails: Path, rulebook: Rulebook) -> list[Sentence]:
    """Return all sentences to learn from, those of the cases included, each once.

    Raises:
        DataFileError: A file is not whole, or names an unknown category, level or style.
    """
    found: dict[str, Sentence] = {}
    for sentence in read_sentence_files(guardrails, rulebook):
        found.setdefault(sentence.text, sentence)
    for path in sorted((guardrails / "cases").glob("*.yaml")):
        for sentence in _of_cases(path):
            found.setdefault(sentence.text, sentence)
    return list(found.values())


def read_sentence_files(guardrails: Path, rulebook: Rulebook) -> list[Sentence]:
    """Return what stands in the files of sentences, in their order, without the cases; none without the folder.

    Raises:
        DataFileError: A file is not whole, or names an unknown category, level or style.
    """
    levels = _levels(rulebook)
    paths = sorted((guardrails / "sentences").glob("*/*.yaml"))
    return [sentence for path in paths for sentence in _of_file(path, levels)]


def _levels(rulebook: Rulebook) -> dict[str, Level]:
    levels: dict[str, Level] = {}
    for rule in rulebook.rules.values():
        if rule.level is not Level.NONE:
            levels[rule.category] = highest(rule.level, levels.get(rule.category, Level.NONE))
    return levels


def _of_file(path: Path, levels: Mapping[str, Level]) -> Iterator[Sentence]:
    data: Any = read_yaml(path)
    if not isinstance(data, dict) or set(data) - _KEYS or "category" not in data:
        raise DataFileError(path, f"write `category:` and {', '.join(sorted(_KEYS - {'category'}))}")
    category, language = str(data["category"]), path.parent.name
    hits = _texts(path, data.get("hits") or {})
    if hits and category not in levels:
        raise DataFileError(path, f"the category {category} has no rule that calls people; correct it or add a rule")
    if "level" in data and data["level"] not in {Level.URGENT.value, Level.EMERGENCY.value}:
        raise DataFileError(path, f"level {data['level']!r} is unknown; write emergency or urgent")
    if unknown := set(hits) - set(HIT_STYLES):
        raise DataFileError(path, f"the style {sorted(unknown)[0]} is unknown; write one of {', '.join(HIT_STYLES)}")
    for style, texts in hits.items():
        level = Level(data["level"]) if "level" in data else levels[category]
        for place, text in enumerate(texts):
            yield Sentence(text, language, category, level, style, f"{path.stem}/{style}/{place}")
    for style, texts in _texts(path, data.get("near_misses") or {}).items():
        for place, text in enumerate(texts):
            yield Sentence(text, language, None, Level.NONE, style, f"{path.stem}/not {style}/{place}")


def _texts(path: Path, entry: Any) -> Mapping[str, Sequence[str]]:
    if not isinstance(entry, dict) or not all(
        isinstance(texts, list) and all(isinstance(text, str) and text.strip() for text in texts)
        for texts in entry.values()
    ):
        raise DataFileError(path, "write `style: [sentences]`; put sentences into quotes")
    return {str(style): texts for style, texts in entry.items()}


def _of_cases(path: Path) -> Iterator[Sentence]:
    for place, case in enumerate(read_yaml(path)["cases"]):
        expected = case["expect"]
        level = Level(expected["level"])
        if case.get("earlier") or "ask" in expected or (level is not Level.NONE and "category" not in expected):
            continue
        category = expected["category"] if level is not Level.NONE else None
        yield Sentence(case["says"], "en", category, level, "case", f"case/{path.stem}/{place}")
