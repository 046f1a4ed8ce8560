"""The project's own sentences are counted by language, by way of telling and by category."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.evaluation.own_sentences import evaluate_own_sentences
from bot.evaluation.progress import SilentWatch
from bot.evaluation.screening import Screener
from bot.settings import REPOSITORY
from careguard.rulebook import Rulebook
from careguard.sentences import read_sentence_files
from tests.rulebook import shipped_rulebook

LANGUAGES = ("en", "es")


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return shipped_rulebook()


@pytest.fixture
def guardrails(tmp_path: Path) -> Path:
    for language, says, quiet in (("en", "I cannot breathe", "a sock"), ("es", "un calcetín", "no me duele nada")):
        folder = tmp_path / "sentences" / language
        folder.mkdir(parents=True)
        (folder / "breathing.yaml").write_text(
            f'category: breathing\nhits:\n  lay: ["{says}"]\nnear_misses:\n  other: ["{quiet}"]\n'
        )
        (folder / "_plain.yaml").write_text('category: none\nnear_misses:\n  chat: ["hello"]\n')
    return tmp_path


def test_a_language_that_is_seen_less_shows_as_a_gap(guardrails: Path, rulebook: Rulebook) -> None:
    by_language, _, by_way, by_category = evaluate_own_sentences(
        Screener(rulebook, SilentWatch()), guardrails, LANGUAGES
    )
    measures = {measure.name: measure for measure in (*by_language.measures, *by_way.measures)}
    assert (measures["en: seen"].rate, measures["es: seen"].rate, measures["lay: seen"].rate) == (1.0, 0.0, 0.5)
    assert measures["es: near misses called emergencies"].hits == 0
    (gap,) = by_language.quantities
    assert (gap.value, gap.met) == (100.0, False)
    assert by_category.table is not None
    ((category, english, spanish, apart),) = by_category.table.rows
    assert (category, english[:3], spanish[:3], apart) == ("breathing", "1/1", "0/1", "100")


def test_the_shipped_sentences_are_read_in_every_language(rulebook: Rulebook) -> None:
    sentences = read_sentence_files(REPOSITORY / "guardrails", rulebook)
    assert {one.language for one in sentences} == set(LANGUAGES)
    assert len({one.id for one in sentences}) == len(sentences)


def test_without_sentences_the_card_has_empty_lines(tmp_path: Path, rulebook: Rulebook) -> None:
    by_language, *_ = evaluate_own_sentences(Screener(rulebook, SilentWatch()), tmp_path, LANGUAGES)
    assert {measure.met for measure in by_language.measures} == {None}


def test_what_the_meaning_layer_sees_is_taken_from_its_training_report(tmp_path: Path, rulebook: Rulebook) -> None:
    """The model has learned the sentences; only figures of models that have not are shown."""
    seen = {tag: {"sentences": n, "both": {"share": share}} for tag, n, share in (("en", 200, 0.98), ("es", 100, 0.97))}
    (tmp_path / "meanings").mkdir()
    (tmp_path / "meanings" / "report.json").write_text(json.dumps({"seen by language": seen}))
    _, unseen, *_ = evaluate_own_sentences(Screener(rulebook, SilentWatch()), tmp_path, LANGUAGES)
    assert [(one.n, one.hits) for one in unseen.measures[:2]] == [(200, 196), (100, 97)]
    (gap,) = unseen.quantities
    assert gap.met is True
