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


def spanish_book() -> PatternBook:
    patterns = PatternBook(language="es", respelt={"xq": ["porque"], "k": ["que"]}, not_misspelt=["sierra"])
    patterns.add_group("dolor", ["duele", "dolor*", "me falta"])
    return patterns


@pytest.mark.parametrize(
    ("written", "says", "found"),
    [
        ("quiero morir*", "kiero morirme", True),
        ("quiero vivir", "qiero bibir", True),
        ("bebe", "mi vebe", True),
        ("labios hinchad*", "los lavios inchados", True),
        ("embarazada", "enbarasada", True),
        ("convulsion*", "combulsionando", True),
        ("se cierra", "se sierra", False),
        ("porque .. duele", "xq me duele", True),
        ("que <dolor>", "k dolor", True),
        ("sangre", "sangría", False),
        ("hola", "ole", False),
    ],
)
def test_spanish_written_by_ear_is_read_as_it_sounds(written: str, says: str, found: bool) -> None:
    patterns = spanish_book()
    compiled = patterns.compile(written)
    assert bool(patterns.sweep(read_words(says)).matches(compiled)) is found


def test_an_english_ending_that_was_swallowed_is_put_back() -> None:
    patterns = PatternBook(language="en")
    bleeding = patterns.compile("bleeding")
    assert patterns.sweep(read_words("he's bleedin")).matches(bleeding)
    assert not patterns.sweep(read_words("the robin bleeds")).matches(bleeding)


@pytest.mark.parametrize(
    ("says", "found"),
    [
        ("stroke", True),
        ("help stroke please!!", True),
        ("stroke of luck", False),
        ("what is a stroke", False),
    ],
)
def test_a_wording_that_must_stand_alone_allows_only_words_of_courtesy_beside_it(says: str, found: bool) -> None:
    patterns = PatternBook(courtesy=["help", "please"])
    compiled = patterns.compile("= stroke")
    assert bool(patterns.sweep(read_words(says)).matches(compiled)) is found
