"""The index of everything that was imported, as it stands on disk: built beside the old one, then put in its place.

After the collections, before retrieval. Vectors are computed in portions that stay when the work is interrupted; a
process that answers maps the finished file into memory and sees a new one by its name.

    <data folder>/content/vectors/<portion>.npz      by hash of model and text
    <data folder>/content/index/<version>/           topics.<language>.jsonl, vectors.<language>.npy
    <data folder>/content/index/current              the version that is valid
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from actions.answering.embed import Embedder, Progress, Vectors
from actions.answering.importing.collection import ContentFolder, topic_as_json, topic_from_json
from actions.answering.topic import Topic, embedded_text

FORMAT = 1
PORTION = 256
"""Passages whose vectors are computed between two writes: some seconds of work."""
_MOST_PORTIONS = 4
"""Files of vectors that may stand beside each other before they are made one."""

_EMBEDDER = "embedder"

HalfVectors = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class PublishedIndex:
    """The imported topics of each language, and one vector for each of their passages in the same order."""

    version: str
    topics: Mapping[str, tuple[Topic, ...]]
    vectors: Mapping[str, Vectors]


@dataclass(frozen=True, slots=True)
class Publishing:
    """What publishing did."""

    version: str
    topics: int
    passages: int
    embedded: int
    """Passages whose vectors were computed now; the others were there."""


def published_version(data_folder: Path) -> str:
    """Return the version of the index that is valid, an empty string when nothing was ever published."""
    try:
        return _current(data_folder).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def wanted_version(data_folder: Path, embedder_name: str) -> str:
    """Return the version that the collections should have; empty when there are none."""
    fingerprint = ContentFolder(data_folder).fingerprint()
    if not fingerprint:
        return ""
    return hashlib.sha256(f"{FORMAT}\0{embedder_name}\0{fingerprint}".encode()).hexdigest()[:16]


def imported_texts(data_folder: Path) -> list[str]:
    """Return what is embedded of all collections."""
    by_language = _topics(ContentFolder(data_folder))
    return [embedded_text(p) for topics in by_language.values() for topic in topics for p in topic.passages]


def publish(data_folder: Path, embedder: Embedder, progress: Progress | None = None) -> Publishing:
    """Afterwards the valid index holds the collections as they are; what was interrupted goes on where it was.

    The caller holds the folder; see `ContentFolder.held`.
    """
    folder = ContentFolder(data_folder)
    version = wanted_version(data_folder, embedder.name)
    by_language = _topics(folder)
    texts = {
        language: [embedded_text(passage) for topic in topics for passage in topic.passages]
        for language, topics in by_language.items()
    }
    vectors = ImportedVectors(folder.path / "vectors", embedder.name)
    every = [text for of_language in texts.values() for text in of_language]
    embedded = vectors.prepare(every, embedder, progress)
    if version and not (_index(data_folder) / version).is_dir():
        _write_index(_index(data_folder) / version, by_language, texts, vectors)
    if published_version(data_folder) != version:
        _make_current(data_folder, version)
    vectors.tidy(every)
    return Publishing(version, sum(map(len, by_language.values())), len(every), embedded)


def read_published(data_folder: Path, version: str, embedder_name: str) -> PublishedIndex | None:
    """Return the index of this version, its vectors mapped into memory.

    None when it is not there, is broken, or was made with another embedder: vectors of two must never be compared.
    """
    folder = _index(data_folder) / version
    if not version or not folder.is_dir():
        return None
    topics: dict[str, tuple[Topic, ...]] = {}
    vectors: dict[str, Vectors] = {}
    try:
        if (folder / _EMBEDDER).read_text(encoding="utf-8") != embedder_name:
            return None
        for path in sorted(folder.glob("topics.*.jsonl")):
            language = path.name.removeprefix("topics.").removesuffix(".jsonl")
            with path.open(encoding="utf-8") as lines:
                topics[language] = tuple(topic_from_json(json.loads(line)) for line in lines)
            rows: Vectors = np.load(folder / f"vectors.{language}.npy", mmap_mode="r", allow_pickle=False)
            if len(rows) != sum(len(topic.passages) for topic in topics[language]):
                return None
            vectors[language] = rows
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    return PublishedIndex(version, topics, vectors)


class ImportedVectors:
    """The vectors of imported passages, in files that are written as they are computed and never changed."""

    def __init__(self, folder: Path, embedder_name: str) -> None:
        self._folder = folder
        self.embedder_name = embedder_name
        self._known: dict[str, HalfVectors] = {}
        self._portions = sorted(folder.glob("*.npz"))
        for path in self._portions:
            self._known.update(_read_portion(path))

    def missing(self, texts: Sequence[str]) -> list[str]:
        """Return the texts that have no vector yet, each once."""
        return [text for text in dict.fromkeys(texts) if self._key(text) not in self._known]

    def prepare(self, texts: Sequence[str], embedder: Embedder, progress: Progress | None = None) -> int:
        """Compute what is missing, keeping each portion as soon as it is done; return how many were computed."""
        missing = self.missing(texts)
        for start in range(0, len(missing), PORTION):
            portion = missing[start : start + PORTION]
            rows = embedder.passages(portion).astype(np.float16)
            found = {self._key(text): row for text, row in zip(portion, rows, strict=True)}
            self._portions.append(self._write(found))
            self._known.update(found)
            if progress is not None:
                progress(start + len(portion), len(missing))
        return len(missing)

    def rows(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text; all of them must be there."""
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        return np.stack([self._known[self._key(text)] for text in texts]).astype(np.float32)

    def tidy(self, texts: Sequence[str]) -> None:
        """Make one file of many, and forget vectors that no text needs any more."""
        wanted = {self._key(text) for text in texts}
        stale = self._known.keys() - wanted
        if not stale and len(self._portions) <= _MOST_PORTIONS:
            return
        self._known = {key: row for key, row in self._known.items() if key in wanted}
        old, self._portions = self._portions, []
        if self._known:
            self._portions = [self._write(self._known)]
        for path in old:
            path.unlink(missing_ok=True)

    def _key(self, text: str) -> str:
        return hashlib.sha256(f"{self.embedder_name}\0{text}".encode()).hexdigest()

    def _write(self, found: Mapping[str, HalfVectors]) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{uuid.uuid4().hex}.npz"
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("wb") as file:
            np.savez(file, keys=np.array(list(found), dtype="U64"), vectors=np.stack(list(found.values())))
        unfinished.replace(path)
        return path


