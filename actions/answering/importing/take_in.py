"""Takes one source into the knowledge: reads its files, cuts and guards their passages, keeps them as a collection.

Beside the line, from `bedside knowledge import`. Start reading here: files, then documents, passages, guard,
collection. Whatever cannot be taken is refused in words, and nothing that is refused harms the rest.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from actions.answering.importing.collection import (
    Collection,
    ContentFolder,
    KeptTopic,
    Original,
    with_passages,
)
from actions.answering.importing.document import Block, Document, RefusedDocument, RefusedError
from actions.answering.importing.errors import ContentError
from actions.answering.importing.files import (
    MEDLINEPLUS,
    SourceFile,
    collection_name,
    is_about_the_folder,
    read_file,
    sha256_of,
    slug,
    source_files,
)
from actions.answering.importing.guard import Guard, RefusedPassage
from actions.answering.importing.names import other_names
from actions.answering.importing.passages import Cut, cut
from actions.answering.question import QuestionWords
from actions.answering.topic import AUDIENCES, Source, Topic
from careguard.stems import stop_words, words

VERSION = 3
"""Changes when the same document would be cut or guarded otherwise, so that it is cut again."""
NO_LICENCE = "not stated"
_REVIEW_AFTER = dt.timedelta(days=365)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LONGEST_SLUG = 60
_LONGEST_TITLE_WORDS = 40

Tell = Callable[[str, int, int], None]
"""Called with the file, how many files are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator says about a source; None: as at the last import, else as the files say."""

    name: str | None = None
    publisher: str | None = None
    licence: str | None = None
    language: str | None = None
    audience: tuple[str, ...] | None = None


class Outcome(StrEnum):
    """What became of a file."""

    TAKEN = "taken"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    LEFT_OUT = "left out"


@dataclass(slots=True)
class FileReport:
    """What was taken from one file, into how many passages it was split, and what was refused."""

    file: str
    outcome: Outcome = Outcome.TAKEN
    problem: str = ""
    topics: int = 0
    passages: int = 0
    new: int = 0
    changed: int = 0
    fragments: int = 0
    too_long: int = 0
    refused_documents: list[RefusedDocument] = field(default_factory=list)
    refused_passages: list[tuple[str, RefusedPassage]] = field(default_factory=list)
    """Each with the title of its document."""

    @property
    def instructions(self) -> int:
        """Return how many passages hold an instruction to the bot."""
        return sum(refused.is_instruction for _, refused in self.refused_passages)

    @property
    def is_refusal(self) -> bool:
        """Return whether a file, a document or a hidden instruction was refused."""
        return self.outcome is Outcome.REFUSED or bool(self.refused_documents) or self.instructions > 0

    def as_json(self) -> dict[str, Any]:
        """Return the report as an object."""
        return {
            "file": self.file,
            "outcome": self.outcome.value,
            "problem": self.problem,
            "topics": self.topics,
            "passages": self.passages,
            "new": self.new,
            "changed": self.changed,
            "fragments": self.fragments,
            "too_long": self.too_long,
            "refused_documents": [{"document": one.key, "problem": one.problem} for one in self.refused_documents],
            "refused_passages": [
                {"document": title, "rule": one.rule, "text": one.text} for title, one in self.refused_passages
            ],
        }


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a source."""

    collection: str
    publisher: str
    licence: str
    files: tuple[FileReport, ...]
    topics: int
    passages: int
    removed: int
    """Topics that are gone, because their source no longer has them."""

    @property
    def is_refusal(self) -> bool:
        """Return whether anything was refused that someone should look at."""
        return any(file.is_refusal for file in self.files)

    def as_json(self) -> dict[str, Any]:
        """Return the report as an object."""
        return {
            "collection": self.collection,
            "publisher": self.publisher,
            "licence": self.licence,
            "topics": self.topics,
            "passages": self.passages,
            "removed": self.removed,
            "files": [file.as_json() for file in self.files],
        }


def take_in(
    path: Path,
    options: Options,
    folder: ContentFolder,
    guard: Guard,
    asked: Mapping[str, QuestionWords],
    today: dt.date,
    tell: Tell | None = None,
) -> ImportReport:
    """Afterwards the source is a collection as its files are now; what has not changed is kept as it was.

    Args:
        asked: The question words of each language in which answers can be given.

    Raises:
        ContentError: The path, a name or an option is wrong, or the folder cannot be written.
    """
    files = source_files(path)
    name = _name(path, options, folder)
    _check_audience(options.audience)
    try:
        before = folder.read(name)
    except ContentError:
        before = None  # this import makes it whole again
    work = _Import(name, path, _remembered(options, before), before, guard, asked, today)
    for place, file in enumerate(files):
        if tell is not None:
            tell(file.file, place, len(files))
        work.take(file)
    if tell is not None:
        tell("", len(files), len(files))
    return work.keep(folder)


