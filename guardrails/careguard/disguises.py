"""Reads what somebody hid: base64, hexadecimal, rot13, letters in reverse, letters that no screen shows.

A part of normalisation: whatever is found is read by the same rules as the message around it.
"""

from __future__ import annotations

# ruff: noqa: SIM905 - a list of words reads as words, not as quotes and commas
import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:\\?x?[0-9A-Fa-f]{2}[ :]?){8,}(?![0-9A-Za-z])")
_WORDS = re.compile(r"[^\W\d_]{2,}")
_SHORTEST = 16
_LONGEST_IN_REVERSE = 4_000
_MOST_NESTED = 2
"""Base64 within base64 is read; more is a game."""
_COMMON = frozenset(
    """
    to of in is me my do it we if de en el la es mi tu su lo
    the and you all how that this with are for not your now can what have will tell make give from about must
    ignore previous instructions system prompt rules kill bomb drugs poison doctor please help pain blood breathe chest
    que los las una como para tus todas por con esta mis ahora puedo quiero dime hacer matar reglas instrucciones
    ignora anteriores ayuda dolor pecho sangre respirar
    """.split()
)
"""Words that a message in plain English or Spanish has, and a message in disguise has not."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What was hidden, and the characters of the message that it was hidden in."""

    text: str
    start: int
    end: int


def hidden_texts(text: str) -> Iterator[Hidden]:
    """Yield every text that is hidden in the message; nothing for a message that hides nothing."""
    yield from _invisible(text)
    if len(text) < _SHORTEST:
        return
    for piece in _BASE64.finditer(text):
        plain = _from_base64(piece.group(), _MOST_NESTED)
        if plain is not None:
            yield Hidden(plain, *piece.span())
    for piece in _HEX.finditer(text):
        plain = _from_hex(piece.group())
        if plain is not None:
            yield Hidden(plain, *piece.span())
    yield from _in_other_letters(text)


def _invisible(text: str) -> Iterator[Hidden]:
    """Yield what stands in tag characters: they mirror ASCII, and no screen shows them."""
    letters = [
        (place, chr(ord(letter) - 0xE0000))
        for place, letter in enumerate(text)
        if "\U000e0020" <= letter <= "\U000e007e"
    ]
    if letters:
        yield Hidden("".join(letter for _, letter in letters), letters[0][0], letters[-1][0] + 1)


def _from_base64(piece: str, depth: int) -> str | None:
    if piece.isalpha() and (piece.islower() or piece.isupper()):
        return None
    try:
        standard = piece.replace("-", "+").replace("_", "/").rstrip("=")
        plain = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    nested = _BASE64.fullmatch(plain.strip()) if depth else None
    return (nested and _from_base64(nested.group(), depth - 1)) or (plain if _reads_as_words(plain) else None)


def _from_hex(piece: str) -> str | None:
    digits = re.sub(r"\\?x(?=[0-9A-Fa-f]{2})|[ :]", "", piece)
    try:
        plain = bytes.fromhex(digits).decode("utf-8")
    except (ValueError, UnicodeDecodeError):
        return None
    return plain if _reads_as_words(plain) else None


def _reads_as_words(plain: str) -> bool:
    letters = sum(letter.isalpha() or letter.isspace() for letter in plain)
    shown = all(letter.isprintable() or letter in "\n\r\t" for letter in plain)
    return shown and " " in plain.strip() and letters > 0.7 * len(plain)


def _in_other_letters(text: str) -> Iterator[Hidden]:
    """Yield the text in rot13 or read backwards, when that makes words out of what are none."""
    words = _WORDS.findall(text.lower())
    if len(words) < 2 or len(text) > _LONGEST_IN_REVERSE or _common(words) > len(words) / 8:
        return
    for plain in (codecs.decode(text, "rot13"), text[::-1]):
        read = _WORDS.findall(unicodedata.normalize("NFC", plain).lower())
        if _common(read) > max(1, len(read) / 5, _common(words)):
            yield Hidden(plain, 0, len(text))


def _common(words: list[str]) -> int:
    return sum(word in _COMMON for word in words)
