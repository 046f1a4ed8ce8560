"""Reads questions and answers from CSV: each row becomes a topic that is found by its question.

Among the readers. The first line names the columns; the names may be English or Spanish.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from actions.answering.importing.decode import decoded
from actions.answering.importing.document import Block, BlockKind, Document, Read, RefusedDocument, RefusedError, clean
from actions.answering.importing.lines import blocks_of_lines

_COLUMNS = {
    "question": ("question", "questions", "q", "pregunta", "preguntas"),
    "answer": ("answer", "answers", "a", "response", "respuesta", "respuestas"),
    "title": ("title", "topic", "titulo", "título", "tema"),
    "url": ("url", "link", "source_url", "enlace"),
    "language": ("language", "lang", "idioma"),
    "publisher": ("publisher", "source", "fuente", "editor"),
    "also": ("also_asked", "also", "synonyms", "otras_preguntas"),
}
_MOST_ROWS = 50_000


def read_questions(path: Path) -> Iterator[Read]:
    """Yield each row as a document.

    Raises:
        RefusedError: It is not CSV with a column of questions and one of answers.
    """
    text = decoded(path)
    try:
        dialect = csv.Sniffer().sniff(text[:8_192].split("\n")[0], delimiters=",;\t|")
        delimiter = dialect.delimiter
    except csv.Error:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = _columns(next(rows, []))
        if "question" not in columns or "answer" not in columns:
            raise RefusedError("its first line must name the columns question and answer; add that line")
        for number, row in enumerate(rows, start=2):
            if number > _MOST_ROWS:
                raise RefusedError(f"it has more than {_MOST_ROWS} rows; split it")
            if any(cell.strip() for cell in row):
                yield _row(row, columns, number)
    except csv.Error as error:
        raise RefusedError(f"line {rows.line_num} is not CSV ({error}); save the table as CSV again") from None


def _columns(header: list[str]) -> dict[str, int]:
    named = {clean(cell).casefold().replace(" ", "_"): place for place, cell in enumerate(header)}
    return {meaning: named[name] for meaning, names in _COLUMNS.items() for name in reversed(names) if name in named}


def _row(row: list[str], columns: Mapping[str, int], number: int) -> Read:
    def cell(name: str) -> str:
        place = columns.get(name)
        return row[place].strip() if place is not None and place < len(row) else ""

    question, answer = clean(cell("question")), cell("answer")
    if not question or not answer:
        return RefusedDocument(f"line {number}", "it lacks a question or an answer; write both")
    blocks: tuple[Block, ...] = blocks_of_lines(answer.splitlines())
    if not blocks:
        return RefusedDocument(f"line {number}", "its answer has no words")
    # A short answer may look like a heading; here it is one sentence of the answer.
    blocks = tuple(Block(BlockKind.PARAGRAPH, b.text) if b.kind is BlockKind.HEADING else b for b in blocks)
    return Document(
        key=question.casefold(),
        title=question,
        blocks=blocks,
        url=cell("url") if cell("url").startswith("https://") else "",
        synonyms=tuple(clean(also) for also in cell("also").split("|") if clean(also)),
        language=clean(cell("language")).lower() or None,
        publisher=clean(cell("publisher")) or None,
    )