def _name(path: Path, options: Options, folder: ContentFolder) -> str:
    if options.name is not None:
        if not _NAME.fullmatch(options.name):
            raise ContentError(
                f"{options.name} cannot name a collection: use small letters, digits and underscores, a letter first."
            )
        return options.name
    name = collection_name(path.resolve() if path.is_dir() else path)
    if name == MEDLINEPLUS:
        return name
    try:
        before = folder.read(name)
    except ContentError:
        return name
    if before is not None and before.origin != str(path.resolve()):
        raise ContentError(
            f"The collection {name} was imported from {before.origin}: give this one a name of its own with --name, or"
            f" say --name {name} to put it in the other's place."
        )
    return name


def _check_audience(audience: tuple[str, ...] | None) -> None:
    for one in audience or ():
        if one not in AUDIENCES:
            raise ContentError(f"{one} is no audience: use {', '.join(sorted(AUDIENCES))}.")


def _remembered(options: Options, before: Collection | None) -> Options:
    if before is None:
        return options
    said = before.options
    return Options(
        name=options.name,
        publisher=options.publisher or said.get("publisher"),
        licence=options.licence or said.get("licence"),
        language=options.language or said.get("language"),
        audience=options.audience or (tuple(said["audience"]) if said.get("audience") else None),
    )


