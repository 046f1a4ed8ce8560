"""Targets of retrieval with the health topics of MedlinePlus imported, on sets that lie beside the project.

They are measured where the topics are imported: in the project's own data folder, or in the one that
BEDSIDE_EVALUATION_CONTENT names, filled once by `BEDSIDE_DATA_DIR=<that folder> bedside knowledge import <the topics>`.
"""

from __future__ import annotations

import gzip
import json
import os
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from actions.answering.embed import PackagedEmbedder
from actions.answering.importing.published import published_version
from actions.answering.knowledge import Knowledge, LanguageIndex
from actions.answering.retrieve import RetrievalDecision, Retriever
from actions.errors import IndexNotPrepared
from careguard.stems import words

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
CONTENT = Path(os.environ.get("BEDSIDE_EVALUATION_CONTENT") or ROOT / ".bedside")
LANGUAGES = ("en", "es")
COLLECTION = "medlineplus_"

pytestmark = [
    pytest.mark.model,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not DATA.is_dir(), reason="the evaluation data is not beside the project"),
    pytest.mark.skipif(
        not published_version(CONTENT), reason=f"no health topics are imported in {CONTENT}: bedside knowledge import"
    ),
]

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    path = DATA / name
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.decode("utf-8").splitlines() if line.strip()]


def named(text: str) -> str:
    return " ".join(words(text))


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    try:
        found = Knowledge.load(ROOT / "locales", LANGUAGES, CONTENT, PackagedEmbedder())
    except IndexNotPrepared:
        pytest.skip("the content is not embedded: run `make prepare`")
    imported = found.imported("en")
    if imported is None or sum(topic.startswith(COLLECTION) for topic in imported.topics) < 900:
        pytest.skip(f"the health topics of MedlinePlus are not imported in {CONTENT}")
    return found


@pytest.fixture(scope="module")
def retriever(knowledge: Knowledge) -> Retriever:
    return Retriever(knowledge, PackagedEmbedder())


def topics_by_name(index: LanguageIndex) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for topic in index.topics.values():
        for name in (topic.title, *topic.synonyms):
            found[named(name)].add(topic.id)
    return found


def test_a_question_about_a_topic_finds_it(knowledge: Knowledge, retriever: Retriever) -> None:
    """A shipped topic of the same name is as right as the imported one, and goes before it: it is simpler."""
    shipped, imported = knowledge.index("en"), knowledge.imported("en")
    assert shipped is not None
    assert imported is not None
    titles = {named(topic.title): topic.id for topic in imported.topics.values()}
    ours = topics_by_name(shipped)
    asked = [row for row in rows("medquad/medquad.jsonl.gz") if row["split"] == "dev" and named(row["focus"]) in titles]
    first = among_three = 0
    times: list[float] = []
    for row in asked:
        right = {titles[named(row["focus"])]} | ours.get(named(row["focus"]), set())
        started = time.perf_counter()
        found = retriever.retrieve(row["question"], "en")
        times.append(time.perf_counter() - started)
        first += found.topic is not None and found.topic.id in right
        among_three += not right.isdisjoint(found.nearest)
    assert len(asked) > 1_000
    assert first / len(asked) >= 0.90
    assert among_three / len(asked) >= 0.97
    print(f"at 1 {first / len(asked):.4f}, at 3 {among_three / len(asked):.4f}, median {1000 * median(times):.1f} ms")  # noqa: T201


@pytest.mark.parametrize("hint", [None, "high_blood_pressure"])
def test_what_is_not_about_health_is_not_answered(hint: str | None, retriever: Retriever) -> None:
    """A thousand topics more must not make the bot answer what is none of its business."""
    asked = rows("clinc150/clinc.dev.jsonl")[::3]
    abstained = [retriever.retrieve(row["text"], "en", hint).decision is RetrievalDecision.ABSTAIN for row in asked]
    assert sum(abstained) / len(abstained) >= 0.97
