"""Reads MedlinePlus health topics: the public XML of all topics, and lines of JSON made from it.

Among the readers. The XML is read topic by topic, for it is large; a broken topic does not harm the others.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from actions.answering.importing.document import Document, Read, RefusedDocument, RefusedError, clean
from actions.answering.importing.lines import blocks_of_lines
from actions.answering.importing.read_html import blocks_of_html

PUBLISHER = "MedlinePlus, National Library of Medicine"
LICENCE = "US government work, public domain; credit MedlinePlus, National Library of Medicine"
_LANGUAGES = {"english": "en", "spanish": "es"}
_HOST = "https://medlineplus.gov/"
MOST_BYTES_UNPACKED = 400_000_000
_LONGEST_LINE = 2_000_000


def is_medlineplus_xml(path: Path) -> bool:
    """Return whether the file begins like the XML of all health topics."""
    with path.open("rb") as file:
        return b"<health-topics" in file.read(4_096)


def read_medlineplus_xml(path: Path) -> Iterator[Read]:
    """Yield the health topics of the XML.

    Raises:
        RefusedError: The XML is broken or holds what no such file needs; what was read before stays read.
    """
    made_on: dt.date | None = None
    try:
        with path.open("rb") as file:
            for event, element in iterparse(file, events=("start", "end"), forbid_entities=True):
                if event == "start" and element.tag == "health-topics":
                    made_on = _us_date(element.get("date-generated", ""))
                elif event == "end" and element.tag == "health-topic":
                    yield _topic(element, made_on)
                    element.clear()
    except DefusedXmlException:
        raise RefusedError("it defines entities, which may be an attack; take the file from medlineplus.gov") from None
    except (ParseError, UnicodeError, LookupError) as error:
        raise RefusedError(f"its XML is broken ({_place(error)}); download it again") from None


def _place(error: Exception) -> str:
    position = getattr(error, "position", None)
    return f"line {position[0]}" if position else type(error).__name__


def _topic(element: Element, made_on: dt.date | None) -> Read:
    title = clean(element.get("title", ""))
    key = element.get("id") or title
    if not title:
        return RefusedDocument(key or "a topic without a title", "it has no title; add one")
    named = [clean(child.text or "") for tag in ("also-called", "see-reference") for child in element.iter(tag)]
    blocks = blocks_of_html(element.findtext("full-summary") or "")
    if not blocks:
        return RefusedDocument(title, "it has no summary; nothing can be answered from it")
    return Document(
        key=key,
        title=title,
        blocks=blocks,
        url=_address(element.get("url", "")),
        synonyms=tuple(dict.fromkeys(name for name in named if name)),
        language=_language(element.get("language")),
        publisher=PUBLISHER,
        licence=LICENCE,
        written_on=_us_date(element.get("date-created", "")) or made_on,
    )


def read_topic_lines(path: Path) -> Iterator[Read]:
    """Yield the topics of a file of JSON lines with `title`, `text` and, where known, `id`, `url`, `language`.

    Raises:
        RefusedError: The file is no such file, or is packed badly.
    """
    taken = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(_within_bounds(file), start=1):
                if line.strip():
                    read = _line_topic(line, number)
                    taken += isinstance(read, Document)
                    yield read
    except (OSError, EOFError):
        raise RefusedError("it is packed badly or cut off; copy it again") from None
    if not taken:
        raise RefusedError("no line of it holds a topic; each must be a JSON object with title and text")


def _within_bounds(file: Iterable[bytes]) -> Iterator[bytes]:
    total = 0
    for line in file:
        total += len(line)
        if len(line) > _LONGEST_LINE or total > MOST_BYTES_UNPACKED:
            raise RefusedError("it is far larger unpacked than any list of topics; split it")
        yield line


def _line_topic(line: bytes, number: int) -> Read:
    name = f"line {number}"
    try:
        loaded = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return RefusedDocument(name, "it is not UTF-8; save the file as UTF-8")
    except (ValueError, RecursionError):
        return RefusedDocument(name, "it is not JSON; write one JSON object a line")
    title, text = _words(loaded, "title"), _words(loaded, "text")
    if not title or not text:
        return RefusedDocument(name, "it needs the fields title and text")
    # Pieces of a topic may overlap: a line that came before says nothing new.
    blocks = blocks_of_lines(_without_repeats(text.split("\n")))
    if not blocks:
        return RefusedDocument(title, "its text has no words")
    url = _address(_words(loaded, "url"))
    of_medlineplus = url.startswith(_HOST)
    synonyms = loaded.get("also_called") or loaded.get("synonyms") or []
    return Document(
        key=_words(loaded, "id") or title,
        title=title,
        blocks=blocks,
        url=url,
        synonyms=tuple(clean(name) for name in synonyms if isinstance(name, str)) if isinstance(synonyms, list) else (),
        language=_language(_words(loaded, "language")),
        publisher=_words(loaded, "publisher") or (PUBLISHER if of_medlineplus else None),
        licence=_words(loaded, "licence") or (LICENCE if of_medlineplus else None),
    )


def _without_repeats(lines: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for line in lines:
        folded = " ".join(line.split()).casefold()
        if not folded or folded not in seen:
            yield line
        seen.add(folded)


def _words(loaded: Any, name: str) -> str:
    value = loaded.get(name) if isinstance(loaded, dict) else None
    if not isinstance(value, str):
        return ""
    return value.strip() if name == "text" else clean(value)


def _language(name: str | None) -> str | None:
    if not name:
        return None
    return _LANGUAGES.get(name.casefold(), name.lower() if len(name) <= 8 else None)


def _address(url: str) -> str:
    return url.strip() if url.strip().startswith("https://") else ""


def _us_date(text: str) -> dt.date | None:
    """Return the day of "01/31/2024 02:30:37" or "01/31/2024"."""
    try:
        month, day, year = text.split()[0].split("/")
        return dt.date(int(year), int(month), int(day))
    except (ValueError, IndexError):
        return None