class _Import:
    """One run over one source."""

    def __init__(
        self,
        name: str,
        path: Path,
        options: Options,
        before: Collection | None,
        guard: Guard,
        asked: Mapping[str, QuestionWords],
        today: dt.date,
    ) -> None:
        self._name = name
        self._path = path
        self._options = options
        self._guard = guard
        self._asked = asked
        self._today = today
        self._before = before
        kept = before.topics if before is not None else ()
        self._known = {(one.topic.id, one.topic.language): one for one in kept}
        self._topics: list[KeptTopic] = []
        self._ids: set[tuple[str, str]] = set()
        self._originals: list[tuple[str, Path, str]] = []
        self._stayed: list[Original] = []
        self._reports: list[FileReport] = []
        self._licence: str | None = None

    def take(self, file: SourceFile) -> None:
        """Take what can be taken from one file, and note what cannot."""
        report = FileReport(file.file)
        self._reports.append(report)
        if is_about_the_folder(file) and self._path.is_dir():
            report.outcome, report.problem = Outcome.LEFT_OUT, "it tells of the folder, not of health"
            return
        try:
            read = read_file(file)
            for document in read:
                if isinstance(document, RefusedDocument):
                    report.refused_documents.append(document)
                else:
                    self._take_document(document, file, report)
        except RefusedError as error:
            self._refuse(file, report, str(error))
            return
        if report.topics == 0:
            one = report.refused_documents[0] if len(report.refused_documents) == 1 else None
            self._refuse(file, report, one.problem if one is not None else "nothing of it could be taken")
            return
        if report.new == report.changed == 0:
            report.outcome = Outcome.UNCHANGED
        self._originals.append((file.file, file.path, sha256_of(file.path)))

    def _refuse(self, file: SourceFile, report: FileReport, problem: str) -> None:
        """Note the refusal; what was imported of the file before stays, for it was good."""
        report.outcome, report.problem = Outcome.REFUSED, problem
        if self._before is None:
            return
        stayed = [one for one in self._before.topics if one.file == file.file and _key(one) not in self._ids]
        if stayed:
            report.problem += "; what was imported of it before stays"
            self._topics += stayed
            self._ids.update(map(_key, stayed))
            report.topics, report.passages = len(stayed), sum(len(one.topic.passages) for one in stayed)
            self._stayed += [one for one in self._before.originals if one.file == file.file]

    def _take_document(self, document: Document, file: SourceFile, report: FileReport) -> None:
        try:
            kept, cut_now = self._kept(document, file)
        except RefusedError as error:
            report.refused_documents.append(RefusedDocument(document.title[:120] or file.file, str(error)))
            return
        if cut_now is not None:
            was_known = _key(kept) in self._known
            report.new += not was_known
            report.changed += was_known
            report.fragments += cut_now.fragments
            report.too_long += cut_now.too_long
        self._ids.add(_key(kept))
        self._topics.append(kept)
        self._licence = self._licence or document.licence
        report.topics += 1
        report.passages += len(kept.topic.passages)
        report.refused_passages += [
            (document.title, RefusedPassage(rule, text, self._guard.is_instruction(rule)))
            for rule, text in kept.refused
        ]

    def _kept(self, document: Document, file: SourceFile) -> tuple[KeptTopic, Cut | None]:
        """Return the topic that the document became; with it how it was cut, None when it is kept as it was.

        Raises:
            RefusedError: It cannot become a topic.
        """
        language = self._language(document, file)
        if len(words(document.title)) > _LONGEST_TITLE_WORDS:
            raise RefusedError("its title is longer than a title can be; give it a short one")
        if (rule := self._guard.attack_in(document.title)) is not None:
            raise RefusedError(f"its title breaks the rule {rule}; mend the title")
        topic_id = self._topic_id(document, language)
        made_from = self._made_from(document, language, file)
        known = self._known.get((topic_id, language))
        if known is not None and known.made_from == made_from:
            return replace(known, file=file.file), None
        # Before cutting: that a passage tells whom to call decides where it belongs.
        blocks = tuple(Block(block.kind, self._guard.localised(block.text)) for block in document.blocks)
        found = cut(replace(document, blocks=blocks), language, self._asked[language])
        bare = self._bare_topic(topic_id, document, language, file)
        texts = [(passage.section, passage.text, passage.heading) for passage in found.passages]
        guarded = self._guard.judge(with_passages(bare, texts).passages)
        if not guarded.kept:
            raise RefusedError(_nothing_left(guarded.refused))
        topic = with_passages(bare, [(passage.section, passage.text, passage.heading) for passage in guarded.kept])
        return KeptTopic(topic, file.file, made_from, tuple((one.rule, one.text) for one in guarded.refused)), found

    def _bare_topic(self, topic_id: str, document: Document, language: str, file: SourceFile) -> Topic:
        publisher = self._options.publisher or document.publisher or self._name
        named = document.title if document.url else f"{document.title} ({Path(file.file).name})"
        return Topic(
            id=topic_id,
            title=document.title,
            language=language,
            synonyms=tuple(
                name for name in (*document.synonyms, *other_names(document)) if self._guard.attack_in(name) is None
            ),
            audience=self._options.audience or ("adult",),
            sources=(Source(publisher, named, document.url, self._today),),
            written_on=document.written_on or self._today,
            reviewed_by=None,
            reviewed_on=None,
            review_due=self._today + _REVIEW_AFTER,
            related=(),
            passages=(),
        )

    def _language(self, document: Document, file: SourceFile) -> str:
        """Return the language of ours that the document is in.

        Raises:
            RefusedError: It says that it is in another.
        """
        said = self._options.language or document.language
        if file.says_its_languages:
            said = document.language or self._options.language
        if said is None:
            text = words(" ".join(block.text for block in document.blocks[:40]))
            return max(self._asked, key=lambda tag: sum(word in stop_words(tag) for word in text))
        tag = said.lower()
        for known in self._asked:
            if known.lower() in (tag, tag.partition("-")[0]):
                return known
        raise RefusedError(
            f"it is in {tag}, and answers are given in {', '.join(self._asked)}; leave it, or add the language to"
            " BEDSIDE_LANGUAGES"
        )

    def _topic_id(self, document: Document, language: str) -> str:
        part = slug(document.title)[:_LONGEST_SLUG].rstrip("_")
        code = hashlib.sha256(f"{document.key}\0{document.title}".encode()).hexdigest()[:8]
        topic_id = f"{self._name}_{part}" if part else f"{self._name}_{code}"
        return topic_id if (topic_id, language) not in self._ids else f"{topic_id}_{code}"

    def _made_from(self, document: Document, language: str, file: SourceFile) -> str:
        said = [
            VERSION, document.key, document.title, [[block.kind.value, block.text] for block in document.blocks],
            document.url or Path(file.file).name, document.synonyms, language,
            self._options.publisher or document.publisher, self._options.audience,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()

    def keep(self, folder: ContentFolder) -> ImportReport:
        """Write the collection unless it is as it was; return what became of the source."""
        publishers = Counter(one.topic.sources[0].publisher for one in self._topics)
        publisher = self._options.publisher or next(iter(publishers), self._name)
        before = {_key(one) for one in self._before.topics} if self._before is not None else set()
        licence = self._options.licence or self._licence or NO_LICENCE
        if self._topics:
            originals = [folder.keep_original(self._name, *original) for original in self._originals]
            said = {
                "publisher": self._options.publisher,
                "licence": self._options.licence,
                "language": self._options.language,
                "audience": list(self._options.audience) if self._options.audience else None,
            }
            collection = Collection(
                name=self._name,
                origin=str(self._path.resolve()),
                publisher=publisher,
                licence=licence,
                imported_on=self._today,
                originals=(*originals, *self._stayed),
                topics=tuple(self._topics),
                options=said,
            )
            if not self._is_as_before(collection):
                folder.replace(collection)
        return ImportReport(
            collection=self._name,
            publisher=publisher,
            licence=licence,
            files=tuple(self._reports),
            topics=len(self._topics),
            passages=sum(len(one.topic.passages) for one in self._topics),
            removed=len(before - self._ids) if self._topics else 0,
        )

    def _is_as_before(self, collection: Collection) -> bool:
        return self._before is not None and replace(collection, imported_on=self._before.imported_on) == self._before


def _key(kept: KeptTopic) -> tuple[str, str]:
    return kept.topic.id, kept.topic.language


def _nothing_left(refused: Sequence[RefusedPassage]) -> str:
    if not refused:
        return "it has no whole sentence that can be an answer; write sentences"
    reasons = ", ".join(f"{rule} {count}" for rule, count in Counter(one.rule for one in refused).most_common(3))
    return f"none of its passages may be an answer ({reasons}); see guardrails/review.yaml for these rules"
