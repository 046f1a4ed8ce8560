"""The first look of the meaning layer: how much a piece sounds like trouble, by its letters alone.

It costs a fraction of a millisecond, is there to spare the embedder what is certainly harmless, and to choose the few
pieces of a long letter that are worth its time. It never decides that something is an emergency.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from zlib import crc32

import numpy as np
import numpy.typing as npt

PLACES = 1 << 14
"""Rows of the table of weights; different letters may share one."""

_TOKEN = re.compile(r"[^\W_]+")
_GRAMS = (3, 4, 5)

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FirstLook:
    """A table of weights: what each run of letters, word and pair of words adds to the odds."""

    weights: Weights
    rarity: Weights
    """How much each place tells; what stands in every sentence tells little."""
    bias: float

    def odds(self, text: str) -> float:
        """Return the log odds that a piece tells of trouble; `text` in the spelling of `windows.readable`."""
        places = places_of(text)
        rarity = self.rarity[places]
        length = float(np.sqrt((rarity * rarity).sum()))
        return self.bias + (float((self.weights[places] * rarity).sum()) / length if length else 0.0)


def places_of(text: str) -> npt.NDArray[np.int32]:
    """Return the places of the text's words, pairs of words and runs of letters, each once."""
    tokens = _TOKEN.findall(text)
    places = {place for token in tokens for place in _of_token(token)}
    places.update(crc32(f"{one} {other}".encode()) % PLACES for one, other in pairwise(tokens))
    return np.fromiter(sorted(places), dtype=np.int32, count=len(places))


@lru_cache(maxsize=20_000)
def _of_token(token: str) -> tuple[int, ...]:
    return tuple({crc32(piece.encode()) % PLACES for piece in _pieces(token)})


def _pieces(token: str) -> Iterator[str]:
    yield f"={token}"
    padded = f"<{token}>"
    for length in _GRAMS:
        for start in range(len(padded) - length + 1):
            yield padded[start : start + length]
