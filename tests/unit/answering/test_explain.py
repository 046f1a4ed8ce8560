"""What words from letters mean, and where explaining ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from actions.answering.explain import MOST_TERMS, Lexicon, explain, load_lexicon, passage_of
from actions.answering.glossary import Mention
from actions.answering.pipeline import Order, Parts, answer_question
from actions.answering.verbatim import Style
from careguard.errors import DataFileError
from careguard.reading import school_grade
from careguard.review import AnswerKind, DraftSentence, review_sentence
from careguard.review_words import ReviewPolicy
from careguard.verdict import Decision

ROOT = Path(__file__).resolve().parents[3]
LOCALES = ROOT / "locales"
LANGUAGES = ("en", "es")


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return load_lexicon(LOCALES, LANGUAGES)


def explained(
    lexicon: Lexicon, parts: Parts, question: str, language: str = "en", *, answered: bool = False
) -> list[str]:
    """The ids of the terms that are explained, in order, without the closing sentence."""
    index = parts.retriever.knowledge.index(language)
    assert index is not None
    explanation = explain(question, language, lexicon, index, answered=answered)
    if explanation is None:
        return []
    ids = [passage.id.split("/")[1] for passage in explanation.passages]
    assert ids[-1] == "limits"
    return ids[:-1]


@pytest.mark.parametrize(
    ("language", "question", "terms"),
    [
        ("en", "what does hypertension mean", ["htn"]),
        ("en", "What does the abbreviation COPD mean, please?", ["copd"]),
        ("en", "explain the word edema", ["edema"]),
        ("en", "what does iv stand for", ["iv"]),
        ("en", "what do RA and SOB stand for", ["several_ra", "sob"]),
        ("es", "¿qué significa 'bilateral'?", ["bilateral"]),
        ("es", "que quiere decir idiopatico", ["idiopathic"]),
        ("en", "¿qué significa 'bilateral'?", ["bilateral"]),
    ],
)
def test_a_word_that_is_asked_for_is_explained_whether_or_not_a_topic_would_answer(
    lexicon: Lexicon, parts: Parts, language: str, question: str, terms: list[str]
) -> None:
    for answered in (False, True):
        assert explained(lexicon, parts, question, language, answered=answered) == terms


@pytest.mark.parametrize("question", ["what is NPO", "npo?", "What is a biopsy?"])
def test_what_is_asks_the_topics_first_and_the_glossary_when_they_have_nothing(
    lexicon: Lexicon, parts: Parts, question: str
) -> None:
    assert len(explained(lexicon, parts, question)) == 1
    assert explained(lexicon, parts, question, answered=True) == []


def test_a_pasted_sentence_has_its_hard_words_explained_in_its_order(lexicon: Lexicon, parts: Parts) -> None:
    letter = "my letter says: Hb 9.1 g/dL, MCV low, mild anemia. what does it mean?"
    assert explained(lexicon, parts, letter) == ["hemoglobin", "mcv", "anemia"]
    report = "MRI lumbar spine: mild stenosis, no fracture"
    assert explained(lexicon, parts, report) == ["mri", "stenosis", "fracture"]


def test_of_quoted_words_only_these_are_explained(lexicon: Lexicon, parts: Parts) -> None:
    asked = 'After my biopsy the note reads "bilateral edema". What do these words mean?'
    assert explained(lexicon, parts, asked) == ["bilateral", "edema"]


def test_a_letter_in_another_language_is_explained_in_the_patients(lexicon: Lexicon, parts: Parts) -> None:
    asked = "mi carta dice: mild stenosis, SOB, CBC pending. ¿qué significa?"
    assert explained(lexicon, parts, asked, "es") == ["stenosis", "sob", "cbc"]


def test_no_more_than_six_words_are_explained_at_once(lexicon: Lexicon, parts: Parts) -> None:
    asked = "the report says: biopsy, benign, polyp, cyst, lesion, adenoma, dysplasia, carcinoma"
    assert len(explained(lexicon, parts, asked)) == MOST_TERMS


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("en", "my letter says MCV 70, is that bad?"),
        ("en", "the report says malignant, does that mean I have cancer?"),
        ("en", "my paper says NPO, can I drink water?"),
        ("en", "what does high blood pressure mean for my kidneys"),
        ("en", "I have edema and fatigue"),
        ("es", "el informe dice edema, ¿es grave?"),
        ("en", "el informe dice edema, ¿es grave?"),
    ],
)
def test_whoever_asks_for_a_judgement_or_for_more_than_words_gets_no_explanation(
    lexicon: Lexicon, parts: Parts, language: str, question: str
) -> None:
    assert explained(lexicon, parts, question, language) == []


def test_a_word_that_the_glossary_lacks_is_left_to_the_topics(lexicon: Lexicon, parts: Parts) -> None:
    assert explained(lexicon, parts, "what does blarghitis mean") == []


def test_a_value_is_never_said_to_be_high_or_low_or_good_or_bad(lexicon: Lexicon, parts: Parts) -> None:
    index = parts.retriever.knowledge.index("en")
    assert index is not None
    found = explain("my lab report says Hb 7.1, ferritin 5. what does it mean", "en", lexicon, index, answered=False)
    assert found is not None
    said = " ".join(passage.text for passage in found.passages)
    assert "7.1" not in said
    assert not {"high", "low", "normal", "bad", "good", "your"} & set(said.replace("your care team", "").split())


async def test_an_explanation_is_a_cited_answer_that_ends_with_what_bedside_cannot_say(
    lexicon: Lexicon, parts: Parts
) -> None:
    order = Order("what does hypertension mean", "en", message_id="m1")
    answer = await answer_question(order, replace(parts, lexicon=lexicon))
    assert answer.kind is AnswerKind.ANSWER
    assert answer.text.startswith("Hypertension means high blood pressure.")
    assert "not what a result means for you; your care team can" in answer.sentences[-1].text
    assert all(citation.url.startswith("https://") for citation in answer.citations)
    assert [citation.id for citation in answer.citations] == ["glossary/htn/1", "glossary/limits/1"]
    assert (answer.groundedness, answer.topic) == (1.0, "high_blood_pressure")
    assert answer.grade <= 6
    more = await answer_question(replace(order, style=Style.DETAIL), replace(parts, lexicon=lexicon))
    assert "glossary" not in more.citations[0].id, "more detail is told by the topic that the word names"


@pytest.mark.parametrize("language", LANGUAGES)
def test_review_lets_every_meaning_pass_as_it_is_written(lexicon: Lexicon, policy: ReviewPolicy, language: str) -> None:
    glossary, asking = lexicon.glossaries[language], lexicon.asking[language]
    told = [passage_of(Mention(term, term.term, 0, 0), glossary) for term in glossary.terms + glossary.several]
    verdicts = [
        (passage.id, review_sentence(DraftSentence(passage.text, (passage.id,)), [passage], language, policy))
        for passage in told
    ]
    assert [name for name, verdict in verdicts if verdict.decision is not Decision.ALLOW or verdict.failed] == []
    assert asking.plain <= {term.id for term in glossary.terms}
    assert school_grade(asking.limits, language) <= 6


def test_a_file_without_the_closing_sentence_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "languages" / "en"
    folder.mkdir(parents=True)
    source = LOCALES / "languages" / "en"
    (folder / "glossary.yaml").write_text((source / "glossary.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    whole = (source / "explain.yaml").read_text(encoding="utf-8")
    (folder / "explain.yaml").write_text(whole[: whole.index("limits:\n")], encoding="utf-8")
    with pytest.raises(DataFileError, match="limits"):
        load_lexicon(tmp_path, ["en"])
