"""The small language in which wordings are written."""

from __future__ import annotations

import pytest

from careguard.normalise import read_words
from careguard.patterns import PatternBook, PatternError


def book() -> PatternBook:
    patterns = PatternBook(not_misspelt=["breeding"])
    patterns.add_group("chest", ["chest", "breast bone"])
    patterns.add_group("pain", ["pain*", "hurt*"])
    patterns.add_group("chest_pain", ["<chest> .. <pain>", "<pain> ... <chest>"])
    return patterns


@pytest.mark.parametrize(
    ("written", "says", "found"),
    [
        ("<chest> <pain>", "chest pains", True),
        ("<chest> <pain>", "breast bone hurts", True),
        ("<chest> <pain>", "chest really hurts", False),
        ("<chest> .. <pain>", "my chest really badly hurts", True),
        ("<chest> .. <pain>", "chest is a thing that hurts", False),
        ("<chest_pain>", "it hurts a lot in my chest", True),
        ("<chest> .. <pain>", "that is my chest. It hurts", False),
        ("<chest> + <pain>", "it hurts so much here in my chest", True),
        ("<chest> + <pain>", "it hurts. My chest", False),
        ("<chest> ++ <pain>", "it hurts. My chest", True),
        ("fever [38-42]", "fever 39.5", True),
        ("fever [38-42]", "fever 37", False),
        ("a|b c", "b c", True),
        ("(passed out|faint*) now", "passed out now", True),
        ("(passed out|faint*) now", "fainted now", True),
        ("<chest>|belly hurts", "belly hurts", True),
        ("bleeding", "bleding", True),
        ("bleeding", "bleednig", True),
        ("bleeding", "breeding", False),
        ("chest", "chess", False),
        ("can't breathe", "cant breathe", True),
    ],
)
def test_a_pattern_finds_what_it_says(written: str, says: str, found: bool) -> None:
    patterns = book()
    compiled = patterns.compile(written)
    assert bool(patterns.sweep(read_words(says)).matches(compiled)) is found


@pytest.mark.parametrize(
    "written",
    [
        "",
        "..",
        "chest ..",
        ".. chest",
        "<nobody>",
        "[40-38]",
        "[x]",
        "chest +",
        "+ chest",
        "ab*",
        "*",
        "che*st",
        "a (b",
        "chest .. .. pain",
    ],
)
def test_what_is_not_in_the_language_is_refused(written: str) -> None:
    with pytest.raises(PatternError):
        book().compile(written)


def test_a_group_can_be_named_only_once_and_holds_no_plus() -> None:
    patterns = book()
    with pytest.raises(PatternError):
        patterns.add_group("chest", ["torso"])
    with pytest.raises(PatternError):
        patterns.add_group("both", ["chest + pain"])


def test_a_real_word_of_another_language_is_not_taken_for_a_misspelt_one() -> None:
    patterns = book()
    compiled = patterns.compile("suicida")
    assert patterns.exact_words() >= {"suicida"}
    patterns.add_real_words(["suicidal"])
    assert not patterns.sweep(read_words("suicidal")).matches(compiled)
