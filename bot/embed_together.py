"""Several embedders side by side, each in a process of its own: the set-up's way to use all processors.

Before the line, at set-up only. One embedder with several threads is slower than one with one thread as soon as
anything else runs; processes do not wait for each other.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import TracebackType

import numpy as np

from actions.answering.embed import PackagedEmbedder, Vectors
from bot.watch import die_with_parent

MOST_PROCESSES = 8

_own: PackagedEmbedder | None = None
"""The embedder of this process, where it is one of those that work for another."""


class EmbeddersTogether:
    """Embeds passages in several processes; leave it as a context to end them."""

    name = PackagedEmbedder.name

    def __init__(self, processes: int | None = None) -> None:
        self._count = processes or min(os.cpu_count() or 1, MOST_PROCESSES)
        # A fresh start: a copy of this process would carry threads and locks that nobody releases.
        self._pool = ProcessPoolExecutor(self._count, mp_context=get_context("spawn"), initializer=_load)

    def __enter__(self) -> EmbeddersTogether:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def question(self, text: str) -> Vectors:
        """Return the vector of one question."""
        return self._pool.submit(_question, text).result()

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each passage, in their order."""
        size = max(1, -(-len(texts) // self._count))
        parts = [list(texts[start : start + size]) for start in range(0, len(texts), size)]
        rows: Vectors = np.concatenate(list(self._pool.map(_passages, parts)))
        return rows


def _load() -> None:
    global _own
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to hear; it ends its workers itself
    die_with_parent()  # or it would wait for work for ever when the set-up is killed
    _own = PackagedEmbedder()


def _question(text: str) -> Vectors:
    assert _own is not None
    return _own.question(text)


def _passages(texts: list[str]) -> Vectors:
    assert _own is not None
    return _own.passages(texts)
