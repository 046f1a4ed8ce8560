"""Turns the training sentences into rows of numbers: pieces, variants, letters, signs and vectors.

Beside the line, in training only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from careguard.first_look import PLACES, places_of
from careguard.logistic import Array, Rows
from careguard.meanings import QuestionEmbedder
from careguard.rulebook import Rulebook
from careguard.screen import screen
from careguard.sentences import Sentence
from careguard.signs import SignWords, read_signs
from careguard.strict_yaml import read_yaml
from careguard.variants import variant
from careguard.verdict import Level
from careguard.windows import Window, read_windows, readable

SEED = 20261124
_MARKED = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})")
_TOLD_EVERY = 500
_VARIED_EVERY = 4

Progress = Callable[[int, int], None]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Row:
    """One piece that is learned from or tried."""

    sentence: int
    text: str
    variant: str
    """Empty for the sentence as it was written."""
    window: Window
    learned: bool
    """A piece of a long hit is only tried: nobody has said which piece tells of trouble."""


@dataclass(frozen=True, slots=True)
class Table:
    """All rows as numbers, row by row in the same order."""

    rows: tuple[Row, ...]
    vectors: Array
    signs: Array
    letters: Rows
    rarity: Array
    learned: npt.NDArray[np.bool_]
    trouble: Array
    folds: Numbers
    meanings: tuple[str, ...]
    classes: Numbers


def read_harmless(root: Path, patterns: Sequence[str], rulebook: Rulebook) -> list[Sentence]:
    """Return the example messages of the dialogue's own training data, without those that a wording calls trouble."""
    found: dict[str, Sentence] = {}
    for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
        for intent, text in _examples(read_yaml(path)):
            if text not in found and screen(text, rulebook).level is Level.NONE:
                found[text] = Sentence(text, path.parent.name, None, Level.NONE, "dialogue", f"{intent}/{text}")
    return list(found.values())


def _examples(data: Any) -> Iterator[tuple[str, str]]:
    for entry in data.get("nlu", ()):
        for line in str(entry.get("examples", "")).splitlines() if "intent" in entry else ():
            if text := _MARKED.sub(r"\1", line.strip().removeprefix("-").strip()):
                yield str(entry["intent"]), text


def make_rows(sentences: Sequence[Sentence]) -> list[Row]:
    """Return the sentences, a variant of some, and the pieces in which long ones are read."""
    rows = []
    for number, sentence in enumerate(sentences):
        written = [(sentence.text, "")]
        if sentence.group.split("/")[0] != "_plain" and sentence.style != "dialogue" and number % _VARIED_EVERY == 0:
            name, changed = variant(sentence.text, sentence.language, SEED)
            written.append((changed, name))
        for text, called in written:
            whole = Window(0, len(text), len(text.split()), readable(text))
            windows = read_windows(text)
            if sentence.level is not Level.NONE or len(windows) <= 1:
                rows.append(Row(number, text, called, whole, learned=True))
            if len(windows) > 1:
                harmless = sentence.level is Level.NONE
                rows += [Row(number, text, called, window, learned=harmless) for window in windows]
    return rows


def make_table(
    rows: Sequence[Row],
    sentences: Sequence[Sentence],
    rulebook: Rulebook,
    sign_words: Sequence[SignWords],
    embedder: QuestionEmbedder,
    folds: int,
    tell: Progress,
) -> Table:
    """Return the rows as numbers; embedding takes minutes."""
    vectors = []
    for done, row in enumerate(rows):
        vectors.append(embedder.question(row.window.text))
        if done % _TOLD_EVERY == 0:
            tell(done, len(rows))
    signs = [read_signs(row.text, [row.window], rulebook, sign_words)[0].vector() for row in rows]
    meanings = tuple(sorted({sentence.meaning for sentence in sentences}))
    numbers = {meaning: number for number, meaning in enumerate(meanings)}
    groups = {group: place for place, group in enumerate(sorted({sentence.group for sentence in sentences}))}
    order = np.random.default_rng(SEED).permutation(len(groups)) % folds
    letters, rarity = _letters(rows)
    return Table(
        rows=tuple(rows),
        vectors=np.stack(vectors).astype(np.float64),
        signs=np.array(signs),
        letters=letters,
        rarity=rarity,
        learned=np.array([row.learned for row in rows]),
        trouble=np.array([float(sentences[row.sentence].level is not Level.NONE) for row in rows]),
        folds=np.array([order[groups[sentences[row.sentence].group]] for row in rows]),
        meanings=meanings,
        classes=np.array([numbers[sentences[row.sentence].meaning] for row in rows]),
    )


def _letters(rows: Sequence[Row]) -> tuple[Rows, Array]:
    places = [places_of(row.window.text) for row in rows]
    places = [one if len(one) else np.zeros(1, dtype=np.int32) for one in places]
    counts = np.bincount(np.concatenate(places), minlength=PLACES)
    # What stands in fewer than four pieces tells of those sentences only, and would be learned by heart.
    rarity = np.where(counts >= 4, np.log(len(rows) / np.maximum(counts, 1)), 0.0)
    values = []
    for one in places:
        value = rarity[one]
        values.append(value / max(float(np.sqrt((value * value).sum())), 1e-9))
    begins = np.concatenate([[0], np.cumsum([len(one) for one in places])]).astype(np.int64)
    return Rows(np.concatenate(places), np.concatenate(values).astype(np.float32), begins, PLACES), rarity
