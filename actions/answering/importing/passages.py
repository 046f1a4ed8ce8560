"""Cuts a document into passages of one or two sentences that stand alone, each in a section of a topic.

Between documents and the guard. A list goes with the words that introduce it; a sentence that leans on the one before
("It also...") stays with it; the section follows from the heading or, where there is none, from what is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from actions.answering.importing.document import Block, BlockKind, Document
from actions.answering.importing.sentences import sentences_of
from actions.answering.question import Aspect, QuestionWords
from careguard.stems import fold, words

LONGEST_WORDS = 58
"""Words of a passage; review lets no sentence through that is longer than 60."""
_COMFORTABLE_WORDS = 40
_SHORTEST_WORDS = 4
_MOST_SENTENCES = 3
_FIRST_IN_SHORT = 3
"""Passages at the beginning that make the summary; sources write what matters most first."""

_LEANING = {
    "en": ("it", "its", "they", "their", "them", "this", "these", "those", "that", "he", "she", "his", "her", "such",
           "but", "and", "or", "so", "however", "also", "then", "otherwise", "instead", "other", "others", "some",
           "most", "both", "another", "for example", "for instance", "in addition", "as a result", "in this case",
           "in these cases", "in some cases", "if so", "if not"),
    "es": ("esto", "este", "esta", "estos", "estas", "eso", "ese", "esa", "esos", "esas", "ello", "ellos", "ellas",
           "él", "ella", "su", "sus", "pero", "y", "o", "además", "también", "sin embargo", "por ejemplo", "otros",
           "otras", "algunos", "algunas", "ambos", "entonces", "en estos casos", "si es así", "lo", "la mayoría"),
}  # fmt: skip
"""How a sentence begins that is not understood without the one before it."""

_SECTION = {
    Aspect.MEANING: "what_it_is",
    Aspect.SIGNS: "what_it_is",
    Aspect.CAUSE: "what_it_is",
    Aspect.HARM: "what_it_is",
    Aspect.OUTLOOK: "what_it_is",
    Aspect.AMOUNT: "what_it_is",
    Aspect.SELF_CARE: "what_you_can_do",
    Aspect.PREVENTION: "what_you_can_do",
    Aspect.TREATMENT: "what_doctors_may_do",
    Aspect.TEST: "what_doctors_may_do",
    Aspect.DANGER: "see_someone",
    Aspect.ASK_DOCTOR: "questions_to_ask",
}
_ADVISING = frozenset({"what_you_can_do", "what_doctors_may_do", "see_someone", "get_help_now", "questions_to_ask"})
"""Sections in which a sentence that orders something is meant as it stands."""
_EMERGENCY = {
    "en": re.compile(
        r"\{emergency_number\}|\bemergency (?:help|care|room)\b"
        r"|\b(?:get|seek) (?:medical |emergency )*(?:help|care) (?:immediately|right away|at once)"
    ),
    "es": re.compile(
        r"\{emergency_number\}|\bsala de emergencias\b|\burgencias\b"
        r"|\b(?:atencion|ayuda) medica (?:inmediata|de inmediato|urgente)"
    ),
}
_TO_A_PERSON = {
    "en": re.compile(
        r"\b(?:call|contact|see|talk to|ask|tell) (?:your|a|the) "
        r"(?:doctor|nurse|provider|health care provider|pharmacist|midwife|clinic)"
    ),
    "es": re.compile(
        r"\b(?:llame|consulte|hable|pregunte|acuda|vaya|avise)\b.{0,12}"
        r"\b(?:medic[oa]|doctor|doctora|enfermer[oa]|farmaceutic[oa]|proveedor|clinica)"
    ),
}


_ORDERS = {
    "en": frozenset(
        {"take", "eat", "drink", "have", "use", "smoke", "get", "do", "stop", "avoid", "are", "be", "go", "give",
         "keep", "make", "put", "start", "try", "add"}
    ),
    "es": frozenset(
        {"tome", "coma", "beba", "tenga", "use", "fume", "haga", "deje", "evite", "sea", "vaya", "mantenga",
         "ponga", "empiece", "pruebe"}
    ),
}  # fmt: skip
"""How a sentence begins that orders something, or that is what is left of an item of a list."""


@dataclass(frozen=True, slots=True)
class CutPassage:
    """One passage before it is guarded and numbered."""

    section: str
    text: str
    heading: str = ""


@dataclass(slots=True)
class Cut:
    """What a document was cut into, and what was left over."""

    passages: list[CutPassage] = field(default_factory=list)
    fragments: int = 0
    """Pieces without a sentence, such as a credit line."""
    too_long: int = 0
    """Sentences and lists that are longer than a patient reads at once."""


def cut(document: Document, language: str, asked: QuestionWords) -> Cut:
    """Return the passages of the document in its order."""
    made = Cut()
    for heading, blocks in _parts(document):
        section = _section_of(heading, asked) if heading else None
        for text in _texts(heading, section, blocks, language, made):
            if heading and section not in _ADVISING and _is_order(text, language):
                # Below "Who is at risk?" it is no advice but an item that has lost its list.
                made.fragments += 1
                continue
            made.passages.append(CutPassage(section or "", text, heading))
    made.passages = [
        replace(found, section=_section(place, found, language, asked))
        for place, found in enumerate(_once(made.passages))
    ]
    return made


def _is_order(text: str, language: str) -> bool:
    return words(text)[0] in _ORDERS.get(language.partition("-")[0], ())


def _once(found: Sequence[CutPassage]) -> list[CutPassage]:
    return list({" ".join(words(passage.text)): passage for passage in reversed(found)}.values())[::-1]


def _parts(document: Document) -> Iterator[tuple[str, list[Block]]]:
    heading, blocks = "", list[Block]()
    for found in document.blocks:
        if found.kind is BlockKind.HEADING:
            if blocks:
                yield heading, blocks
            # The title again is no heading of its own.
            heading, blocks = "" if words(found.text) == words(document.title) else found.text, []
        else:
            blocks.append(found)
    if blocks:
        yield heading, blocks


def _texts(heading: str, section: str | None, blocks: Sequence[Block], language: str, made: Cut) -> Iterator[str]:
    place = 0
    while place < len(blocks):
        items = _items_after(blocks, place + 1)
        current = blocks[place]
        if current.kind is BlockKind.PARAGRAPH:
            *before, intro = sentences_of(current.text, language) or [""]
            if items and (intro.endswith(":") or not before):
                yield from _grouped(before, language, made)
                yield from _listed(intro, items, made)
                place += 1 + len(items)
                continue
            yield from _grouped([*before, intro], language, made)
            place += 1
            continue
        own = [current.text, *items]
        # Below "What can I do?" an order is advice; below "Who is at risk?" it would be harmful without its heading.
        if any(_is_sentence(item) for item in own) and (not heading or section in _ADVISING):
            for item in own:
                yield from _grouped(sentences_of(item, language), language, made)
        else:
            closed = heading if heading.endswith("?") else f"{heading.rstrip(':')}:"
            yield from _listed(closed if heading else "", own, made)
        place += len(own)


def _items_after(blocks: Sequence[Block], start: int) -> list[str]:
    items: list[str] = []
    for found in blocks[start:]:
        if found.kind is not BlockKind.ITEM:
            break
        items.append(found.text)
    return items


def _is_sentence(text: str) -> bool:
    return text[-1] in ".!?" and len(words(text)) >= _SHORTEST_WORDS


def _grouped(found: Sequence[str], language: str, made: Cut) -> Iterator[str]:
    """Yield the sentences, those that lean on the one before it joined to it."""
    group: list[str] = []
    for sentence in found:
        length = _length([*group, sentence])
        leans = bool(group) and _leans(sentence, language)
        if group and not (leans and len(group) < _MOST_SENTENCES and length <= _COMFORTABLE_WORDS):
            yield from _if_fitting(" ".join(group), made)
            group = []
        group.append(sentence)
    if group:
        yield from _if_fitting(" ".join(group), made)


def _leans(sentence: str, language: str) -> bool:
    opening = " ".join(words(sentence)[:3])
    return any(f"{opening} ".startswith(f"{fold(cue)} ") for cue in _LEANING.get(language.partition("-")[0], ()))


def _listed(intro: str, items: Sequence[str], made: Cut) -> Iterator[str]:
    """Yield the list in pieces that can be read at once, each after the words that introduce it."""
    opening = f"{intro} " if intro else ""
    piece: list[str] = []
    for entry in _entries(items, made):
        if piece and _length([opening, *piece, entry]) > _COMFORTABLE_WORDS:
            yield from _if_fitting(f"{opening}{'; '.join(piece)}.", made)
            piece = []
        piece.append(entry)
    if piece:
        yield from _if_fitting(f"{opening}{'; '.join(piece)}.", made)


def _entries(items: Sequence[str], made: Cut) -> Iterator[str]:
    """Yield the entries of a list; what an entry introduces stays one entry with it ("Stay away from: a, b")."""
    inner, below = "", list[str]()
    for item in items:
        if inner and (item.endswith(":") or _is_parallel(inner, item)):
            yield from _inner_entry(inner, below, made)
            inner, below = "", []
        if item.endswith(":"):
            inner = item
        elif inner:
            below.append(item.rstrip(".;, "))
        else:
            yield item.rstrip(".;, ")
    yield from _inner_entry(inner, below, made)


def _inner_entry(inner: str, below: Sequence[str], made: Cut) -> Iterator[str]:
    if below:
        yield f"{inner} {', '.join(below)}"
    elif inner:
        whole = _without_open_end(inner).rstrip(".;, ")
        made.fragments += not whole
        yield from [whole] if whole else []


def _is_parallel(one: str, other: str) -> bool:
    """Return whether two entries begin alike ("Staying", "Keeping"), so that they stand on one level."""
    first, second = one.split()[0].casefold(), other.split()[0].casefold()
    return first == second or (first.endswith("ing") and second.endswith("ing"))


def _without_open_end(text: str) -> str:
    """Return the text without a last sentence that introduces something which does not follow."""
    if not text.endswith(":"):
        return text
    return text[: max(text.rfind(mark) + 1 for mark in ".!?")]


def _if_fitting(text: str, made: Cut) -> Iterator[str]:
    text = _without_open_end(text)
    length = _length([text])
    if length < _SHORTEST_WORDS or not any(mark in text for mark in ".!?"):
        made.fragments += 1
    elif length > LONGEST_WORDS:
        made.too_long += 1
    else:
        yield text


def _length(texts: Sequence[str]) -> int:
    return sum(len(words(text)) for text in texts)


def _section_of(heading: str, asked: QuestionWords) -> str | None:
    aspects = asked.aspects_of(heading)
    return _SECTION[aspects[0]] if aspects else None


def _section(place: int, found: CutPassage, language: str, asked: QuestionWords) -> str:
    """Return where the passage belongs: danger before all else, then its heading, then its place and its words."""
    primary = language.partition("-")[0]
    folded = fold(found.text)
    if primary in _EMERGENCY and _EMERGENCY[primary].search(folded):
        return "get_help_now"
    if place < _FIRST_IN_SHORT and found.section in ("", "what_it_is"):
        return "in_short"
    if found.section:
        return found.section
    if primary in _TO_A_PERSON and _TO_A_PERSON[primary].search(folded):
        return "see_someone"
    for aspect in (Aspect.TREATMENT, Aspect.PREVENTION):
        told = asked.aspects[aspect].told
        if told is not None and told.search(folded):
            return _SECTION[aspect]
    return "what_it_is"
