"""Finds the other names of a subject where a document tells them itself.

Beside the passages: a patient may ask for "MS" or for "kidney failure", and the title says it otherwise.
"""

from __future__ import annotations

import re

from actions.answering.importing.document import BlockKind, Document, clean

_OPENING_BLOCKS = 3
_IN_BRACKETS = re.compile(r"\(([^()]{2,40})\)")
_ALSO_CALLED = re.compile(
    r"\b(?:also|sometimes) (?:called|known as)|\balso referred to as"
    r"|\btambién (?:se (?:le )?)?(?:llamad[oa]|conocid[oa] como|llama)",
    re.IGNORECASE,
)
_NAME_END = re.compile(r"[,.;:()–—]|\b(?:is|are|was|were|that|which|es|son|que|and is)\b", re.IGNORECASE)
_BETWEEN = re.compile(r"\s+(?:or|o)\s+", re.IGNORECASE)
_BEGINS = re.compile(r"^(?:the|an?|la|el|los|las)\s+", re.IGNORECASE)
_MOST_WORDS = 5


def other_names(document: Document) -> tuple[str, ...]:
    """Return the names that the title or the first sentences give the subject beside its title."""
    names = list(_of_title(document.title))
    opening = [block.text for block in document.blocks if block.kind is BlockKind.PARAGRAPH][:_OPENING_BLOCKS]
    if opening:
        names += _abbreviations(document.title, opening[0])
        for text in opening:
            names += _called(document.title, text)
    own = document.title.casefold()
    return tuple(dict.fromkeys(name for name in names if name.casefold() != own))


def _of_title(title: str) -> list[str]:
    """Return both parts of "Alcohol Use Disorder (AUD)"."""
    inside = [clean(found) for found in _IN_BRACKETS.findall(title)]
    return [clean(_IN_BRACKETS.sub(" ", title)), *inside] if inside else []


def _abbreviations(title: str, text: str) -> list[str]:
    """Return the "MS" of "Multiple sclerosis (MS) is a disease"."""
    found = re.match(rf"(?:the |an? |la |el )?{re.escape(title)}s?\s*\(([A-Za-z][\w-]{{1,9}})\)", text, re.IGNORECASE)
    return [found[1]] if found is not None else []


def _called(title: str, text: str) -> list[str]:
    """Return what the sentence that names the title says it is also called."""
    names: list[str] = []
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        found = _ALSO_CALLED.search(sentence)
        # "Low bone mass is also called..." names something else than "Bone mass".
        if found is None or not _BEGINS.sub("", sentence).casefold().startswith(title.casefold()):
            continue
        end = _NAME_END.search(sentence, found.end())
        told = sentence[found.end() : end.start() if end is not None else None]
        for name in _BETWEEN.split(told):
            bare = _BEGINS.sub("", clean(name).strip("\"“”' "))
            if bare and len(bare) > 2 and len(bare.split()) <= _MOST_WORDS:
                names.append(bare)
    return names
