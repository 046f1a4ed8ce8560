"""`bedside knowledge`: list and check the health content that clinicians and translators keep."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import typer

from actions.answering.importing.collection import ContentFolder
from actions.answering.topic import SECTIONS, Topic, load_topics, read_topic
from bot.commands.knowledge_import import build_guard, import_content, remove_content
from bot.commands.knowledge_imported import grade_of, imported_faults, imported_lines, imported_notes
from bot.settings import StackSettings, load_settings
from careguard.errors import DataFileError

words = typer.Typer(help="The health content.", add_completion=False, rich_markup_mode=None, no_args_is_help=True)

HARDEST_GRADE = 8.0
"""US school grade above which a topic is called hard to read. Source: NIH, "Clear & Simple": write health information
for grades 6 to 7; one grade is left for the names of illnesses."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

Topics = Mapping[str, Mapping[str, Topic]]
"""Topics by id, then by language."""


words.command("import")(import_content)
words.command("remove")(remove_content)


@words.command("list")
def list_topics() -> None:
    """List the topics with language, school grade, and who reviewed them when; imported ones with their publisher."""
    settings = load_settings(StackSettings)
    for topic in sorted(
        load_topics(settings.locales, settings.languages), key=lambda topic: (topic.id, topic.language)
    ):
        review = f"reviewed {topic.reviewed_on} by {topic.reviewed_by}" if topic.reviewed_by else "not reviewed"
        typer.echo(f"{topic.id:<32} {topic.language:<6} grade {_grade(topic):>4}  {review}  {topic.title}")
    for line in imported_lines(settings.data_dir):
        typer.echo(line)


@words.command()
def check() -> None:
    """Read every topic, and say what is wrong and what to look at; exit code 1 when something is wrong."""
    settings = load_settings(StackSettings)
    topics: dict[str, dict[str, Topic]] = {}
    wrong: list[str] = []
    for language in settings.languages:
        for path in sorted(_folder(settings.locales, language).glob("*.md")):
            try:
                topic = read_topic(path, language)
            except DataFileError as error:
                wrong.append(str(error))
                continue
            topics.setdefault(topic.id, {})[language] = topic
    wrong += find_faults(topics, settings.languages, settings.locales)
    wrong += imported_faults(settings.data_dir)
    today = dt.datetime.now(dt.UTC).date()
    notes = find_notes(topics, today)
    imported = ContentFolder(settings.data_dir)
    if imported.names():
        notes += imported_notes(settings.data_dir, build_guard(settings), today, HARDEST_GRADE)
    for line in wrong:
        typer.echo(f"wrong: {line}")
    for line in notes:
        typer.echo(f"look at: {line}")
    collections = f" and {len(imported.names())} imported collections" if imported.names() else ""
    read = f"{sum(map(len, topics.values()))} topic files{collections} read"
    typer.echo(f"{read}; {len(wrong)} wrong, {len(notes)} to look at.")
    raise typer.Exit(1 if wrong else 0)


def find_faults(topics: Topics, languages: Iterable[str], locales: Path) -> list[str]:
    """Return what must be mended before the content may be used."""
    faults = []
    for topic_id, by_language in sorted(topics.items()):
        for language in languages:
            if language not in by_language and not _path(locales, language, topic_id).exists():
                faults.append(f"{_path(locales, language, topic_id)} is missing: other languages have this topic")
        for topic in by_language.values():
            faults += [
                f"{_path(locales, topic.language, topic_id)}: related topic '{other}' does not exist"
                for other in topic.related
                if other not in topics
            ]
    return faults


def find_notes(topics: Topics, today: dt.date) -> list[str]:
    """Return what a clinician or translator should look at."""
    notes: list[str] = []
    for by_language in (topics[topic_id] for topic_id in sorted(topics)):
        for topic in by_language.values():
            name = f"{topic.id} ({topic.language})"
            if topic.review_due < today:
                notes.append(f"{name}: its review was due on {topic.review_due}")
            if (grade := _grade(topic)) > HARDEST_GRADE:
                notes.append(f"{name}: hard to read, school grade {grade}")
        notes += _drifted_numbers(by_language)
    return notes


def _drifted_numbers(by_language: Mapping[str, Topic]) -> Iterator[str]:
    """Yield the sections whose numbers are not the same in all languages: one of them may have been forgotten."""
    for section in SECTIONS:
        found = {language: _numbers(topic, section) for language, topic in by_language.items()}
        first, *others = found.items()
        for language, numbers in others:
            if numbers != first[1]:
                only = ", ".join(sorted((numbers | first[1]) - (numbers & first[1])))
                name = by_language[language].id
                yield f"{name}, {section}: numbers differ between {first[0]} and {language}: {only}"


def _numbers(topic: Topic, section: str) -> frozenset[str]:
    # 1.5 in English is 1,5 in Spanish.
    return frozenset(
        number.replace(",", ".") for passage in topic.section(section) for number in _NUMBER.findall(passage.text)
    )


def _grade(topic: Topic) -> float:
    return grade_of(topic)


def _folder(locales: Path, language: str) -> Path:
    return locales / "languages" / language / "topics"


def _path(locales: Path, language: str, topic_id: str) -> Path:
    return _folder(locales, language) / f"{topic_id}.md"
