"""Keeps the passages' vectors on disk between starts.

Before retrieval. The embedder itself is `careguard.embedder`: screening reads with the same one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from actions.answering.shipped_vectors import SHIPPED_FILE, read_shipped
from actions.errors import IndexNotPrepared
from careguard.embedder import Embedder, PackagedEmbedder, Vectors

__all__ = ["Embedder", "PackagedEmbedder", "PassageVectors", "Progress", "Vectors"]

Progress = Callable[[int, int], None]
"""Called with (done, total) while passages are embedded."""

_BATCH = 16


class PassageVectors:
    """The vectors of passages, keyed by model and text, so that only what changed is computed.

    Those that were computed here stand in one file of the folder; beside them the ones that the repository ships.
    """

    def __init__(self, folder: Path, embedder: Embedder, shipped: Path = SHIPPED_FILE) -> None:
        self._path = folder / "passages.npz"
        self._embedder = embedder
        self._known = self._read()
        self._shipped = read_shipped(shipped)

    def missing(self, texts: Sequence[str]) -> list[str]:
        """Return the texts that have no vector yet, each once."""
        return [text for text in dict.fromkeys(texts) if self._find(text) is None]

    def prepare(self, texts: Sequence[str], progress: Progress | None = None) -> int:
        """Compute what is missing, drop what is no longer there, write the file; return how many were computed."""
        missing = self.missing(texts)
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            for text, vector in zip(batch, self._embedder.passages(batch), strict=True):
                self._known[self._key(text)] = vector
            if progress is not None:
                progress(start + len(batch), len(missing))
        wanted = {self._key(text) for text in texts}
        stale = self._known.keys() - wanted
        for key in stale:
            del self._known[key]
        if missing or stale:
            self._write()
        return len(missing)

    def rows(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text.

        Raises:
            IndexNotPrepared: A text has no vector; `prepare` has not run since it changed.
        """
        missing = self.missing(texts)
        if missing:
            raise IndexNotPrepared(f"{len(missing)} passages have no embedding yet; run the set-up again")
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        keyed = self.keyed(texts)
        return np.stack([keyed[self._key(text)] for text in texts])

    def keyed(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """Return the vectors that are there, each by its key."""
        found = {self._key(text): self._find(text) for text in texts}
        return {key: vector for key, vector in found.items() if vector is not None}

    def _find(self, text: str) -> Vectors | None:
        key = self._key(text)
        known = self._known.get(key)
        return known if known is not None else self._shipped.find(key)

    def _key(self, text: str) -> str:
        return hashlib.sha256(f"{self._embedder.name}\0{text}".encode()).hexdigest()

    def _read(self) -> dict[str, Vectors]:
        if not self._path.exists():
            return {}
        try:
            with self._path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                keys, vectors = stored["keys"], stored["vectors"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            # A half-written or foreign file costs only the time to compute the vectors again.
            return {}
        return dict(zip(keys.tolist(), vectors, strict=False))

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_name(f"{self._path.stem}.{os.getpid()}.npz")
        keys = np.array(list(self._known), dtype="U64")
        vectors = np.stack(list(self._known.values())) if self._known else np.zeros((0, 0), dtype=np.float32)
        np.savez(unfinished, keys=keys, vectors=vectors)
        unfinished.replace(self._path)
