"""`python -m careguard.train_meanings`: trains the meaning layer from the sentences, and says how well it does.

Beside the line. Everything is deterministic: the same sentences give the same numbers. It writes
`guardrails/meanings/model.npz` and `report.json`; thresholds are chosen on `costs.yaml`, by cross-validation in which
no sentence is judged by a model that has seen it, a variant of it or its translation.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from careguard.embedder import PackagedEmbedder, Vectors
from careguard.errors import CareguardError
from careguard.first_look import FirstLook
from careguard.logistic import Array, fit_classes, fit_odds, probabilities
from careguard.meaning_rows import Table, make_rows, make_table, read_harmless
from careguard.meaning_trials import Trial, choose_thresholds, measure
from careguard.meanings import MODEL_FILE, MeaningModel, write_model
from careguard.rulebook import load_rulebook
from careguard.sentences import read_sentences
from careguard.signs import load_sign_words
from careguard.strict_yaml import read_yaml

FOLDS = 3
_HOLD_FIRST_LOOK = 1e-4
_HOLD_MEANINGS = 1e-4
_SOFTEN = 3e-4
"""Directions in which vectors hardly differ are not blown up beyond this."""
_VECTOR_SCALE, _SIGN_SCALE, _FIRST_LOOK_SCALE = 1 / 8, 0.7, 0.3


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A model's numbers for one choice of rows."""

    by_vector: Array
    by_sign: Array
    by_first_look: Array
    biases: Array

    def shares(self, vectors: Array, signs: Array, odds: Array) -> Array:
        """Return the probability of each meaning, row by row."""
        raw = vectors @ self.by_vector + signs @ self.by_sign + np.outer(odds, self.by_first_look) + self.biases
        return probabilities(raw)


def train(root: Path, vectors_file: Path | None) -> Mapping[str, Any]:
    """Train, write the model and the report, and return the report.

    Raises:
        CareguardError: A rule, a sentence or a file of signs is wrong, or the embedder is missing.
    """
    guardrails, locales = root / "guardrails", root / "locales"
    costs = read_yaml(guardrails / "meanings" / "costs.yaml")
    rulebook = load_rulebook(guardrails, locales)
    languages = [language.language for language in rulebook.languages]
    sentences = read_sentences(guardrails, rulebook)
    sentences += read_harmless(root, costs["harmless"], rulebook)
    with _Remembered(PackagedEmbedder(), vectors_file) as embedder:
        table = make_table(
            make_rows(sentences), sentences, rulebook, load_sign_words(locales, languages), embedder, FOLDS, _tell
        )
    _say("weighing letters")
    unseen_odds, seen_odds, (weights, bias) = _first_looks(table)
    _say("weighing meanings")
    shares = np.zeros((len(table.rows), len(table.meanings)))
    for fold in range(FOLDS):
        inside = table.folds != fold
        fitted = _fit(table, inside & table.learned, seen_odds[fold])
        shares[~inside] = fitted.shares(table.vectors[~inside], table.signs[~inside], unseen_odds[~inside])
    trial = Trial.of(table, sentences, shares, unseen_odds, rulebook)
    thresholds = choose_thresholds(trial, costs)
    final = _fit(table, table.learned, unseen_odds)
    model = MeaningModel(
        first_look=FirstLook(weights.astype(np.float32), table.rarity.astype(np.float32), bias),
        meanings=table.meanings,
        by_vector=final.by_vector.astype(np.float32),
        by_sign=final.by_sign.astype(np.float32),
        by_first_look=final.by_first_look.astype(np.float32),
        biases=final.biases.astype(np.float32),
        thresholds=thresholds,
        embedder=PackagedEmbedder.name,
    )
    write_model(model, guardrails / MODEL_FILE)
    report = measure(trial, thresholds)
    (guardrails / "meanings" / "report.json").write_text(
        json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    return report


def _first_looks(table: Table) -> tuple[Array, list[Array], tuple[Array, float]]:
    """Return for each row its odds by a first look that has not seen it: over all others, and within each trial."""

    def look(rows: np.ndarray[Any, np.dtype[np.bool_]]) -> tuple[Array, float]:
        chosen = np.flatnonzero(rows & table.learned)
        return fit_odds(table.letters.of(chosen), table.trouble[chosen], hold=_HOLD_FIRST_LOOK)

    unseen = np.zeros(len(table.rows))
    within = [np.zeros(len(table.rows)) for _ in range(FOLDS)]
    for fold in range(FOLDS):
        weights, bias = look(table.folds != fold)
        left_out = table.folds == fold
        unseen[left_out] = (table.letters.times(weights) + bias)[left_out]
    for one, other in combinations(range(FOLDS), 2):
        weights, bias = look((table.folds != one) & (table.folds != other))
        odds = table.letters.times(weights) + bias
        within[one][table.folds == other] = odds[table.folds == other]
        within[other][table.folds == one] = odds[table.folds == one]
    return unseen, within, look(np.ones(len(table.rows), dtype=bool))


def _fit(table: Table, rows: np.ndarray[Any, np.dtype[np.bool_]], odds: Array) -> _Fitted:
    chosen = np.flatnonzero(rows)
    vectors = table.vectors[chosen]
    middle = vectors.mean(axis=0)
    spread, directions = np.linalg.eigh(np.cov((vectors - middle).T))
    turn = directions / np.sqrt(np.maximum(spread, 0) + _SOFTEN) * _VECTOR_SCALE
    signs, first = table.signs[chosen] * _SIGN_SCALE, odds[chosen, None] * _FIRST_LOOK_SCALE
    numbers = np.hstack([(vectors - middle) @ turn, signs, first]).astype(np.float32)
    weights, biases = fit_classes(numbers, table.classes[chosen], len(table.meanings), hold=_HOLD_MEANINGS)
    width = vectors.shape[1]
    by_vector = turn @ weights[:width]
    return _Fitted(
        by_vector, weights[width:-1] * _SIGN_SCALE, weights[-1] * _FIRST_LOOK_SCALE, biases - middle @ by_vector
    )


class _Remembered:
    """An embedder that keeps its vectors in a file, so that a second training takes a minute and not ten."""

    def __init__(self, embedder: PackagedEmbedder, path: Path | None) -> None:
        self.name = embedder.name
        self._embedder = embedder
        self._path = path
        self._known: dict[str, Vectors] = {}

    def __enter__(self) -> _Remembered:
        if self._path is not None and self._path.exists():
            with np.load(self._path, allow_pickle=False) as stored:
                self._known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))
        return self

    def __exit__(self, *_: object) -> None:
        if self._path is not None:
            np.savez(self._path, keys=np.array(list(self._known)), vectors=np.stack(list(self._known.values())))

    def question(self, text: str) -> Vectors:
        """Return the vector of one piece."""
        key = hashlib.sha256(f"{self.name}\0{text}".encode()).hexdigest()
        if key not in self._known:
            self._known[key] = self._embedder.question(text).copy()
        return self._known[key]


def _tell(done: int, total: int) -> None:
    _say(f"reading pieces: {done} of {total}")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m careguard.train_meanings", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2], help="The repository.")
    parser.add_argument("--vectors", type=Path, help="Keep vectors in this .npz file, for the next training.")
    asked = parser.parse_args(arguments)
    try:
        report = train(asked.root, asked.vectors)
    except CareguardError as error:
        _say(str(error))
        return 2
    sys.stdout.write(json.dumps(report["summary"], ensure_ascii=False, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
