"""Questions that were once answered badly, on the shipped content: what the answer must hold."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from actions.answering.country import EmergencyNumbers
from actions.answering.embed import PackagedEmbedder
from actions.answering.knowledge import Knowledge
from actions.answering.pipeline import Order, Parts, answer_question
from actions.answering.retrieve import Retriever
from actions.errors import IndexNotPrepared
from careguard.review_words import load_review_policy

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("en", "es")

pytestmark = [pytest.mark.model, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def parts() -> Parts:
    try:
        knowledge = Knowledge.load(ROOT / "locales", LANGUAGES, ROOT / ".bedside", PackagedEmbedder())
    except IndexNotPrepared:
        pytest.skip("the content is not embedded: run `make prepare`")
    return Parts(
        retriever=Retriever(knowledge, PackagedEmbedder()),
        policy=load_review_policy(ROOT / "guardrails", ROOT / "locales", LANGUAGES),
        numbers=EmergencyNumbers(ROOT / "locales", "US"),
    )


@pytest.mark.parametrize(
    ("language", "question", "holds"),
    [
        ("en", "difference between type 1 and type 2 diabetes", ["type 1", "type 2"]),
        ("es", "diferencia entre diabetes tipo 1 y tipo 2", ["tipo 1", "tipo 2"]),
        ("en", "difference between a cold and the flu", ["cold", "Flu"]),
        ("en", "how is hepatitis different from HIV", ["Hepatitis means", "HIV is"]),
        ("es", "¿En qué se diferencia el asma de la EPOC?", ["El asma es", "La EPOC es"]),
        ("en", "what should my cholesterol be", ["mg/dL"]),
        ("es", "¿Cuánto debe ser mi colesterol?", ["mg/dL"]),
        ("en", "Can you get HIV from kissing?", ["does not spread", "saliva"]),
        ("es", "¿El VIH se contagia por un beso?", ["no se pasa", "saliva"]),
        ("es", "¿Qué pasa si no trato el VIH?", ["sida"]),
    ],
)
def test_the_answer_holds_what_was_asked(language: str, question: str, holds: list[str], parts: Parts) -> None:
    with asyncio.Runner() as runner:
        answer = runner.run(answer_question(Order(question, language, country="US"), parts))
    assert all(words in answer.text for words in holds)


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("en", "My 3 year old has back pain. What helps?"),
        ("en", "Can a baby get gout?"),
        ("es", "Mi bebé tiene dolor de espalda"),
        ("en", "how do I lower the blood pressure of my toddler"),
        ("en", "what is the difference between anxiety and depression"),
    ],
)
def test_children_and_what_cannot_be_compared_are_not_answered_with_something_else(
    language: str, question: str, parts: Parts
) -> None:
    with asyncio.Runner() as runner:
        assert runner.run(answer_question(Order(question, language, country="US"), parts)).abstained
