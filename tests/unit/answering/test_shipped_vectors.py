"""The vectors of the shipped content come with the repository; a fresh machine computes only what changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from actions.answering.embed import PackagedEmbedder, PassageVectors
from actions.answering.ship_vectors import ship_vectors
from actions.answering.shipped_vectors import SHIPPED_FILE, read_shipped
from actions.answering.topic import embedded_text, load_topics

from .conftest import LANGUAGES, ROOT
from .test_embed import CountingEmbedder

MOST_MISSING = 0.05
"""Share of the shipped passages whose vectors a fresh machine may have to compute."""


@pytest.fixture
def shipped(tmp_path: Path, prepared: tuple[Path, Path], embedder: PackagedEmbedder) -> Path:
    """The vectors of the two small topics, in a file as the repository ships it."""
    target = tmp_path / "shipped.npz"
    assert ship_vectors(prepared[0], LANGUAGES, prepared[1], embedder, target) > 0
    return target


def small_texts(locales: Path) -> list[str]:
    return [embedded_text(p) for topic in load_topics(locales, LANGUAGES) for p in topic.passages]


def test_a_fresh_machine_computes_nothing_that_is_shipped(
    shipped: Path, prepared: tuple[Path, Path], tmp_path: Path, embedder: PackagedEmbedder
) -> None:
    texts = small_texts(prepared[0])
    fresh = PassageVectors(tmp_path / "fresh", embedder, shipped=shipped)
    assert fresh.prepare(texts) == 0
    computed = PassageVectors(prepared[1] / "embeddings", embedder).rows(texts)
    assert np.abs(fresh.rows(texts) - computed).max() < 0.001


def test_shipped_vectors_rank_passages_as_computed_ones_do(
    shipped: Path, prepared: tuple[Path, Path], tmp_path: Path, embedder: PackagedEmbedder
) -> None:
    texts = small_texts(prepared[0])
    asked = embedder.question("How can I lower high blood pressure?")
    fresh = PassageVectors(tmp_path / "fresh", embedder, shipped=shipped).rows(texts)
    computed = PassageVectors(prepared[1] / "embeddings", embedder).rows(texts)
    assert np.argsort(-(fresh @ asked))[:5].tolist() == np.argsort(-(computed @ asked))[:5].tolist()


def test_only_the_changed_passage_is_computed(shipped: Path, prepared: tuple[Path, Path], tmp_path: Path) -> None:
    counting = CountingEmbedder(PackagedEmbedder.name)
    texts = [*small_texts(prepared[0]), "Sunburn. A new sentence."]
    assert PassageVectors(tmp_path / "fresh", counting, shipped=shipped).prepare(texts) == 1
    assert counting.asked == ["Sunburn. A new sentence."]


def test_vectors_of_another_model_are_not_taken(shipped: Path, prepared: tuple[Path, Path], tmp_path: Path) -> None:
    texts = small_texts(prepared[0])
    assert PassageVectors(tmp_path / "fresh", CountingEmbedder("another"), shipped=shipped).missing(texts)


def test_the_same_content_makes_the_same_file(
    shipped: Path, prepared: tuple[Path, Path], tmp_path: Path, embedder: PackagedEmbedder
) -> None:
    again = tmp_path / "again.npz"
    ship_vectors(prepared[0], LANGUAGES, prepared[1], embedder, again)
    assert again.read_bytes() == shipped.read_bytes()


@pytest.mark.parametrize("content", [None, b"", b"not an archive", b"PK\x03\x04 half"])
def test_a_missing_or_broken_file_costs_only_time(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "shipped.npz"
    if content is not None:
        path.write_bytes(content)
    assert len(read_shipped(path)) == 0
    assert PassageVectors(tmp_path, CountingEmbedder(), shipped=path).prepare(["one"]) == 1


def test_nearly_all_shipped_passages_have_a_shipped_vector(tmp_path: Path) -> None:
    """A fresh machine is ready in seconds; `python -m actions.answering.ship_vectors` mends this test."""
    texts = small_texts(ROOT / "locales")
    missing = PassageVectors(tmp_path, CountingEmbedder(PackagedEmbedder.name)).missing(texts)
    share = len(missing) / len(set(texts))
    said = f"{len(missing)} of {len(set(texts))} passages have no vector in {SHIPPED_FILE.name}"
    assert share <= MOST_MISSING, f"{said}: run python -m actions.answering.ship_vectors"
