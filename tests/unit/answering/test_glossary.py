"""What the glossary says of words in letters and lab reports, and how its terms are found."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median

import pytest

from actions.answering.glossary import Glossary, load_glossary
from careguard.errors import DataFileError
from careguard.reading import school_grade

LOCALES = Path(__file__).resolve().parents[3] / "locales"
LANGUAGES = ("en", "es")

DOSE = re.compile(r"\d+\s*(?:mg|mcg|µg|g|ml|tablets?|pills?|pastillas?|tabletas?|comprimidos?)\b", re.IGNORECASE)
OWN_DIAGNOSIS = re.compile(r"\byou(?:r| have|'ve)\b|\busted tiene\b|\btiene usted\b|\bsu resultado\b", re.IGNORECASE)


@pytest.fixture(scope="module", params=LANGUAGES)
def glossary(request: pytest.FixtureRequest) -> Glossary:
    return load_glossary(LOCALES, request.param)


def test_both_languages_explain_the_same_terms_in_the_same_order() -> None:
    english, spanish = (load_glossary(LOCALES, language) for language in LANGUAGES)
    assert [term.id for term in english.terms] == [term.id for term in spanish.terms]
    assert len(english.terms) >= 400


def test_a_meaning_names_no_dose_and_says_nothing_of_the_patients_own_result(glossary: Glossary) -> None:
    assert not [term.id for term in glossary.terms if DOSE.search(term.means)]
    assert not [term.id for term in glossary.terms if OWN_DIAGNOSIS.search(term.means)]


def test_a_meaning_is_one_short_plain_sentence(glossary: Glossary) -> None:
    for term in glossary.terms:
        assert term.means.endswith("."), term.id
        assert len(term.means.split()) <= 20, term.id
    assert median(school_grade(term.means, glossary.language) for term in glossary.terms) <= 6


def test_every_term_is_found_by_each_of_its_spellings(glossary: Glossary) -> None:
    for term in glossary.terms:
        for words in term.spellings:
            assert [found.id for found in glossary.find(f"({words}), ")] == [term.id], words


def test_terms_are_found_in_the_order_of_the_letter_each_once() -> None:
    found = load_glossary(LOCALES, "en").find("The biopsy was benign. Your CBC is pending; CBC again in May. BP high.")
    assert [term.id for term in found] == ["biopsy", "benign", "cbc", "bp"]


def test_a_longer_term_hides_the_shorter_one_inside_it() -> None:
    assert [term.id for term in load_glossary(LOCALES, "en").find("type 2 diabetes")] == ["t2dm"]


def test_abbreviations_that_are_ordinary_words_are_found_in_capitals_only() -> None:
    english = load_glossary(LOCALES, "en")
    assert [term.id for term in english.find("Result of the FIT")] == ["fit"]
    assert english.find("im fit and well") == ()


def test_an_abbreviation_of_several_meanings_tells_them_all(glossary: Glossary) -> None:
    between = {"en": " or ", "es": " o "}[glossary.language]
    assert len(glossary.several) >= 10
    for term in glossary.several:
        assert between in term.means and term.means.startswith(term.term), term.id
        assert [found.id for found in glossary.find(f"({term.term})")] == [term.id]
    assert not [term.id for term in glossary.several if DOSE.search(term.means) or OWN_DIAGNOSIS.search(term.means)]


def test_a_term_that_is_the_whole_text_is_found_in_any_letters() -> None:
    english = load_glossary(LOCALES, "en")
    named = [english.named(text) for text in ("fit", "pt", "fit and well")]
    assert [mention and (mention.term.id, mention.written) for mention in named] == [
        ("fit", "FIT"),
        ("several_pt", "PT"),
        None,
    ]


def test_spanish_terms_are_found_without_their_accents() -> None:
    assert [term.id for term in load_glossary(LOCALES, "es").find("que es metastasis")] == ["metastasis"]


@pytest.mark.parametrize(
    ("term", "problem"),
    [
        ('{id: a, term: "A", also: [], means: "A is a letter."}', "a term has id"),
        ('{id: a, term: "A", also: [], means: "A is a letter.", source: b}', "there is no source 'b'"),
        ('{id: a, term: "A", also: ["a"], means: "A is a letter.", source: s}', "already stands"),
        ('{id: "A-1", term: "A", also: [], means: "A is a letter.", source: s}', "must be small letters"),
        ('{id: a, term: "A", also: [], means: "A is a letter.", source: s, as_written: ["B"]}', "must list spellings"),
    ],
)
def test_a_glossary_that_bends_the_format_is_refused(tmp_path: Path, term: str, problem: str) -> None:
    path = tmp_path / "languages" / "en" / "glossary.yaml"
    path.parent.mkdir(parents=True)
    source = '{id: s, publisher: "P", title: "T", url: "https://example.org"}'
    path.write_text(
        "written_on: 2026-11-24\nreviewed_by: null\nreviewed_on: null\nseveral: []\n"
        f"sources:\n  - {source}\nterms:\n  - {term}\n",
        encoding="utf-8",
    )
    with pytest.raises(DataFileError, match=re.escape(problem)):
        load_glossary(tmp_path, "en")
