"""Turns what a patient typed into plain words, once, before any rule looks at it.

Stands first in screening. Every word remembers where it stood in the original text, so a verdict can point at it.
Accents, case, zero-width characters, look-alike letters, digits used as letters and stretched letters no longer matter.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

from careguard.disguises import hidden_texts

MAX_CHARACTERS = 20_000
"""Longer text is screened at its beginning and its end; the gateway refuses it long before."""

_ZERO_WIDTH = frozenset("\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\ufeff\ufe0f\u3164")
_APOSTROPHES = frozenset("'`´‘’‛ʼʹ′＇ˈ")
_LOOK_ALIKES = str.maketrans(
    {
        # Cyrillic
        "а": "a", "в": "b", "с": "c", "ԁ": "d", "е": "e", "һ": "h", "і": "i", "ј": "j", "к": "k", "ӏ": "l", "м": "m",
        "н": "h", "о": "o", "р": "p", "ԛ": "q", "ѕ": "s", "т": "t", "ц": "u", "ѵ": "v", "ԝ": "w", "х": "x", "у": "y",
        # Greek
        "α": "a", "β": "b", "ϲ": "c", "ε": "e", "η": "n", "ι": "i", "κ": "k", "μ": "m", "ν": "v", "ο": "o", "ρ": "p",
        "σ": "o", "τ": "t", "υ": "u", "χ": "x", "γ": "y", "ω": "w",
        # Latin letters that do not decompose
        "ı": "i", "ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ɑ": "a", "ɡ": "g", "ɩ": "i", "ʟ": "l", "ɴ": "n", "ʀ": "r",
        "ꜱ": "s", "ᴀ": "a", "ʙ": "b", "ᴄ": "c", "ᴅ": "d", "ᴇ": "e", "ɢ": "g", "ʜ": "h", "ɪ": "i", "ᴊ": "j", "ᴋ": "k",
        "ᴍ": "m", "ᴏ": "o", "ᴘ": "p", "ᴛ": "t", "ᴜ": "u", "ᴠ": "v", "ᴡ": "w", "ʏ": "y", "ᴢ": "z",
    }
)  # fmt: skip
_LEET = (
    str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i"}),
    str.maketrans({"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i"}),
)
_RUN = re.compile(
    r"(?P<measure>\d+(?:[.,]\d+)?[^\W\d_]{1,7}(?![\w@$]))"
    r"|(?P<number>\d+(?:[.,]\d+)?(?![^\W_]))"
    r"|(?P<word>[^\W_]+(?:['@$!][^\W_]+)*)"
    r"|(?P<pause>\.{2,}|…|[,:()\[\]{}/\"«»“”|&]|[-–—](?=\s)|(?<=\s)[-–—]|—)"
    r"|(?P<end>[.!?。！？¿¡;\n]+)"
    r"|(?P<sign>[^\w\s])"
)
_MEASURE = re.compile(r"(\d+(?:[.,]\d+)?)(.+)")
_STRETCHED = re.compile(r"(.)\1{2,}")
_SPELLED_OUT = re.compile(r"(?<![^\W_])(?:[^\W\d_][.*·,/|_-]){2,}[^\W\d_](?![^\W_])")
"""Letters with a sign between each: p-o-i-s-o-n, k.i.l.l"""
_SPELLED_OUT_MIN = 3


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one or more messages, in order, each with its place in the original text.

    The lists run in parallel. `forms[i]` holds every way in which word i may be read ("su1c1de" is also "suicide").
    `sentences[i]` and `clauses[i]` number the sentence and the clause that word i stands in; a message ends both.
    """

    forms: list[tuple[str, ...]]
    starts: list[int]
    ends: list[int]
    sentences: list[int]
    clauses: list[int]
    messages: list[int]
    questions: set[int] = field(default_factory=set)
    """Numbers of the sentences that stand between question marks, or before one."""

    def __len__(self) -> int:
        return len(self.forms)


def read_words(text: str, *, earlier: tuple[str, ...] = ()) -> Words:
    """Return the words of `earlier` messages followed by those of `text`; offsets are those within each message."""
    words = Words([], [], [], [], [], [])
    for number, message in enumerate((*earlier, text)):
        _read_message(message, number, words)
    return words


def fold(text: str) -> str:
    """Return the text in the one spelling that rules are compared in: lower case, without accents or tricks."""
    return _folded(text)[0]


def _read_message(text: str, number: int, words: Words) -> None:
    if len(text) > MAX_CHARACTERS:
        half = MAX_CHARACTERS // 2
        text = text[:half] + " " * (len(text) - MAX_CHARACTERS) + text[-half:]
    folded, offsets = _folded(text)
    first = len(words)
    sentence = words.sentences[-1] + 1 if first else 0
    clause = words.clauses[-1] + 1 if first else 0
    spelled_out = [piece.span() for piece in _SPELLED_OUT.finditer(folded)]
    for run in _RUN.finditer(folded):
        kind = run.lastgroup
        if spelled_out and kind in {"end", "pause"} and any(a < run.start() < b for a, b in spelled_out):
            continue
        if kind == "end":
            marks = run.group()
            if "?" in marks:
                words.questions.add(sentence)
            sentence += 1
            clause += 1
            if "¿" in marks:
                words.questions.add(sentence)
            continue
        if kind == "pause":
            clause += 1
            continue
        if kind == "sign" and not _is_emoji(run.group()):
            continue
        for forms, start, end in _split_run(run):
            words.forms.append(forms)
            words.starts.append(offsets[start] if offsets else start)
            words.ends.append((offsets[end - 1] if offsets else end - 1) + 1)
            words.sentences.append(sentence)
            words.clauses.append(clause)
            words.messages.append(number)
    _join_spelled_out(words, first, text)
    _append_hidden(text, number, words)


