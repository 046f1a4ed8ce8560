"""What `bedside knowledge list` and `check` say of imported content.

Beside the line. Imports are written by others: what is hard to read is worth a look, but nothing that is wrong.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from actions.answering.embed import PackagedEmbedder
from actions.answering.importing.collection import Collection, ContentFolder
from actions.answering.importing.guard import Guard
from actions.answering.importing.published import published_version, wanted_version
from actions.answering.importing.take_in import NO_LICENCE
from actions.answering.topic import Topic
from careguard.reading import school_grade

_NAMED = 5
"""Topics that are named where many are meant."""


def grade_of(topic: Topic) -> float:
    """Return the school grade of the topic's words."""
    return school_grade(" ".join(passage.text for passage in topic.passages), topic.language)


def imported_lines(data_dir: Path) -> Iterator[str]:
    """Yield a line for each imported topic, those of each collection below its name, publisher and licence."""
    for collection in ContentFolder(data_dir).all():
        yield (
            f"imported: {collection.name}, {collection.publisher}; licence: {collection.licence};"
            f" {collection.imported_on}, {len(collection.topics)} topics"
        )
        for kept in sorted(collection.topics, key=lambda kept: (kept.topic.id, kept.topic.language)):
            topic = kept.topic
            review = f"reviewed {topic.reviewed_on} by {topic.reviewed_by}" if topic.reviewed_by else "not reviewed"
            yield (
                f"{topic.id:<32} {topic.language:<6} grade {grade_of(topic):>4}  {review}  {topic.title}"
                f"  ({topic.sources[0].publisher})"
            )


def imported_faults(data_dir: Path) -> list[str]:
    """Return what must be mended: collections that cannot be read, originals that are gone or changed."""
    folder = ContentFolder(data_dir)
    faults = folder.broken()
    for collection in folder.all():
        for original in collection.originals:
            path = folder.original(collection.name, original)
            if not path.is_file():
                faults.append(f"{path} is missing: import {collection.origin} again")
            elif _sha256(path) != original.sha256:
                faults.append(f"{path} is not what was imported: import {collection.origin} again")
    return faults


def imported_notes(data_dir: Path, guard: Guard, today: dt.date, hardest: float) -> Iterator[str]:
    """Yield what someone should look at."""
    folder = ContentFolder(data_dir)
    if published_version(data_dir) != wanted_version(data_dir, PackagedEmbedder.name):
        yield "the index of the imported content is not up to date: run the import again, or start Bedside"
    for collection in folder.all():
        topics = [kept.topic for kept in collection.topics]
        if collection.licence == NO_LICENCE:
            yield f"{collection.name}: its licence is not stated; say it with --licence"
        yield from _many(collection, "review was due", [topic for topic in topics if topic.review_due < today])
        grades = {topic.id: grade_of(topic) for topic in topics}
        hard = sorted((topic for topic in topics if grades[topic.id] > hardest), key=lambda topic: -grades[topic.id])
        yield from _many(collection, f"hard to read, above school grade {hardest:.0f}", hard)
        broken = [topic for topic in topics if guard.judge(topic.passages).refused]
        yield from _many(collection, "no longer keep the rules; import the source again", broken)


def _many(collection: Collection, what: str, topics: Iterable[Topic]) -> Iterator[str]:
    found = list(topics)
    if found:
        named = ", ".join(topic.title for topic in found[:_NAMED])
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        yield f"{collection.name}: {what}: {named}{more}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
