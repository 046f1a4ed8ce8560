"""The index of imports: vectors survive an interruption, a new index is taken up at once, nothing broken ever is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from actions.answering.embed import PackagedEmbedder, Vectors
from actions.answering.importing import published
from actions.answering.importing.collection import ContentFolder
from actions.answering.importing.published import publish, published_version, read_published, wanted_version
from actions.answering.knowledge import Knowledge, prepare_knowledge
from actions.answering.retrieve import RetrievalDecision, Retriever
from actions.answering.topic import embedded_text
from tests.unit.answering.importing.conftest import LANGUAGES, LEAFLET, ROOT, CountingEmbedder, Take


class StoppedError(Exception):
    """Somebody pressed Ctrl-C."""


class StoppingEmbedder(CountingEmbedder):
    """Stops the work after so many passages."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def passages(self, texts: Sequence[str]) -> Vectors:
        if len(self.embedded) >= self._after:
            raise StoppedError
        return super().passages(texts)


@pytest.fixture
def many(source: Path, take: Take) -> Path:
    for number in range(12):
        text = f"# Wart {number}\n\nWart number {number} is a growth on the skin.\n"
        (source / f"wart{number:02}.md").write_text(text, encoding="utf-8")
    take(source)
    return source


def test_an_interrupted_embedding_goes_on_where_it_was(
    many: Path, folder: ContentFolder, embedder: CountingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is computed twice, and until all is there the index stays as it was."""
    monkeypatch.setattr(published, "PORTION", 4)
    data = folder.path.parent
    with pytest.raises(StoppedError):
        publish(data, StoppingEmbedder(after=8))
    assert published_version(data) == ""
    done = publish(data, embedder)
    assert (done.passages, done.embedded, len(embedder.embedded)) == (12, 4, 4)
    assert published_version(data) == wanted_version(data, embedder.name) != ""


def test_after_a_change_only_what_changed_is_embedded(
    many: Path, take: Take, folder: ContentFolder, embedder: CountingEmbedder
) -> None:
    data = folder.path.parent
    publish(data, embedder)
    first = published_version(data)
    assert publish(data, embedder).embedded == 0
    (many / "wart03.md").write_text("# Wart 3\n\nWart number 3 went away.\n", encoding="utf-8")
    (many / "wart04.md").unlink()
    take(many)
    done = publish(data, embedder)
    assert (done.passages, done.embedded) == (11, 1)
    assert published_version(data) != first


def test_the_index_is_mapped_and_in_the_order_of_its_passages(
    many: Path, folder: ContentFolder, embedder: CountingEmbedder
) -> None:
    data = folder.path.parent
    version = publish(data, embedder).version
    index = read_published(data, version, embedder.name)
    assert index is not None
    assert isinstance(index.vectors["en"], np.memmap)
    texts = [embedded_text(p) for topic in index.topics["en"] for p in topic.passages]
    np.testing.assert_allclose(index.vectors["en"], embedder.passages(texts), atol=1e-3)


def test_an_index_of_another_embedder_or_a_broken_one_is_not_read(
    many: Path, folder: ContentFolder, embedder: CountingEmbedder
) -> None:
    """Vectors of two models must never be compared."""
    data = folder.path.parent
    version = publish(data, embedder).version
    assert read_published(data, version, "another") is None
    vectors = folder.path / "index" / version / "vectors.en.npy"
    vectors.write_bytes(vectors.read_bytes()[:200])
    assert read_published(data, version, embedder.name) is None
    assert read_published(data, "gone", embedder.name) is None


def test_a_broken_portion_is_computed_again(many: Path, folder: ContentFolder, embedder: CountingEmbedder) -> None:
    data = folder.path.parent
    publish(data, embedder)
    (portion,) = (folder.path / "vectors").glob("*.npz")
    portion.write_bytes(b"not a file of vectors")
    assert publish(data, embedder).embedded == 12


def test_removing_the_last_collection_leaves_no_index(
    many: Path, folder: ContentFolder, embedder: CountingEmbedder
) -> None:
    data = folder.path.parent
    publish(data, embedder)
    folder.remove("leaflets")
    assert publish(data, embedder).passages == 0
    assert published_version(data) == ""


@pytest.fixture(scope="module")
def e5() -> PackagedEmbedder:
    return PackagedEmbedder()


@pytest.fixture
def retriever(folder: ContentFolder, e5: PackagedEmbedder) -> Retriever:
    data = folder.path.parent
    prepare_knowledge(ROOT / "locales", LANGUAGES, data, e5)  # from the shipped vectors, so at once
    return Retriever(Knowledge.load(ROOT / "locales", LANGUAGES, data, e5), e5)


def test_what_is_imported_answers_without_a_new_start(
    retriever: Retriever, source: Path, take: Take, folder: ContentFolder, e5: PackagedEmbedder
) -> None:
    """The index is swapped between two questions; it is cited like any other, and shipped topics keep their own."""
    data = folder.path.parent
    question = "How do I wash the skin around my stoma?"
    before = retriever.knowledge
    assert retriever.retrieve(question, "en").decision is RetrievalDecision.ABSTAIN
    assert retriever.keep_up(data) is False
    (source / "stoma.md").write_text(LEAFLET, encoding="utf-8")
    (source / "asthma.md").write_text("# Asthma\n\nAsthma is a disease of the airways.\n", encoding="utf-8")
    take(source, publisher="Hill Clinic")
    publish(data, e5)
    assert retriever.keep_up(data) is True
    assert retriever.keep_up(data) is False
    found = retriever.retrieve(question, "en")
    assert found.topic is not None
    assert found.topic.id == "leaflets_stoma_care"
    assert found.passages[0].passage.text == "Wash the skin around the stoma with warm water every day."
    assert found.passages[0].passage.source_publisher == "Hill Clinic"
    shipped = retriever.retrieve("What is asthma?", "en")
    assert shipped.topic is not None
    assert shipped.topic.id == "asthma"
    assert "leaflets_asthma" in shipped.nearest
    assert before.imported("en") is None  # an answer under way on the old one sees nothing of it
    folder.remove("leaflets")
    publish(data, e5)
    assert retriever.keep_up(data) is True
    assert retriever.retrieve(question, "en").decision is RetrievalDecision.ABSTAIN


def test_a_broken_index_leaves_what_was_there(
    retriever: Retriever, many: Path, folder: ContentFolder, e5: PackagedEmbedder
) -> None:
    data = folder.path.parent
    publish(data, e5)
    retriever.keep_up(data)
    (folder.path / "index" / "current").write_text("0123456789abcdef", encoding="utf-8")
    assert retriever.keep_up(data) is True
    assert retriever.keep_up(data) is False  # it is not tried again and again
    assert retriever.knowledge.imported("en") is not None
