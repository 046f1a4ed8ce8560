"""Reads the reviewed health content: one Markdown file is one topic, one bullet is one passage.

Stands before retrieval. The reader is strict: a file that bends the format stops the start with file, line and remedy.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from careguard.errors import DataFileError
from careguard.strict_yaml import parse_yaml

SECTIONS = (
    "in_short",
    "what_it_is",
    "what_you_can_do",
    "what_doctors_may_do",
    "get_help_now",
    "see_someone",
    "questions_to_ask",
)
"""The anchors that every topic has, in this order."""

AUDIENCES = frozenset({"adult", "child", "pregnancy", "older_adult"})

_REQUIRED = frozenset(
    {"id", "title", "synonyms", "audience", "sources", "written_on", "reviewed_by", "review_due", "related"}
)
_OPTIONAL = frozenset({"reviewed_on"})
_UNSOURCED_SECTIONS = frozenset({"questions_to_ask"})
_TOPIC_ID = re.compile(r"[a-z][a-z0-9_]*")
_HEADING = re.compile(r"(?P<words>.+?)\s*\{#(?P<anchor>[a-z_]+)\}")
_SOURCE_NUMBERS = re.compile(r"\s*(?P<numbers>(?:\[\d+\]\s*)+)$")
_PLACEHOLDER = re.compile(r"\{([a-z_]*)\}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a passage's facts come from."""

    publisher: str
    title: str
    url: str
    accessed: dt.date | None


@dataclass(frozen=True, slots=True)
class Passage:
    """One citable piece of a topic: a sentence or two that stand alone."""

    id: str
    """`<topic id>/<anchor>/<n>`, n from 1."""
    text: str
    section: str
    topic: str
    topic_title: str
    language: str
    audience: tuple[str, ...]
    sources: tuple[Source, ...]
    written_on: dt.date
    reviewed_by: str | None
    reviewed_on: dt.date | None
    heading: str = ""
    """The heading below which an imported passage stood; shipped ones have their section instead."""

    @property
    def number(self) -> int:
        """Return the place of the passage in its section, from 1; what matters most is written first."""
        return int(self.id.rpartition("/")[2])

    @property
    def source_url(self) -> str:
        """Return the address of the first source, or an empty string where a question needs none."""
        return self.sources[0].url if self.sources else ""

    @property
    def source_title(self) -> str:
        """Return the title of the first source, or the topic's title where a question needs none."""
        return self.sources[0].title if self.sources else self.topic_title

    @property
    def source_publisher(self) -> str:
        """Return the publisher of the first source, or an empty string where a question needs none."""
        return self.sources[0].publisher if self.sources else ""

    @property
    def names_a_call(self) -> bool:
        """Return whether it says when to call for help; known while its placeholders are not filled yet."""
        return "{emergency_number}" in self.text

    def filled(self, values: Mapping[str, str]) -> Passage:
        """Return this passage with its placeholders filled."""
        if "{" not in self.text:
            return self
        return replace(self, text=_PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), self.text))


@dataclass(frozen=True, slots=True)
class Topic:
    """One reviewed health text in one language."""

    id: str
    title: str
    language: str
    synonyms: tuple[str, ...]
    audience: tuple[str, ...]
    sources: tuple[Source, ...]
    written_on: dt.date
    reviewed_by: str | None
    reviewed_on: dt.date | None
    review_due: dt.date
    related: tuple[str, ...]
    passages: tuple[Passage, ...]

    def section(self, anchor: str) -> tuple[Passage, ...]:
        """Return the passages of one section, in the order they were written."""
        return tuple(passage for passage in self.passages if passage.section == anchor)


def embedded_text(passage: Passage) -> str:
    """Return what is embedded for a passage: its words after its title and heading, which they may leave unsaid."""
    heading = f" {passage.heading.rstrip('.:')}." if passage.heading else ""
    return f"{passage.topic_title}.{heading.replace('?.', '?')} {passage.text}"


def load_topics(locales: Path, languages: Iterable[str]) -> tuple[Topic, ...]:
    """Return every topic of the languages, ordered by language and id.

    Raises:
        DataFileError: A topic file is wrong, or a language has no topics folder.
    """
    topics: list[Topic] = []
    for language in languages:
        folder = locales / "languages" / language / "topics"
        if not folder.is_dir():
            raise DataFileError(folder, f"the topics folder of language '{language}' is missing")
        topics.extend(read_topic(path, language) for path in sorted(folder.glob("*.md")))
    return tuple(topics)