def _is_emoji(sign: str) -> bool:
    return unicodedata.category(sign) == "So" and sign != "°"


def _split_run(run: re.Match[str]) -> list[tuple[tuple[str, ...], int, int]]:
    start, end = run.span()
    piece = run.group()
    if run.lastgroup == "measure":
        parts = _MEASURE.fullmatch(piece)
        assert parts is not None
        cut = start + parts.end(1)
        unit = _forms(parts.group(2))
        if len(parts.group(1)) == 1:
            # "4ll" is a measure, and "all" in disguise.
            unit = (*unit, *(piece.translate(table) for table in _LEET))
        return [((parts.group(1).replace(",", "."),), start, cut), (unit, cut, end)]
    if run.lastgroup == "number":
        return [((piece.replace(",", "."),), start, end)]
    return [(_forms(piece), start, end)]


@lru_cache(maxsize=20_000)
def _forms(word: str) -> tuple[str, ...]:
    forms = [word.replace("'", "")]
    if word.endswith("'s"):
        forms.append(word[:-2].replace("'", ""))
    word = forms[0]
    if not word.isalpha() and not word.isdigit():
        forms += [word.translate(table) for table in _LEET]
    for form in tuple(forms):
        if _STRETCHED.search(form):
            forms += [_STRETCHED.sub(r"\1", form), _STRETCHED.sub(r"\1\1", form)]
    return tuple(dict.fromkeys(forms))


def _folded(text: str) -> tuple[str, list[int] | None]:
    """Return the folded text and, unless places are unchanged, the original offset of each folded character."""
    if text.isascii():
        return text.lower().replace("`", "'"), None
    letters: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        for letter in _fold_character(character):
            letters.append(letter)
            offsets.append(offset)
    return "".join(letters), offsets


@lru_cache(maxsize=20_000)
def _fold_character(character: str) -> str:
    if character in _APOSTROPHES:
        return "'"
    if character in _ZERO_WIDTH:
        return ""
    category = unicodedata.category(character)
    if category == "Cf" or (category == "Mn"):
        return ""
    plain = unicodedata.normalize("NFKC", character).casefold()
    if all(unicodedata.category(letter) in {"Mn", "Cf", "Sk"} for letter in plain):
        return " " if plain else ""
    decomposed = unicodedata.normalize("NFD", plain)
    kept = "".join(letter for letter in decomposed if unicodedata.category(letter) != "Mn")
    return kept.translate(_LOOK_ALIKES)


def _join_spelled_out(words: Words, first: int, text: str) -> None:
    """Make one word of the letters of "k i l l"; a wider space between letters ends the word."""
    index = first
    while index < len(words):
        end = index
        while end < len(words) and len(words.forms[end][0]) == 1 and words.forms[end][0].isalpha():
            end += 1
        is_spelled_out = end - index >= _SPELLED_OUT_MIN
        index = _joined_letters(words, index, end, text) if is_spelled_out else max(end, index + 1)


def _joined_letters(words: Words, start: int, end: int, text: str) -> int:
    """Join the letters from `start` to `end` into words, and return the place behind the last of them."""
    between = [text[words.ends[place] : words.starts[place + 1]] for place in range(start, end - 1)]
    gaps = [sum(map(str.isspace, signs)) for signs in between]
    narrow = min(gaps)
    pieces: list[tuple[int, int]] = []
    piece_start = start
    for place, gap in enumerate(gaps, start):
        if gap > narrow:
            pieces.append((piece_start, place + 1))
            piece_start = place + 1
    pieces.append((piece_start, end))
    forms = [("".join(words.forms[place][0] for place in range(*piece)), words.forms[piece[0]][0]) for piece in pieces]
    ends = [words.ends[piece_end - 1] for _, piece_end in pieces]
    words.forms[start:end] = forms
    words.ends[start:end] = ends
    words.starts[start:end] = [words.starts[place] for place, _ in pieces]
    # Dots between the letters ended no sentence.
    words.sentences[start:end] = [words.sentences[start]] * len(pieces)
    words.clauses[start:end] = [words.clauses[start]] * len(pieces)
    words.messages[start:end] = [words.messages[start]] * len(pieces)
    return start + len(pieces)


def _append_hidden(text: str, number: int, words: Words) -> None:
    """Append the words of what the message hides, each with the place of the whole hidden piece."""
    for hidden in hidden_texts(text):
        sentence = words.sentences[-1] + 1 if len(words) else 0
        clause = words.clauses[-1] + 1 if len(words) else 0
        for run in _RUN.finditer(fold(hidden.text)):
            if run.lastgroup in {"end", "pause"}:
                sentence, clause = sentence + (run.lastgroup == "end"), clause + 1
                continue
            if run.lastgroup == "sign":
                continue
            for forms, _start, _end in _split_run(run):
                words.forms.append(forms)
                words.starts.append(hidden.start)
                words.ends.append(hidden.end)
                words.sentences.append(sentence)
                words.clauses.append(clause)
                words.messages.append(number)
