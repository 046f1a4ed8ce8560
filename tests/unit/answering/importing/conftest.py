"""Small leaflets of every format, written by the tests, and an import that runs without an embedding model."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from actions.answering.embed import Vectors
from actions.answering.importing.collection import Collection, ContentFolder
from actions.answering.importing.guard import Guard
from actions.answering.importing.take_in import FileReport, ImportReport, Options, take_in
from actions.answering.question import read_question_words
from careguard.review_words import load_review_policy
from tests.rulebook import shipped_rulebook

ROOT = Path(__file__).resolve().parents[4]
LANGUAGES = ("en", "es")
TODAY = dt.date(2026, 11, 24)

LEAFLET = """# Stoma care

A stoma is an opening on the belly. It lets waste leave the body into a bag.

## What can I do at home?

- Wash the skin around the stoma with warm water every day.
- Empty the bag when it is one third full.

## When should I call the doctor?

Call the doctor if the skin around the stoma is sore or bleeds.
"""


class CountingEmbedder:
    """Makes vectors from hashes, and counts what it was asked for."""

    name = "counting"

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def question(self, text: str) -> Vectors:
        vector: Vectors = self.passages([text])[0]
        return vector

    def passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        rows = [
            np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype=np.uint8).astype(np.float32) for text in texts
        ]
        made: Vectors = np.stack([row / np.linalg.norm(row) for row in rows])
        return made


@pytest.fixture(scope="session")
def guard() -> Guard:
    return Guard(
        shipped_rulebook(),
        load_review_policy(ROOT / "guardrails", ROOT / "locales", LANGUAGES),
        ROOT / "locales",
    )


@pytest.fixture
def folder(tmp_path: Path) -> ContentFolder:
    return ContentFolder(tmp_path / "data")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "leaflets"
    path.mkdir()
    return path


Take = Callable[..., ImportReport]


@pytest.fixture
def take(guard: Guard, folder: ContentFolder) -> Take:
    asked = {tag: read_question_words(ROOT / "locales", tag) for tag in LANGUAGES}

    def run(path: Path, **options: object) -> ImportReport:
        return take_in(path, Options(**options), folder, guard, asked, TODAY)  # type: ignore[arg-type]

    return run


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


def file_report(report: ImportReport, file: str) -> FileReport:
    return next(one for one in report.files if one.file == file)


def kept(folder: ContentFolder, name: str) -> Collection:
    found = folder.read(name)
    assert found is not None
    return found


def passages_of(folder: ContentFolder, name: str) -> dict[str, str]:
    """The words of every passage of a collection by its id."""
    return {passage.id: passage.text for one in kept(folder, name).topics for passage in one.topic.passages}
