"""Turns what a patient typed into plain words, once, before any rule looks at it.

Stands first in screening. Every word remembers where it stood in the original text, so a verdict can point at it.
Accents, case, zero-width characters, look-alike letters, digits used as letters and stretched letters no longer matter.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

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
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
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
    for run in _RUN.finditer(folded):
        kind = run.lastgroup
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
    _join_spelled_out(words, first)
    _append_decoded(text, number, words)


def _is_emoji(sign: str) -> bool:
    return unicodedata.category(sign) == "So" and sign != "°"


def _split_run(run: re.Match[str]) -> list[tuple[tuple[str, ...], int, int]]:
    start, end = run.span()
    piece = run.group()
    if run.lastgroup == "measure":
        parts = _MEASURE.fullmatch(piece)
        assert parts is not None
        cut = start + parts.end(1)
        return [((parts.group(1).replace(",", "."),), start, cut), (_forms(parts.group(2)), cut, end)]
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


def _join_spelled_out(words: Words, first: int) -> None:
    """Add to the first letter of "k i l l" the reading "kill"; the letters themselves stay."""
    run_start = first
    for index in range(first, len(words) + 1):
        if index < len(words) and len(words.forms[index][0]) == 1 and words.forms[index][0].isalpha():
            continue
        if index - run_start >= _SPELLED_OUT_MIN:
            joined = "".join(words.forms[letter][0] for letter in range(run_start, index))
            words.forms[run_start] = (*words.forms[run_start], joined)
            words.ends[run_start] = words.ends[index - 1]
        run_start = index + 1


def _append_decoded(text: str, number: int, words: Words) -> None:
    """Append the words hidden in base64, each with the place of the whole hidden piece."""
    if len(text) < 16:
        return
    for piece in _BASE64.finditer(text):
        hidden = _decode(piece.group())
        if hidden is None:
            continue
        sentence = words.sentences[-1] + 1 if len(words) else 0
        clause = words.clauses[-1] + 1 if len(words) else 0
        for run in _RUN.finditer(fold(hidden)):
            if run.lastgroup in {"end", "pause"}:
                sentence, clause = sentence + (run.lastgroup == "end"), clause + 1
                continue
            if run.lastgroup == "sign":
                continue
            for forms, _start, _end in _split_run(run):
                words.forms.append(forms)
                words.starts.append(piece.start())
                words.ends.append(piece.end())
                words.sentences.append(sentence)
                words.clauses.append(clause)
                words.messages.append(number)


def _decode(piece: str) -> str | None:
    if piece.isalpha() and (piece.islower() or piece.isupper()):
        return None
    try:
        hidden = base64.b64decode(piece + "=" * (-len(piece) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return hidden if hidden.isprintable() and " " in hidden else None
