"""Reads DOCX leaflets: headings and lists by their styles, tables row by row, in the order of the page.

Among the readers. Hidden text is left out, for no reader of the leaflet sees it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import docx
from docx.document import Document as DocxDocument
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from docx.text.paragraph import Paragraph

from actions.answering.importing.document import Block, BlockKind, Document, RefusedError, block, clean

_MOST_BYTES_UNPACKED = 200_000_000
_ENCRYPTED = b"\xd0\xcf\x11\xe0"
"""How an encrypted DOCX and an old DOC begin: both are OLE containers."""


def read_docx(path: Path) -> Document:
    """Return the leaflet as a document.

    Raises:
        RefusedError: It is no DOCX, encrypted, broken, or holds no words.
    """
    with path.open("rb") as file:
        if file.read(4) == _ENCRYPTED:
            raise RefusedError("it is encrypted or an old DOC; save it as DOCX without a password")
    try:
        with ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > _MOST_BYTES_UNPACKED:
                raise RefusedError("it is far larger unpacked than a leaflet; take the pictures out")
        opened = docx.Document(str(path))
        blocks = tuple(_blocks(opened))
        title, written_on = clean(opened.core_properties.title or ""), _date(opened)
    except (BadZipFile, PackageNotFoundError, KeyError, ValueError) as error:
        raise RefusedError(f"it is broken or no DOCX ({type(error).__name__}); save it as DOCX again") from None
    if not blocks:
        raise RefusedError("it holds no words, perhaps only pictures; write the text into it")
    heading = blocks[0].text if blocks[0].kind is BlockKind.HEADING else ""
    return Document("", heading or title or path.stem, blocks, written_on=written_on)


def _blocks(opened: DocxDocument) -> Iterator[Block]:
    for part in opened.iter_inner_content():
        if isinstance(part, Table):
            for row in part.rows:
                cells = list(dict.fromkeys(clean(cell.text) for cell in row.cells))
                if (found := block(BlockKind.ITEM, ": ".join(cell for cell in cells if cell))) is not None:
                    yield found
        elif (found := block(_kind(part), _seen(part))) is not None:
            yield found


def _kind(paragraph: Paragraph) -> BlockKind:
    style = (paragraph.style.name or "").lower() if paragraph.style is not None else ""
    if style.startswith(("heading", "title", "subtitle", "título", "titulo")):
        return BlockKind.HEADING
    numbered = paragraph._p.pPr is not None and paragraph._p.pPr.numPr is not None
    return BlockKind.ITEM if numbered or style.startswith(("list", "lista")) else BlockKind.PARAGRAPH


def _seen(paragraph: Paragraph) -> str:
    return "".join(
        run.text
        for part in paragraph.iter_inner_content()
        for run in (part.runs if hasattr(part, "runs") else [part])
        if not run.font.hidden
    )


def _date(opened: DocxDocument) -> dt.date | None:
    made = opened.core_properties.modified or opened.core_properties.created
    return made.date() if made is not None else None
