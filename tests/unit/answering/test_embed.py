"""The vectors of passages are computed once and kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from actions.answering.embed import PackagedEmbedder, PassageVectors, Vectors
from actions.errors import IndexNotPrepared


class CountingEmbedder:
    """Makes a vector from the length of a text, and remembers what it was asked."""

    def __init__(self, name: str = "counting") -> None:
        self.name = name
        self.asked: list[str] = []

    def question(self, text: str) -> Vectors:
        return np.array([len(text), 1.0], dtype=np.float32)

    def passages(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)


def test_only_what_changed_is_computed(tmp_path: Path) -> None:
    embedder = CountingEmbedder()
    assert PassageVectors(tmp_path, embedder).prepare(["one", "two", "two"]) == 2
    assert PassageVectors(tmp_path, embedder).prepare(["one", "three!"]) == 1
    assert embedder.asked == ["one", "two", "three!"]
    assert PassageVectors(tmp_path, embedder).rows(["three!", "one"])[:, 0].tolist() == [6, 3]


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    PassageVectors(tmp_path, CountingEmbedder()).prepare(
        [f"passage {n}" for n in range(20)], lambda done, total: told.append((done, total))
    )
    assert told[-1] == (20, 20)


def test_vectors_of_another_model_are_not_taken(tmp_path: Path) -> None:
    PassageVectors(tmp_path, CountingEmbedder("old")).prepare(["one"])
    with pytest.raises(IndexNotPrepared, match="run the set-up again"):
        PassageVectors(tmp_path, CountingEmbedder("new")).rows(["one"])


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 half"])
def test_a_broken_file_costs_only_time(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "passages.npz").write_bytes(content)
    assert PassageVectors(tmp_path, CountingEmbedder()).prepare(["one"]) == 1


def test_a_null_byte_hides_nothing_behind_it(embedder: PackagedEmbedder) -> None:
    assert not np.allclose(embedder.question("fever\0 in a child"), embedder.question("fever"))
