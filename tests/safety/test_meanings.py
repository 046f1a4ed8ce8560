"""The trained meaning layer, as it is shipped: what it must see, what it must let pass, and that it is small."""

from __future__ import annotations

from pathlib import Path

import pytest

from careguard.meanings import MODEL_FILE, MeaningReader, load_meanings
from careguard.rails import screen_message
from careguard.rulebook import Rulebook
from careguard.screen import screen
from careguard.sentences import read_sentences
from careguard.verdict import Level
from tests.rulebook import shipped_rulebook

ROOT = Path(__file__).resolve().parents[2]
LARGEST_MODEL = 2_000_000

PLAIN = (
    "hello there",
    "What is high blood pressure?",
    "how do I book an appointment",
    "gracias por la ayuda",
    "¿Qué alimentos tienen hierro?",
)


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return shipped_rulebook()


@pytest.fixture(scope="module")
def meanings() -> MeaningReader:
    return load_meanings(ROOT / "guardrails", ROOT / "locales", ["en", "es"])


@pytest.mark.parametrize("text", PLAIN)
def test_plain_messages_pass(text: str, rulebook: Rulebook, meanings: MeaningReader) -> None:
    verdict = screen_message(text, rulebook, meanings=meanings)
    assert verdict.level is Level.NONE
    assert verdict.ask is None


def test_meaning_sees_trouble_that_no_wording_fits(rulebook: Rulebook, meanings: MeaningReader) -> None:
    """Of sentences in which the wordings see nothing, meaning sees most; it learned them: no recall."""
    unseen = [
        one
        for one in read_sentences(ROOT / "guardrails", rulebook)[::20]
        if one.level is Level.EMERGENCY and screen(one.text, rulebook).level is Level.NONE
    ]
    seen = [one for one in unseen if meanings.find(one.text, rulebook)]
    assert len(seen) >= 0.7 * len(unseen)


def test_the_model_is_small() -> None:
    assert (ROOT / "guardrails" / MODEL_FILE).stat().st_size < LARGEST_MODEL


def test_every_category_that_is_learned_has_near_misses(rulebook: Rulebook) -> None:
    """A model that is only shown what it must catch learns to catch everything."""
    sentences = read_sentences(ROOT / "guardrails", rulebook)
    hits = [one for one in sentences if one.level is not Level.NONE]
    assert len(sentences) - len(hits) >= len(hits)
