"""Reads the bytes of a text file as UTF-8, or says what they are instead.

Among the readers.
"""

from __future__ import annotations

from pathlib import Path

from actions.answering.importing.document import RefusedError


def decoded(path: Path) -> str:
    """Return the text of the file.

    Raises:
        RefusedError: It is empty, binary or not UTF-8.
    """
    content = path.read_bytes()
    if not content.strip():
        raise RefusedError("it is empty; remove it or write into it")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RefusedError("it is UTF-16; save it as UTF-8")
    if b"\0" in content:
        raise RefusedError("it is binary, not text; export it as PDF, DOCX, HTML or Markdown")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError(f"byte {error.start} is not UTF-8; save the file as UTF-8") from None
