"""Floors of the wordings alone on sentences that were written without looking at them; the meaning layer comes on top.

Half of the sentences were looked at when wordings were widened; the floors are of the other half.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from tests.evaluations.sentences import HITS, LANGUAGES, Judged, judge, kind_of, own_sentences, share_right
from tests.rulebook import shipped_rulebook

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def unseen() -> list[Judged]:
    """The sentences that nobody looked at while writing wordings."""
    chosen = [sentence for sentence in own_sentences() if zlib.crc32(sentence.text.encode()) % 2]
    return judge(chosen, shipped_rulebook())


def recall(judged: list[Judged], language: str) -> float:
    return share_right([one for one in judged if kind_of(one.sentence) == HITS and one.sentence.language == language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_wordings_alone_see_more_than_half_of_what_they_were_never_shown(unseen: list[Judged], language: str) -> None:
    assert recall(unseen, language) >= 0.55


@pytest.mark.parametrize("language", LANGUAGES)
def test_near_misses_are_rarely_taken_for_danger(unseen: list[Judged], language: str) -> None:
    near = [one for one in unseen if kind_of(one.sentence) != HITS and one.sentence.language == language]
    assert share_right(near) >= 0.92


def test_both_languages_see_alike(unseen: list[Judged]) -> None:
    assert abs(recall(unseen, "en") - recall(unseen, "es")) <= 0.03
