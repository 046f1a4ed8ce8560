"""Finds the files of a source and gives each to the reader of its format; whatever breaks there becomes a refusal.

Before the readers. A file is known by its ending; a folder is read with everything below it, in the order of names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from actions.answering.importing.document import Document, Read, RefusedError
from actions.answering.importing.errors import ContentError
from actions.answering.importing.read_csv import read_questions
from actions.answering.importing.read_docx import read_docx
from actions.answering.importing.read_html import read_html
from actions.answering.importing.read_markdown import read_markdown, read_text
from actions.answering.importing.read_medlineplus import is_medlineplus_xml, read_medlineplus_xml, read_topic_lines
from actions.answering.importing.read_pdf import read_pdf
from careguard.stems import fold

_MEGABYTE = 1_000_000
_LARGEST = {".xml": 300 * _MEGABYTE, ".jsonl": 300 * _MEGABYTE, ".jsonl.gz": 100 * _MEGABYTE, ".pdf": 60 * _MEGABYTE,
            ".docx": 40 * _MEGABYTE}  # fmt: skip
_LARGEST_TEXT = 8 * _MEGABYTE
_ABOUT_THE_FOLDER = frozenset({"readme", "source", "license", "licence", "copying", "notice", "changelog"})
_LOOK_ALIKES = {
    ".doc": "save it as DOCX", ".odt": "save it as DOCX", ".rtf": "save it as DOCX", ".pages": "export it as PDF",
    ".ppt": "export it as PDF", ".pptx": "export it as PDF", ".xls": "save it as CSV", ".xlsx": "save it as CSV",
    ".ods": "save it as CSV", ".epub": "export it as HTML", ".json": "write one JSON object a line into a .jsonl file",
}  # fmt: skip
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".svg", ".heic"})
MEDLINEPLUS = "medlineplus"
"""The name of the collection of MedlinePlus topics, whatever their file is called."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source."""

    path: Path
    file: str
    """Its path below the source, as it is reported and kept."""

    @property
    def ending(self) -> str:
        """Return the ending that says its format."""
        name = self.path.name.lower()
        return ".jsonl.gz" if name.endswith(".jsonl.gz") else self.path.suffix.lower()

    @property
    def says_its_languages(self) -> bool:
        """Return whether its documents say their languages reliably themselves."""
        return self.ending in {".xml", ".jsonl", ".jsonl.gz"}


def source_files(path: Path) -> list[SourceFile]:
    """Return the files of a folder, or the one file.

    Raises:
        ContentError: There is nothing at the path, or nothing in it.
    """
    if path.is_file():
        return [SourceFile(path, path.name)]
    if not path.is_dir():
        raise ContentError(f"There is nothing at {path}: name a file or a folder.")
    inside = path.resolve()
    found = [
        SourceFile(each, each.relative_to(path).as_posix())
        for each in sorted(path.rglob("*"))
        if each.is_file()
        and not any(part.startswith((".", "~$")) for part in each.relative_to(path).parts)
        and each.resolve().is_relative_to(inside)  # a link that leads out of the folder is none of its files
    ]
    if not found:
        raise ContentError(f"There is no file in {path}: name a folder with Markdown, HTML, PDF, DOCX or CSV files.")
    return found


def is_about_the_folder(file: SourceFile) -> bool:
    """Return whether the file tells of the folder, not of health: a README or a licence."""
    return file.path.stem.lower() in _ABOUT_THE_FOLDER and file.ending in {".md", ".txt", ""}


def collection_name(path: Path) -> str:
    """Return the name of the collection that a source makes."""
    file = SourceFile(path, path.name)
    if path.is_file() and (_is_xml(file) or _has_medlineplus_lines(file)):
        return MEDLINEPLUS
    stem = path.name if path.is_dir() else path.name[: -len(file.ending)] if file.ending else path.name
    return slug(stem)[:40].rstrip("_") or f"import_{hashlib.sha256(stem.encode()).hexdigest()[:8]}"


def slug(text: str) -> str:
    """Return the text as a part of an id: small ASCII letters, digits and underscores, a letter first."""
    folded = "".join(char if char.isascii() and char.isalnum() else "_" for char in fold(text))
    return "_".join(part for part in folded.split("_") if part).lstrip("0123456789_")


def sha256_of(path: Path) -> str:
    """Return the hash of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_file(file: SourceFile) -> list[Read]:
    """Return the documents of the file.

    Raises:
        RefusedError: Nothing can be taken from it; the sentence says why and what to do.
    """
    try:
        _check_size(file)
        return list(_reader(file)(file.path))
    except RefusedError:
        raise
    except PermissionError:
        raise RefusedError("this account may not read it; give it the right") from None
    except MemoryError:
        raise RefusedError("it needs more memory than there is; split it") from None
    except Exception as error:  # a reader of a foreign format may break in any way; the run goes on
        raise RefusedError(
            f"it cannot be read ({type(error).__name__}); open it and save it again, or export it as PDF"
        ) from None


def _check_size(file: SourceFile) -> None:
    size = file.path.stat().st_size
    largest = _LARGEST.get(file.ending, _LARGEST_TEXT)
    if size == 0:
        raise RefusedError("it is empty; remove it or write into it")
    if size > largest:
        raise RefusedError(
            f"it has {size / _MEGABYTE:.0f} MB, more than the {largest / _MEGABYTE:.0f} MB that can be read; split it"
        )


def _reader(file: SourceFile) -> Callable[[Path], Iterable[Read]]:
    if _is_xml(file):
        return read_medlineplus_xml
    readers: dict[str, Callable[[Path], Iterable[Read]]] = {
        ".jsonl": read_topic_lines,
        ".jsonl.gz": read_topic_lines,
        ".md": _one(read_markdown),
        ".markdown": _one(read_markdown),
        ".txt": _one(read_text),
        ".html": _one(read_html),
        ".htm": _one(read_html),
        ".xhtml": _one(read_html),
        ".pdf": _one(read_pdf),
        ".docx": _one(read_docx),
        ".csv": read_questions,
        ".tsv": read_questions,
    }
    reader = readers.get(file.ending)
    if reader is not None:
        return reader
    if file.ending == ".xml":
        raise RefusedError("it is XML, but not the health topics of MedlinePlus; export it as HTML")
    if file.ending in _PICTURES:
        raise RefusedError("it is a picture; type its text into a Markdown file, or make a PDF with text of it")
    remedy = _LOOK_ALIKES.get(file.ending, "save it as Markdown, HTML, PDF, DOCX or CSV")
    raise RefusedError(f"{file.ending or 'a file without an ending'} is no format that can be read; {remedy}")


def _one(read: Callable[[Path], Document]) -> Callable[[Path], Iterator[Read]]:
    def reader(path: Path) -> Iterator[Read]:
        yield read(path)

    return reader


def _is_xml(file: SourceFile) -> bool:
    return file.ending == ".xml" and is_medlineplus_xml(file.path)


def _has_medlineplus_lines(file: SourceFile) -> bool:
    if file.ending not in {".jsonl", ".jsonl.gz"}:
        return False
    try:
        first = next(iter(read_topic_lines(file.path)), None)
    except (RefusedError, OSError, json.JSONDecodeError):
        return False
    return isinstance(first, Document) and first.url.startswith("https://medlineplus.gov/")
