"""Keeps what was imported: one file of topics a collection, and the originals beside it byte for byte.

After the guard, before the index. A collection is replaced at once by a rename, so that nobody ever reads half of it.

    <data folder>/content/collections/<name>.jsonl     the first line says where it comes from, then a topic a line
    <data folder>/content/originals/<name>/<hash>/<file name>
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from actions.answering.importing.errors import ContentError
from actions.answering.topic import Passage, Source, Topic

FORMAT = 2
"""Changes when collections must be imported again to be read."""


@dataclass(frozen=True, slots=True)
class KeptTopic:
    """A topic, the document that it was made from, and what of it was refused."""

    topic: Topic
    file: str
    """Path of its file below the source."""
    made_from: str
    """Hash of the document and of everything that decides what becomes of it."""
    refused: tuple[tuple[str, str], ...] = ()
    """Rule and words of each passage that was left out."""


@dataclass(frozen=True, slots=True)
class Original:
    """A file that was imported, as it is kept."""

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Collection:
    """Everything that came from one source."""

    name: str
    origin: str
    """The path that was imported."""
    publisher: str
    licence: str
    imported_on: dt.date
    originals: tuple[Original, ...] = ()
    topics: tuple[KeptTopic, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the operator said, for the next import of the same source."""


class ContentFolder:
    """The folder of everything that was imported."""

    def __init__(self, data_folder: Path) -> None:
        self.path = data_folder / "content"
        self._collections = self.path / "collections"
        self._originals = self.path / "originals"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for one import; the hold ends with the process, however it ends.

        Raises:
            ContentError: Another import holds it, or it cannot be written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.path / "import.lock").open("w")
        except OSError:
            raise ContentError(
                f"The folder {self.path} cannot be written: give this account the right to write there, or set"
                " BEDSIDE_DATA_DIR to a folder that it may write."
            ) from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ContentError("Another import is under way: wait until it has ended.") from None
            yield

    def names(self) -> tuple[str, ...]:
        """Return the names of the collections."""
        return tuple(sorted(path.stem for path in self._collections.glob("*.jsonl")))

    def fingerprint(self) -> str:
        """Return a hash that changes when any collection does; empty when there is none."""
        digest = hashlib.sha256()
        for name in self.names():
            digest.update(f"\0{name}\0".encode())
            digest.update(self._file(name).read_bytes())
        return digest.hexdigest() if self.names() else ""

    def read(self, name: str) -> Collection | None:
        """Return the collection, None when there is none of this name.

        Raises:
            ContentError: Its file is broken.
        """
        try:
            with self._file(name).open(encoding="utf-8") as lines:
                return _collection(lines)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
            raise ContentError(
                f"The collection {name} in {self._file(name)} cannot be read ({type(error).__name__}): delete this file"
                " and import its source again."
            ) from None

    def all(self) -> Iterator[Collection]:
        """Yield every collection that can be read; a broken one does not take the others with it."""
        for name in self.names():
            try:
                found = self.read(name)
            except ContentError:
                continue
            if found is not None:
                yield found

    def broken(self) -> list[str]:
        """Return a sentence for each collection that cannot be read."""
        sentences = []
        for name in self.names():
            try:
                self.read(name)
            except ContentError as error:
                sentences.append(str(error))
        return sentences

    def keep_original(self, name: str, file: str, path: Path, sha256: str) -> Original:
        """Copy the file beside the collection, byte for byte, unless it is there already."""
        target = self._originals / name / sha256 / Path(file).name
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh = target.with_name(f".{os.getpid()}.new")
            shutil.copyfile(path, fresh)
            fresh.replace(target)
        return Original(file, sha256, target.stat().st_size)

    def original(self, name: str, original: Original) -> Path:
        """Return where an original is kept."""
        return self._originals / name / original.sha256 / Path(original.file).name

    def replace(self, collection: Collection) -> None:
        """Afterwards the collection is the one that is read; originals that it no longer names are gone."""
        self._collections.mkdir(parents=True, exist_ok=True)
        fresh = self._collections / f".{collection.name}.{os.getpid()}.new"
        with fresh.open("w", encoding="utf-8") as file:
            file.writelines(_lines(collection))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file(collection.name))
        self._forget_originals(collection.name, {original.sha256 for original in collection.originals})

    def remove(self, name: str) -> None:
        """Afterwards there is no collection of this name, and none of its originals."""
        self._file(name).unlink(missing_ok=True)
        shutil.rmtree(self._originals / name, ignore_errors=True)

    def _forget_originals(self, name: str, wanted: set[str]) -> None:
        folder = self._originals / name
        for kept in folder.iterdir() if folder.is_dir() else ():
            if kept.name not in wanted:
                shutil.rmtree(kept, ignore_errors=True)

    def _file(self, name: str) -> Path:
        return self._collections / f"{name}.jsonl"


