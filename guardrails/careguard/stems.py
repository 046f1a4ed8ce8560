"""Splits text into words and reduces them to stems, the same way for passages, questions and drafts.

Used by retrieval before generation and by review after it: both must see the same word in "ulcers" and "ulcer".
Accents are folded, because patients leave them out.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import Stemmer
from bm25s import stopwords

_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?")
_STEMMERS = {"en": "english", "es": "spanish", "fr": "french", "pt": "portuguese", "de": "german", "it": "italian"}
_STOP_WORDS: dict[str, tuple[str, ...]] = {
    "en": (*stopwords.STOPWORDS_EN_PLUS, "s", "t", "m", "re", "ve", "ll", "d"),
    "es": tuple(stopwords.STOPWORDS_SPANISH),
    "fr": tuple(stopwords.STOPWORDS_FRENCH),
    "pt": tuple(stopwords.STOPWORDS_PORTUGUESE),
    "de": tuple(stopwords.STOPWORDS_GERMAN),
    "it": tuple(stopwords.STOPWORDS_ITALIAN),
}


def fold(text: str) -> str:
    """Return the text in lower case, without accents, with plain apostrophes."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char)).replace("’", "'")


def words(text: str) -> list[str]:
    """Return the folded words of the text in order; numbers count as words."""
    return [found[0].removesuffix("'s") for found in _WORD.finditer(fold(text))]


def stem(word: str, language: str) -> str:
    """Return the stem of one folded word; a language without a stemmer keeps the word."""
    return _stem(word, language.partition("-")[0])


def stems(text: str, language: str) -> list[str]:
    """Return the stems of all words of the text, in order."""
    primary = language.partition("-")[0]
    return [_stem(word, primary) for word in words(text)]


def content_stems(text: str, language: str) -> list[str]:
    """Return the stems of the words that carry meaning, in order."""
    primary = language.partition("-")[0]
    stop = stop_words(primary)
    return [_stem(word, primary) for word in words(text) if word not in stop]


@lru_cache(maxsize=16)
def stop_words(language: str) -> frozenset[str]:
    """Return the folded words of the language that carry no meaning of their own."""
    listed = _STOP_WORDS.get(language.partition("-")[0], ())
    return frozenset(word for entry in listed for word in words(entry))


@lru_cache(maxsize=65_536)
def _stem(word: str, language: str) -> str:
    algorithm = _STEMMERS.get(language)
    return _stemmer(algorithm).stemWord(word) if algorithm is not None else word


@lru_cache(maxsize=16)
def _stemmer(algorithm: str) -> Stemmer.Stemmer:
    stemmer = Stemmer.Stemmer(algorithm)
    # Its own cache cleans itself with a full sort; the lru_cache above is enough.
    stemmer.maxCacheSize = 0
    return stemmer