def _read_portion(path: Path) -> dict[str, HalfVectors]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        # A broken portion costs only the time to compute it again.
        return {}


def _topics(folder: ContentFolder) -> dict[str, tuple[Topic, ...]]:
    """Return the topics of all collections by language; the same id twice would make citations ambiguous."""
    found: dict[str, dict[str, Topic]] = {}
    for collection in folder.all():
        for kept in collection.topics:
            found.setdefault(kept.topic.language, {}).setdefault(kept.topic.id, kept.topic)
    return {language: tuple(topics.values()) for language, topics in found.items()}


def _write_index(
    target: Path,
    by_language: Mapping[str, Sequence[Topic]],
    texts: Mapping[str, Sequence[str]],
    vectors: ImportedVectors,
) -> None:
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    (fresh / _EMBEDDER).write_text(vectors.embedder_name, encoding="utf-8")
    for language, topics in by_language.items():
        with (fresh / f"topics.{language}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(topic_as_json(topic), ensure_ascii=False) + "\n" for topic in topics)
        np.save(fresh / f"vectors.{language}.npy", vectors.rows(texts[language]), allow_pickle=False)
    fresh.replace(target)


def _make_current(data_folder: Path, version: str) -> None:
    index, before = _index(data_folder), published_version(data_folder)
    index.mkdir(parents=True, exist_ok=True)
    fresh = index / f".current.{os.getpid()}"
    fresh.write_text(version, encoding="utf-8")
    fresh.replace(_current(data_folder))
    # The one before stays for a process that is just opening it; what is mapped stays readable in any case.
    for old in _versions(index):
        if old.name not in {version, before}:
            shutil.rmtree(old, ignore_errors=True)


def _versions(index: Path) -> Iterator[Path]:
    yield from (path for path in index.iterdir() if path.is_dir())


def _index(data_folder: Path) -> Path:
    return ContentFolder(data_folder).path / "index"


def _current(data_folder: Path) -> Path:
    return _index(data_folder) / "current"


def as_object(publishing: Publishing) -> dict[str, Any]:
    """Return what publishing did as an object for a report."""
    return {
        "version": publishing.version,
        "topics": publishing.topics,
        "passages": publishing.passages,
        "embedded": publishing.embedded,
    }