def topic_as_json(topic: Topic) -> dict[str, Any]:
    """Return the topic as it is written to a file; `topic_from_json` reads it."""
    return {
        "id": topic.id,
        "title": topic.title,
        "language": topic.language,
        "synonyms": list(topic.synonyms),
        "audience": list(topic.audience),
        "sources": [asdict(source) | {"accessed": _day(source.accessed)} for source in topic.sources],
        "written_on": topic.written_on.isoformat(),
        "reviewed_by": topic.reviewed_by,
        "reviewed_on": _day(topic.reviewed_on),
        "review_due": topic.review_due.isoformat(),
        "passages": [[passage.section, passage.text, passage.heading] for passage in topic.passages],
    }


def topic_from_json(data: Mapping[str, Any]) -> Topic:
    """Return the topic that a line of a file holds."""
    sources = tuple(
        Source(source["publisher"], source["title"], source["url"], _date(source["accessed"]))
        for source in data["sources"]
    )
    bare = Topic(
        id=data["id"],
        title=data["title"],
        language=data["language"],
        synonyms=tuple(data["synonyms"]),
        audience=tuple(data["audience"]),
        sources=sources,
        written_on=dt.date.fromisoformat(data["written_on"]),
        reviewed_by=data["reviewed_by"],
        reviewed_on=_date(data["reviewed_on"]),
        review_due=dt.date.fromisoformat(data["review_due"]),
        related=(),
        passages=(),
    )
    return with_passages(bare, [(section, text, heading) for section, text, heading in data["passages"]])


def with_passages(topic: Topic, texts: Iterable[tuple[str, str, str]]) -> Topic:
    """Return the topic with these passages (section, words, heading), numbered within their sections."""
    numbers: dict[str, int] = {}
    passages: list[Passage] = []
    for section, text, heading in texts:
        numbers[section] = numbers.get(section, 0) + 1
        passages.append(
            Passage(
                id=f"{topic.id}/{section}/{numbers[section]}",
                text=text,
                section=section,
                topic=topic.id,
                topic_title=topic.title,
                language=topic.language,
                audience=topic.audience,
                sources=topic.sources,
                written_on=topic.written_on,
                reviewed_by=topic.reviewed_by,
                reviewed_on=topic.reviewed_on,
                heading=heading,
            )
        )
    return replace(topic, passages=tuple(passages))


def _lines(collection: Collection) -> Iterator[str]:
    head = {
        "format": FORMAT,
        "name": collection.name,
        "origin": collection.origin,
        "publisher": collection.publisher,
        "licence": collection.licence,
        "imported_on": collection.imported_on.isoformat(),
        "originals": [asdict(original) for original in collection.originals],
        "options": dict(collection.options),
    }
    yield _line(head)
    for kept in collection.topics:
        yield _line(
            topic_as_json(kept.topic)
            | {"file": kept.file, "made_from": kept.made_from, "refused": [list(pair) for pair in kept.refused]}
        )


def _collection(lines: Iterator[str]) -> Collection:
    head = json.loads(next(lines))
    if head["format"] != FORMAT:
        raise ValueError("another format")
    return Collection(
        name=head["name"],
        origin=head["origin"],
        publisher=head["publisher"],
        licence=head["licence"],
        imported_on=dt.date.fromisoformat(head["imported_on"]),
        originals=tuple(Original(**original) for original in head["originals"]),
        topics=tuple(_kept(json.loads(line)) for line in lines),
        options=head["options"],
    )


def _kept(data: Mapping[str, Any]) -> KeptTopic:
    refused = tuple((rule, text) for rule, text in data["refused"])
    return KeptTopic(topic_from_json(data), data["file"], data["made_from"], refused)


def _line(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False) + "\n"


def _day(day: dt.date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _date(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text is not None else None