def read_topic(path: Path, language: str) -> Topic:
    """Return the topic that stands in one file.

    Raises:
        DataFileError: The file bends the format.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataFileError(path, f"byte {error.start} is not UTF-8; save the file as UTF-8") from None
    lines = text.split("\n")
    if not lines or lines[0].strip() != "---":
        raise DataFileError(path, "the file must begin with a line of three dashes and its front matter", line=1)
    end = next((number for number, line in enumerate(lines[1:], start=1) if line.strip() == "---"), None)
    if end is None:
        raise DataFileError(path, "the front matter is never closed by a line of three dashes", line=1)
    header = _Header(path, lines[1:end])
    topic = header.topic(language)
    passages = _read_passages(path, "\n".join(lines[end + 1 :]), end + 1, topic)
    return replace(topic, passages=passages)


class _Header:
    """The front matter of one file, read key by key so that every problem has a line."""

    def __init__(self, path: Path, lines: list[str]) -> None:
        self._path = path
        self._lines = lines
        loaded = parse_yaml("\n".join(lines), path, first_line=2)
        if not isinstance(loaded, dict):
            raise DataFileError(path, "the front matter must be `key: value` lines", line=2)
        self._values: dict[str, Any] = loaded
        missing = sorted(_REQUIRED - loaded.keys())
        if missing:
            raise DataFileError(path, f"the front matter lacks: {', '.join(missing)}", line=2)
        for key in sorted(map(str, loaded.keys())):
            if key not in _REQUIRED | _OPTIONAL:
                raise self._error(key, f"'{key}' is not a key of a topic; remove it or mend its spelling")

    def topic(self, language: str) -> Topic:
        topic_id = self._text("id")
        if not _TOPIC_ID.fullmatch(topic_id) or topic_id != self._path.stem:
            raise self._error("id", f"the id '{topic_id}' must equal the file's name '{self._path.stem}'")
        audience = self._texts("audience", at_least=1)
        for name in audience:
            if name not in AUDIENCES:
                raise self._error("audience", f"'{name}' is no audience; use one of {', '.join(sorted(AUDIENCES))}")
        reviewed_by = self._optional_text("reviewed_by")
        reviewed_on = self._date("reviewed_on") if self._values.get("reviewed_on") is not None else None
        if (reviewed_by is None) != (reviewed_on is None):
            raise self._error("reviewed_by", "a review needs both reviewed_by and reviewed_on, or neither")
        return Topic(
            id=topic_id,
            title=self._text("title"),
            language=language,
            synonyms=self._texts("synonyms"),
            audience=audience,
            sources=self._sources(),
            written_on=self._date("written_on"),
            reviewed_by=reviewed_by,
            reviewed_on=reviewed_on,
            review_due=self._date("review_due"),
            related=self._texts("related"),
            passages=(),
        )

    def _error(self, key: str, problem: str) -> DataFileError:
        line = next((n for n, line in enumerate(self._lines, start=2) if line.startswith(f"{key}:")), 2)
        return DataFileError(self._path, problem, line=line)

    def _text(self, key: str) -> str:
        value = self._values[key]
        if not isinstance(value, str) or not value.strip():
            raise self._error(key, f"'{key}' must be words")
        return value.strip()

    def _optional_text(self, key: str) -> str | None:
        return None if self._values[key] is None else self._text(key)

    def _texts(self, key: str, *, at_least: int = 0) -> tuple[str, ...]:
        value = self._values[key]
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise self._error(key, f"'{key}' must be a list of words, like [one, two]")
        if len(value) < at_least:
            raise self._error(key, f"'{key}' needs at least {at_least} entry")
        return tuple(item.strip() for item in value)

    def _date(self, key: str) -> dt.date:
        value = self._values[key]
        if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
            raise self._error(key, f"'{key}' must be a date like 2026-11-24")
        return value

    def _sources(self) -> tuple[Source, ...]:
        value = self._values["sources"]
        if not isinstance(value, list) or not value:
            raise self._error("sources", "a topic needs at least one source")
        return tuple(self._source(entry) for entry in value)

    def _source(self, entry: Any) -> Source:
        if not isinstance(entry, dict) or set(entry) - {"accessed"} != {"publisher", "title", "url"}:
            raise self._error("sources", "a source has publisher, title, url and accessed")
        if not all(isinstance(entry[key], str) and entry[key].strip() for key in ("publisher", "title", "url")):
            raise self._error("sources", "publisher, title and url of a source must be words")
        if not entry["url"].startswith("https://"):
            raise self._error("sources", "the url of a source must begin with https://")
        accessed = entry.get("accessed")
        if accessed is not None and not isinstance(accessed, dt.date):
            raise self._error("sources", "accessed must be a date like 2026-11-24, or null")
        return Source(entry["publisher"].strip(), entry["title"].strip(), entry["url"].strip(), accessed)


def _read_passages(path: Path, body: str, offset: int, topic: Topic) -> tuple[Passage, ...]:
    tokens = MarkdownIt("commonmark").parse(body)
    passages: list[Passage] = []
    seen: list[str] = []
    numbers: dict[str, int] = {}
    inside_bullet = False
    for position, token in enumerate(tokens):
        line = token.map[0] + offset + 1 if token.map else None
        if token.type == "heading_open":
            seen.append(_read_heading(path, token, tokens[position + 1], line, seen))
        elif token.type == "list_item_open":
            if inside_bullet:
                raise DataFileError(
                    path, "a bullet inside a bullet is not a passage; make it a bullet of its own", line=line
                )
            inside_bullet = True
        elif token.type == "list_item_close":
            inside_bullet = False
        elif token.type == "inline" and tokens[position - 1].type == "paragraph_open":
            if not inside_bullet or not seen:
                raise DataFileError(path, "every passage must be a bullet ('- ') below a section heading", line=line)
            anchor = seen[-1]
            numbers[anchor] = numbers.get(anchor, 0) + 1
            passages.append(_read_bullet(path, token, line, topic, anchor, numbers[anchor]))
        elif token.type in {"fence", "code_block", "html_block", "hr", "blockquote_open", "ordered_list_open"}:
            raise DataFileError(path, "only headings and bullets ('- ') may stand in a topic", line=line)
    for anchor in SECTIONS:
        if anchor not in seen:
            raise DataFileError(path, f"the section {{#{anchor}}} is missing")
        if anchor not in numbers:
            raise DataFileError(path, f"the section {{#{anchor}}} has no bullet")
    return tuple(passages)


def _read_heading(path: Path, opening: Token, inline: Token, line: int | None, seen: list[str]) -> str:
    found = _HEADING.fullmatch(inline.content.strip())
    if opening.tag != "h2" or found is None:
        raise DataFileError(path, "a heading must look like `## Words {#anchor}`", line=line)
    anchor = found["anchor"]
    if anchor not in SECTIONS:
        raise DataFileError(path, f"'{anchor}' is no section; use one of {', '.join(SECTIONS)}", line=line)
    if anchor in seen:
        raise DataFileError(path, f"the section {{#{anchor}}} stands here a second time", line=line)
    return anchor


def _read_bullet(path: Path, token: Token, line: int | None, topic: Topic, anchor: str, number: int) -> Passage:
    for child in token.children or []:
        if child.type not in {"text", "softbreak"}:
            raise DataFileError(path, "a passage holds plain words: no links, emphasis, code or HTML", line=line)
    text = " ".join(token.content.split())
    found = _SOURCE_NUMBERS.search(text)
    cited = [int(digits) for digits in re.findall(r"\d+", found["numbers"])] if found else []
    if found:
        text = text[: found.start()].rstrip()
    if not text:
        raise DataFileError(path, "this bullet has no words", line=line)
    if not cited and anchor not in _UNSOURCED_SECTIONS:
        raise DataFileError(path, "this bullet must end with the number of its source, like [1]", line=line)
    for source_number in cited:
        if not 1 <= source_number <= len(topic.sources):
            raise DataFileError(path, f"there is no source [{source_number}] in the front matter", line=line)
    for name in _PLACEHOLDER.findall(text):
        if name != "emergency_number":
            raise DataFileError(
                path, f"{{{name}}} is not a placeholder of a topic; only {{emergency_number}} is", line=line
            )
    return Passage(
        id=f"{topic.id}/{anchor}/{number}",
        text=text,
        section=anchor,
        topic=topic.id,
        topic_title=topic.title,
        language=topic.language,
        audience=topic.audience,
        sources=tuple(topic.sources[source_number - 1] for source_number in cited),
        written_on=topic.written_on,
        reviewed_by=topic.reviewed_by,
        reviewed_on=topic.reviewed_on,
    )
