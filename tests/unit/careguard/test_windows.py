"""A message is read in pieces that belong together, and each piece knows where it stands."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from careguard.windows import WINDOW_WORDS, read_windows


def test_a_short_message_is_one_piece() -> None:
    text = "  My chest feels strange. Since an hour!  "
    (window,) = read_windows(text)
    assert text[window.start : window.end] == "My chest feels strange. Since an hour!"


def test_a_decimal_number_ends_no_sentence() -> None:
    (window,) = read_windows("fever of 39.5 since noon")
    assert window.text == "fever of 39.5 since noon"


def test_a_long_letter_is_read_in_several_pieces_none_of_them_long() -> None:
    text = " ".join(f"This is sentence number {number} of a long letter." for number in range(30))
    windows = read_windows(text)
    assert len(windows) > 3
    assert all(window.words <= WINDOW_WORDS for window in windows)
    assert windows[-1].end == len(text)


def test_a_sentence_without_an_end_is_cut_with_words_in_common() -> None:
    windows = read_windows(" ".join(f"word{number}" for number in range(100)))
    assert all(one.end > other.start for one, other in pairwise(windows))


def test_a_message_without_words_has_no_pieces() -> None:
    assert read_windows(" ?! … 🙂") == ()


@given(st.text(max_size=400))
def test_every_piece_stands_in_the_message(text: str) -> None:
    for window in read_windows(text):
        assert 0 <= window.start < window.end <= len(text)
