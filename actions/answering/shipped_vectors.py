"""The vectors of the shipped content, carried in the repository so that a fresh machine need not compute them.

Before retrieval. They hold half the digits of computed ones, which no ranking notices. Whoever changes content writes
the file anew with `python -m actions.answering.ship_vectors`; until then only what changed is computed at set-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

SHIPPED_FILE = Path(__file__).with_name("shipped_vectors.npz")
KEY_LENGTH = 16
"""Hexadecimal digits of a passage's key that the file keeps: 64 bits keep millions of passages apart."""

HalfVectors = npt.NDArray[np.float16]


def write_shipped(path: Path, vectors: Mapping[str, npt.NDArray[np.float32]]) -> None:
    """Write the vectors by their full keys; the same vectors make the same file, byte for byte."""
    keys = sorted(vectors)
    rows = np.stack([vectors[key] for key in keys]).astype(np.float16)
    short = np.array([int(key[:KEY_LENGTH], 16) for key in keys], dtype=np.uint64)
    unfinished = path.with_name(f"{path.stem}.unfinished.npz")
    np.savez_compressed(unfinished, keys=short, vectors=rows)
    unfinished.replace(path)


class ShippedVectors:
    """Finds the shipped vector of a key, if there is one."""

    def __init__(self, keys: npt.NDArray[np.uint64], vectors: HalfVectors) -> None:
        self._rows = {key: row for row, key in enumerate(keys.tolist())}
        self._vectors = vectors

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, key: str) -> npt.NDArray[np.float32] | None:
        """Return the vector, or None; `key` is the passage's whole key."""
        row = self._rows.get(int(key[:KEY_LENGTH], 16))
        return None if row is None else self._vectors[row].astype(np.float32)


def read_shipped(path: Path) -> ShippedVectors:
    """Return the shipped vectors; none where the file is missing or broken, for they can be computed again."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return ShippedVectors(stored["keys"], stored["vectors"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return ShippedVectors(np.zeros(0, dtype=np.uint64), np.zeros((0, 0), dtype=np.float16))
