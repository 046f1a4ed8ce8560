"""The word lists that translators write, read and made into patterns: the cues by which questions are told apart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from careguard.errors import DataFileError
from careguard.stems import fold


def read_cues(path: Path, key: str, value: Any) -> list[str]:
    """Return the words of a list, which may be empty.

    Raises:
        DataFileError: It is no list of words.
    """
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise DataFileError(path, f"'{key}' must be a list of words, like [one, two]")
    return [item.strip() for item in value]


def read_some_cues(path: Path, key: str, value: Any) -> list[str]:
    """Return the words of a list that holds at least one.

    Raises:
        DataFileError: It is no list of words, or empty.
    """
    found = read_cues(path, key, value)
    if not found:
        raise DataFileError(path, f"'{key}' must not be empty")
    return found


def cue_pattern(cues: Iterable[str]) -> re.Pattern[str]:
    """Return what finds any of the cues in a folded text; a star stands for the rest of a word."""
    # Longest first, so that the most telling cue is the one that matches.
    parts = sorted({fold(cue) for cue in cues}, key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(one_cue(part) for part in parts) + r")(?!\w)")


def one_cue(cue: str) -> str:
    """Return the pattern of one folded cue, whatever stands around it."""
    return r"\s+".join(re.escape(word).replace(r"\*", r"\w*") for word in cue.split())
