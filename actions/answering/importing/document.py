"""What every reader makes of a file: documents of headings, paragraphs and list items, or a refusal in words.

Between the readers of the formats and the passages. Nothing here depends on a format.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class BlockKind(StrEnum):
    """What a block is in its document."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"


@dataclass(frozen=True, slots=True)
class Block:
    """One heading, paragraph or list item, its spaces collapsed."""

    kind: BlockKind
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """One text about one subject, as it stands in a file."""

    key: str
    """What tells it from the other documents of its file; empty when it is the only one."""
    title: str
    blocks: tuple[Block, ...]
    url: str = ""
    synonyms: tuple[str, ...] = ()
    language: str | None = None
    publisher: str | None = None
    licence: str | None = None
    written_on: dt.date | None = None


class RefusedError(Exception):
    """A file or a document cannot be taken; the message is one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class RefusedDocument:
    """One document of a file that holds several, refused by itself."""

    key: str
    problem: str


Read = Document | RefusedDocument


def block(kind: BlockKind, text: str) -> Block | None:
    """Return the block with its spaces collapsed, None when it holds no letter or digit."""
    collapsed = clean(text)
    return Block(kind, collapsed) if any(char.isalnum() for char in collapsed) else None


_INVISIBLE = dict.fromkeys(
    [
        *range(0x00, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F, 0xAD, *range(0x200B, 0x2010),
        *range(0x202A, 0x202F), *range(0x2060, 0x2065), *range(0x2066, 0x206A), 0xFEFF, *range(0xE0000, 0xE0080),
    ]
)  # fmt: skip
"""Control, soft-hyphen, direction and tag characters: nobody sees them, and an instruction can hide in them."""


def clean(text: str) -> str:
    """Return the text without invisible characters, its spaces collapsed."""
    return " ".join(text.translate(_INVISIBLE).split())
