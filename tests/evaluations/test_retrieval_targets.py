"""Floors of retrieval on sets that lie beside the project, never copied into it.

Each floor stands a little below what was measured on the development halves; a change that falls below is a step back.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from actions.answering.embed import PackagedEmbedder
from actions.answering.knowledge import Knowledge
from actions.answering.retrieve import RetrievalDecision, Retrieved, Retriever
from actions.errors import IndexNotPrepared
from careguard.stems import words

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
LANGUAGES = ("en", "es")

pytestmark = [
    pytest.mark.model,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not DATA.is_dir(), reason="the evaluation data is not beside the project"),
]

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    path = DATA / name
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.decode("utf-8").splitlines() if line.strip()]


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    try:
        return Knowledge.load(ROOT / "locales", LANGUAGES, ROOT / ".bedside", PackagedEmbedder())
    except IndexNotPrepared:
        pytest.skip("the content is not embedded: run `make prepare`")


@pytest.fixture(scope="module")
def retriever(knowledge: Knowledge) -> Retriever:
    return Retriever(knowledge, PackagedEmbedder())


def abstained(found: list[Retrieved]) -> float:
    return sum(one.decision is RetrievalDecision.ABSTAIN for one in found) / len(found)


@pytest.mark.parametrize(
    ("hint", "floor"), [(None, 0.98), ("high_blood_pressure", 0.97), ("healthy_eating", 0.97)], ids=str
)
def test_questions_that_are_not_about_health_are_not_answered(
    hint: str | None, floor: float, retriever: Retriever
) -> None:
    """Also in the middle of a talk about a topic, where a follow-up may lean on it."""
    sample = rows("clinc150/clinc.dev.jsonl")[::24]
    assert abstained([retriever.retrieve(row["text"], "en", hint) for row in sample]) >= floor


def test_a_question_about_a_topic_of_ours_finds_it_and_other_diseases_mostly_find_nothing(
    knowledge: Knowledge, retriever: Retriever
) -> None:
    """A disease that we have no topic for must not be answered from one that sounds like it."""
    english = knowledge.index("en")
    assert english is not None
    names = {
        " ".join(words(name)): topic.id for topic in english.topics.values() for name in (topic.title, *topic.synonyms)
    }
    medquad = [row for row in rows("medquad/medquad.jsonl.gz") if row["split"] == "dev"]
    ours = [row for row in medquad if " ".join(words(row["focus"])) in names][::4]
    others = [row for row in medquad if " ".join(words(row["focus"])) not in names][::125]
    found = [retriever.retrieve(row["question"], "en") for row in ours]
    right = [
        one.topic is not None and one.topic.id == names[" ".join(words(row["focus"]))]
        for one, row in zip(found, ours, strict=True)
    ]
    assert len(ours) >= 50
    assert sum(right) / len(right) >= 0.9
    assert abstained([retriever.retrieve(row["question"], "en") for row in others]) >= 0.92
