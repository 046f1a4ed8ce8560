"""What a message means may raise the level and never lower it; when it breaks, the wordings stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from careguard import rails
from careguard.embedder import Vectors
from careguard.errors import DataFileError
from careguard.first_look import PLACES, FirstLook, places_of
from careguard.meanings import MeaningModel, MeaningReader, Thresholds, read_model, write_model
from careguard.screen import MEANING_PREFIX, screen
from careguard.signs import NAMES, load_sign_words
from careguard.verdict import Decision, Level
from tests.rulebook import shipped_rulebook

ROOT = Path(__file__).resolve().parents[3]
RULEBOOK = shipped_rulebook()
SIGN_WORDS = load_sign_words(ROOT / "locales", ["en", "es"])

STRANGE = "Blorp has gone all wibbly and zonk"
"""No wording fits; the model below takes "wibbly" for a stroke, surely, and "wobbly" perhaps."""


class CountingEmbedder:
    """Its first number says whether the piece is wibbly, its second whether it is wobbly."""

    name = "counting"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def question(self, text: str) -> Vectors:
        self.asked.append(text)
        return np.array(["wibbly" in text, "wobbly" in text], dtype=np.float32)


class BrokenEmbedder(CountingEmbedder):
    def question(self, text: str) -> Vectors:
        raise OSError("gone")


def model(trouble: str = "stroke:emergency") -> MeaningModel:
    weights = np.zeros(PLACES, dtype=np.float32)
    for word in ("wibbly", "wobbly"):
        weights[places_of(word)] = 5
    rarity = np.zeros(PLACES, dtype=np.float32)
    rarity[places_of("wibbly wobbly")] = 1
    return MeaningModel(
        first_look=FirstLook(weights, rarity, -1.0),
        meanings=("none:knowledge", trouble, "vision_change:urgent"),
        by_vector=np.array([[0, 9, 0], [0, 4.6, 0]], dtype=np.float32),
        by_sign=np.zeros((len(NAMES), 3), dtype=np.float32),
        by_first_look=np.zeros(3, dtype=np.float32),
        biases=np.array([4, 0, 0], dtype=np.float32),
        thresholds=Thresholds(look=0.0, act=0.9, ask=0.5, emergency_share=0.35),
        embedder="counting",
    )


def reader(embedder: CountingEmbedder | None = None) -> MeaningReader:
    return MeaningReader(model(), embedder or CountingEmbedder(), SIGN_WORDS)


def test_what_no_wording_fits_is_seen_by_its_meaning() -> None:
    assert screen(STRANGE, RULEBOOK).level is Level.NONE
    verdict = rails.screen_message(STRANGE, RULEBOOK, meanings=reader())
    assert (verdict.decision, verdict.level, verdict.category) == (Decision.ESCALATE, Level.EMERGENCY, "stroke")
    assert verdict.say == "emergency_stroke"
    assert [(rule.id, rule.start, rule.end) for rule in verdict.rules] == [(f"{MEANING_PREFIX}stroke", 0, len(STRANGE))]


def test_what_is_perhaps_an_emergency_is_asked_about() -> None:
    verdict = rails.screen_message("Blorp is wobbly", RULEBOOK, meanings=reader())
    assert verdict.level is Level.NONE
    assert verdict.ask == "ask_happening_now"
    assert verdict.if_yes is not None
    assert verdict.if_yes.level is Level.EMERGENCY


def test_an_emergency_by_its_words_does_not_wait_for_the_embedder() -> None:
    embedder = CountingEmbedder()
    verdict = rails.screen_message("I cannot breathe, so wibbly", RULEBOOK, meanings=reader(embedder))
    assert verdict.category == "breathing"
    assert embedder.asked == []


def test_what_is_certainly_harmless_is_not_embedded() -> None:
    embedder = CountingEmbedder()
    assert rails.screen_message("thank you, bye", RULEBOOK, meanings=reader(embedder)) == screen(
        "thank you, bye", RULEBOOK
    )
    assert embedder.asked == []


@pytest.mark.parametrize("text", ["What are the signs of a wibbly zonk?", "Blorp was wibbly when I was a child"])
def test_a_question_about_knowledge_and_a_look_back_do_not_fire(text: str) -> None:
    assert rails.screen_message(text, RULEBOOK, meanings=reader()).level is Level.NONE


def test_meaning_lowers_nothing_that_the_wordings_say() -> None:
    text = "I see spots and blurry vision since this week"
    before = screen(text, RULEBOOK)
    assert rails.screen_message(text, RULEBOOK, meanings=reader()) == before


def test_a_broken_embedder_leaves_the_verdict_of_the_wordings_and_is_counted() -> None:
    counted: list[int] = []
    verdict = rails.screen_message(
        STRANGE, RULEBOOK, meanings=reader(BrokenEmbedder()), on_failed_meaning=lambda: counted.append(1)
    )
    assert verdict == screen(STRANGE, RULEBOOK)
    assert not verdict.failed
    assert counted == [1]


def test_of_a_long_letter_only_the_likeliest_pieces_are_embedded() -> None:
    embedder = CountingEmbedder()
    letter = " ".join(["We had a wobbly day in the garden and talked about the weather for a while."] * 40)
    rails.screen_message(letter, RULEBOOK, meanings=reader(embedder))
    assert 1 <= len(embedder.asked) <= 4


LETTER = (
    "Good day, we are a family of five who came to live by the sea some years back and have liked it here ever since, "
    "what with the garden and the boats and the neighbours. And then all wibbly it went. "
    "My brother keeps the shop in the village open and the children go to the small school up the road with the others."
)


def test_in_a_letter_the_body_is_asked_about_first() -> None:
    verdict = rails.screen_message(LETTER, RULEBOOK, meanings=reader())
    assert (verdict.level, verdict.ask) == (Level.NONE, "ask_happening_now")
    assert verdict.if_yes is not None
    assert verdict.if_yes.category == "stroke"


def test_in_a_letter_a_crisis_is_seen_at_once() -> None:
    crisis = MeaningReader(model("suicide_active:emergency"), CountingEmbedder(), SIGN_WORDS)
    verdict = rails.screen_message(LETTER, RULEBOOK, meanings=crisis)
    assert (verdict.level, verdict.category, verdict.ask) == (Level.EMERGENCY, "suicide_active", None)


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_model(model(), tmp_path / "model.npz")
    read = read_model(tmp_path / "model.npz")
    assert read.meanings == model().meanings
    assert read.thresholds == model().thresholds
    assert np.allclose(read.by_vector, model().by_vector)


@pytest.mark.parametrize("content", [None, b"", b"not an archive"])
def test_a_model_that_cannot_be_read_names_the_remedy(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataFileError, match="train_meanings"):
        read_model(path)


def test_a_model_of_another_embedder_is_not_used() -> None:
    other = CountingEmbedder()
    other.name = "another"
    with pytest.raises(DataFileError, match="not on another"):
        MeaningReader(model(), other, SIGN_WORDS)
