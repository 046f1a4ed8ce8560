"""Reads the text of a PDF leaflet, page by page.

Among the readers. What stands on most pages (a running head, a page number) is left out; a scan has no text and is
refused, for nobody may guess what a picture says.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections import Counter
from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from actions.answering.importing.document import BlockKind, Document, RefusedError, clean
from actions.answering.importing.lines import blocks_of_lines, unwrapped

MOST_PAGES = 300
_RUNNING_SHARE = 0.6
_PAGE_NUMBER = re.compile(r"(?:page|página|pág\.?)?\s*\d+(?:\s*(?:of|de|/)\s*\d+)?", re.IGNORECASE)
_FEWEST_LETTERS = 40
_UNREADABLE_SHARE = 0.2

# It warns of every small fault of a file, with pieces of it.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def read_pdf(path: Path) -> Document:
    """Return the leaflet as a document.

    Raises:
        RefusedError: It is no PDF, encrypted, broken, a scan, or too long.
    """
    with path.open("rb") as file:
        if b"%PDF-" not in file.read(1_024):
            raise RefusedError("it is not a PDF, whatever its name says; export it as PDF again")
        try:
            reader = PdfReader(file, strict=False)
            if reader.is_encrypted and not reader.decrypt(""):
                raise RefusedError("it is encrypted; save it without a password")
            if len(reader.pages) > MOST_PAGES:
                raise RefusedError(f"it has more than {MOST_PAGES} pages; import the chapters that patients need")
            pages = [(page.extract_text() or "").splitlines() for page in reader.pages]
            title, written_on = _title(reader), _date(reader)
        except (PyPdfError, RecursionError) as error:
            raise RefusedError(f"it is broken ({type(error).__name__}); export it as PDF again") from None
    lines = unwrapped(_without_running_lines(pages))
    letters = sum(char.isalpha() for line in lines for char in line)
    if letters < _FEWEST_LETTERS:
        raise RefusedError("it has no text, so it is probably a scan; run text recognition (OCR) over it")
    if sum(line.count("\ufffd") for line in lines) > _UNREADABLE_SHARE * letters:
        raise RefusedError("its fonts hide which letters they show; export it as PDF from the original document")
    blocks = blocks_of_lines(lines)
    heading = blocks[0].text if blocks and blocks[0].kind is BlockKind.HEADING else ""
    return Document("", title or heading or path.stem, blocks, written_on=written_on)


def _without_running_lines(pages: list[list[str]]) -> list[str]:
    seen = Counter(line.strip() for page in pages for line in {line.strip() for line in page} if line)
    running = {line for line, count in seen.items() if len(pages) > 2 and count >= _RUNNING_SHARE * len(pages)}
    return [
        line
        for page in pages
        for line in page
        if line.strip() not in running and not _PAGE_NUMBER.fullmatch(line.strip())
    ]


def _title(reader: PdfReader) -> str:
    title = clean(str((reader.metadata and reader.metadata.title) or ""))
    # Word processors write the name of a file here.
    return "" if re.search(r"\.\w{2,4}$|^untitled|^microsoft word", title, re.IGNORECASE) else title


def _date(reader: PdfReader) -> dt.date | None:
    try:
        made = reader.metadata and (reader.metadata.modification_date or reader.metadata.creation_date)
    except ValueError:
        return None
    return made.date() if made else None
