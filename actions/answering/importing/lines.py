"""Finds headings, paragraphs and lists in plain lines, for formats that have lost them.

Among the readers. It errs towards paragraphs: a heading taken for a sentence does less harm than the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from actions.answering.importing.document import Block, BlockKind, block

_BULLET = re.compile(r"\s*(?:[•●○▪■‣◦·∙*–—\uf0b7\uf0a7-]|o(?=\s{1,4}[A-ZÁÉÍÓÚÑ])|\(?\d{1,2}[.)])\s+(?P<text>\S.*)")
_ENDS_A_SENTENCE = re.compile(r"[.!?…][\"”’)\]]*\s*$")
_SENTENCE_INSIDE = re.compile(r"[.!?]\s+[A-ZÁÉÍÓÚÑ¿¡]")
_BROKEN_WORD = re.compile(r"[^\W\d_]-$")
_LONGEST_HEADING = 10
_LONGEST_QUESTION = 16
_LONGEST_ITEM = 45
_LONGEST_INNER_INTRO = 7
_SHORTEST_SENTENCE = 7
_BEGINS_A_SENTENCE = frozenset(
    {"you", "your", "it", "its", "they", "this", "these", "those", "there", "the", "a", "an", "some", "most", "many",
     "people", "if", "when", "but", "and", "or", "in", "for", "other", "also", "however", "usted", "su", "sus", "esto",
     "estos", "estas", "hay", "el", "la", "los", "las", "un", "una", "algunos", "algunas", "muchas", "muchos", "si",
     "cuando", "pero", "y", "o", "en", "para", "también", "además"}
)  # fmt: skip
"""Words that begin a sentence and never an order."""


def blocks_of_lines(lines: Iterable[str]) -> tuple[Block, ...]:
    """Return the blocks of a text in which every paragraph is one line, and list items stand below a colon."""
    return tuple(_blocks(list(lines)))


def _blocks(lines: Sequence[str]) -> Iterator[Block]:
    in_list = bare_items = False
    last = max((place for place, line in enumerate(lines) if line.strip()), default=-1)
    for place, line in enumerate(lines):
        text = line.strip()
        bullet = _BULLET.match(line)
        if not text:
            # A list may begin after an empty line; once it has begun, an empty line ends it.
            in_list = in_list and _ends_with_colon(lines, place)
            continue
        if bullet is not None:
            kind, text = BlockKind.ITEM, bullet["text"]
        elif _is_question(text):
            kind, in_list = BlockKind.HEADING, False
        elif text.endswith(":"):
            # "Staying away from:" within a list introduces more of the same list.
            within = in_list and len(text.split()) <= _LONGEST_INNER_INTRO and _SENTENCE_INSIDE.search(text) is None
            kind, in_list = BlockKind.ITEM if within else BlockKind.PARAGRAPH, True
        elif in_list and _is_item(text) and not (bare_items and _is_whole_sentence(text)):
            kind = BlockKind.ITEM
        else:
            in_list = False
            kind = BlockKind.HEADING if place < last and _is_heading(text) else BlockKind.PARAGRAPH
        # Where the first item is no sentence, a whole sentence after it is none of the list.
        if kind is BlockKind.PARAGRAPH:
            bare_items = False
        elif kind is BlockKind.ITEM and not text.endswith(":"):
            bare_items = bare_items or not _ENDS_A_SENTENCE.search(text)
        if (found := block(kind, text)) is not None:
            yield found


def _ends_with_colon(lines: Sequence[str], place: int) -> bool:
    before = next((line.strip() for line in reversed(lines[:place]) if line.strip()), "")
    return before.endswith(":")


def _is_question(text: str) -> bool:
    return text.endswith("?") and len(text.split()) <= _LONGEST_QUESTION and _SENTENCE_INSIDE.search(text) is None


def _is_item(text: str) -> bool:
    return len(text.split()) <= _LONGEST_ITEM


def _is_whole_sentence(text: str) -> bool:
    """Return whether a line is plainly no item; cut off from "You may get it if you:", "Take much." is an order."""
    return (
        len(text.split()) >= _SHORTEST_SENTENCE
        and _ENDS_A_SENTENCE.search(text) is not None
        and text.split()[0].casefold().strip(",") in _BEGINS_A_SENTENCE
    )


def _is_heading(text: str) -> bool:
    return len(text.split()) <= _LONGEST_HEADING and not _ENDS_A_SENTENCE.search(text) and text[-1] not in ",;:"


def unwrapped(lines: Iterable[str]) -> list[str]:
    """Return the lines with those joined that a page broke, so that a paragraph is one line."""
    given = [line.rstrip() for line in lines]
    widest = max((len(line) for line in given), default=0)
    joined: list[str] = []
    open_line = False
    for line in given:
        text = line.strip()
        if not text:
            open_line = False
            joined.append("")
        elif open_line and _BULLET.match(line) is None:
            joined[-1] = joined[-1][:-1] + text if _BROKEN_WORD.search(joined[-1]) else f"{joined[-1]} {text}"
            open_line = not _closes(text, widest)
        else:
            joined.append(text)
            open_line = not _closes(text, widest)
    return joined


def _closes(text: str, widest: int) -> bool:
    """Return whether a line ends its paragraph: it ends a sentence or a clause before a list, or is much shorter."""
    if text.endswith((":", "?")) and len(text) < 0.9 * widest:
        return True
    return len(text) < 0.6 * widest
