"""Cuts a message into the pieces whose meaning is read: a sentence, or a few short ones that belong together.

First step of the meaning layer. Each piece remembers where it stands, so that a verdict can point at it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from careguard.normalise import MAX_CHARACTERS, fold

WINDOW_WORDS = 32
"""A piece has no more words than this; what tells of one thing is seldom longer."""
_OVERLAP_WORDS = 12
"""A sentence longer than a piece is cut with so many words in common, so that nothing falls between two pieces."""

TERSE_WORDS = 7
"""A message this short may go on with what the message before it began: "my chest" ... "it's crushing"."""
_JOINED = 2
"""So many short messages before it are read together with one."""

_SENTENCE = re.compile(r"[^\n.!?。！？;]+(?:[.](?=\d)[^\n.!?。！？;]+)*[.!?。！？;]*")
_WORD = re.compile(r"\S*\w\S*")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Window:
    """One piece of a message: its characters (end exclusive), and its words in the spelling that is read."""

    start: int
    end: int
    words: int
    text: str


def read_windows(text: str) -> tuple[Window, ...]:
    """Return the pieces of a message in their order; none for a message without words."""
    spans = [span for sentence in _SENTENCE.finditer(text[:MAX_CHARACTERS]) for span in _parts(text, sentence)]
    windows: list[Window] = []
    reached = -1
    for first in range(len(spans)):
        last, words = first, spans[first][2]
        while last + 1 < len(spans) and words + spans[last + 1][2] <= WINDOW_WORDS:
            last += 1
            words += spans[last][2]
        if last > reached:
            windows.append(_window(text, spans[first][0], spans[last][1], words))
            reached = last
    return tuple(windows)


def _parts(text: str, sentence: re.Match[str]) -> Iterator[tuple[int, int, int]]:
    words: Sequence[tuple[int, int]] = [
        (sentence.start() + word.start(), sentence.start() + word.end()) for word in _WORD.finditer(sentence.group())
    ]
    if not words:
        return
    if len(words) <= WINDOW_WORDS:
        yield words[0][0], words[-1][1], len(words)
        return
    for begin in range(0, len(words) - _OVERLAP_WORDS, WINDOW_WORDS - _OVERLAP_WORDS):
        part = words[begin : begin + WINDOW_WORDS]
        yield part[0][0], part[-1][1], len(part)


def _window(text: str, start: int, end: int, words: int) -> Window:
    return Window(start, end, words, readable(text[start:end]))


def readable(text: str) -> str:
    """Return the text as the models read it, in training and in use: one line, folded."""
    return _SPACE.sub(" ", fold(text)).strip()


def read_joined(text: str, earlier: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return what short messages say together: what was said before this one, and the whole; the nearest one first.

    A question is a whole of its own and is joined with nothing.

    Args:
        text: The newest message.
        earlier: The messages before it, oldest first.
    """
    if not _is_terse(text):
        return
    before = ""
    for message in reversed(earlier[-_JOINED:]):
        if not _is_terse(message):
            return
        before = f"{message.strip()} {before}".strip()
        yield before, f"{before} {text.strip()}"


def _is_terse(text: str) -> bool:
    return 0 < len(_WORD.findall(text)) <= TERSE_WORDS and not text.rstrip().endswith("?")
