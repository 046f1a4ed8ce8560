"""Reads Markdown and plain text leaflets, with front matter where there is one.

Among the readers. Links, emphasis and code lose their marks and keep their words; pictures and raw HTML are left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from actions.answering.importing.decode import decoded
from actions.answering.importing.document import Block, BlockKind, Document, RefusedError, block, clean
from actions.answering.importing.lines import blocks_of_lines, unwrapped
from careguard.errors import DataFileError
from careguard.strict_yaml import parse_yaml

_FENCE = "---"


def read_markdown(path: Path) -> Document:
    """Return the leaflet as a document.

    Raises:
        RefusedError: It is not text, its front matter is broken, or it holds no words.
    """
    front, body = _split(decoded(path), path)
    blocks = tuple(_blocks(MarkdownIt("commonmark").enable("table").parse(body)))
    return _document(path, front, blocks)


def read_text(path: Path) -> Document:
    """Return a plain text as a document; its first line is its title where it looks like one.

    Raises:
        RefusedError: It is not text or holds no words.
    """
    return _document(path, {}, blocks_of_lines(unwrapped(decoded(path).splitlines())))


def _document(path: Path, front: dict[str, Any], blocks: tuple[Block, ...]) -> Document:
    if not blocks:
        raise RefusedError("it holds no words; write the leaflet's text into it")
    first = blocks[0].text if blocks[0].kind is BlockKind.HEADING else ""
    synonyms = front.get("synonyms") or front.get("also_called") or []
    return Document(
        key="",
        title=_text(front, "title") or first or _title_of(path),
        blocks=blocks,
        url=url if (url := _text(front, "url")).startswith("https://") else "",
        synonyms=tuple(clean(str(name)) for name in synonyms) if isinstance(synonyms, list) else (),
        language=_text(front, "language") or None,
        publisher=_text(front, "publisher") or None,
        licence=_text(front, "licence") or _text(front, "license") or None,
        written_on=next((front[k] for k in ("updated", "date", "written_on") if _is_date(front.get(k))), None),
    )


def _title_of(path: Path) -> str:
    words = path.stem.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def _is_date(value: Any) -> bool:
    return isinstance(value, dt.date) and not isinstance(value, dt.datetime)


def _text(front: dict[str, Any], key: str) -> str:
    value = front.get(key)
    return clean(value) if isinstance(value, str) else ""


def _split(text: str, path: Path) -> tuple[dict[str, Any], str]:
    lines = text.split("\n")
    if lines[0].strip() != _FENCE:
        return {}, text
    end = next((number for number, line in enumerate(lines[1:], start=1) if line.strip() == _FENCE), None)
    if end is None:
        return {}, text
    try:
        loaded = parse_yaml("\n".join(lines[1:end]), path, first_line=2)
    except DataFileError as error:
        raise RefusedError(f"its front matter is broken: {error.problem}") from None
    return (loaded if isinstance(loaded, dict) else {}), "\n".join(lines[end + 1 :])


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    kind = BlockKind.PARAGRAPH
    depth = 0
    for token in tokens:
        if token.type == "list_item_open":
            depth += 1
        elif token.type == "list_item_close":
            depth -= 1
        elif token.type == "heading_open":
            kind = BlockKind.HEADING
        elif token.type in {"heading_close", "paragraph_open"}:
            kind = BlockKind.ITEM if depth else BlockKind.PARAGRAPH
        elif token.type == "inline" and (found := block(kind, _words(token))) is not None:
            yield found


def _words(inline: Token) -> str:
    kept = []
    for child in inline.children or []:
        if child.type in {"text", "code_inline"}:
            kept.append(child.content)
        elif child.type in {"softbreak", "hardbreak"}:
            kept.append(" ")
    # An anchor like {#in_short} is for tools, not for readers.
    text = "".join(kept).strip()
    return text[: text.rindex("{#")] if text.endswith("}") and "{#" in text else text
