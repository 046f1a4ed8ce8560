"""Splits a paragraph into sentences.

Between documents and passages. NLTK's Punkt, given the abbreviations of each language, so that it needs no data.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_EVERYWHERE = ("dr", "dra", "prof", "etc", "vs", "approx", "aprox", "no", "núm", "tel", "fig", "p.ej", "e.g", "i.e")
_ABBREVIATIONS = {
    "en": ("mr", "mrs", "ms", "st", "jr", "sr", "u.s", "u.k", "ph.d", "m.d", "a.m", "p.m", "incl", "dept", "est"),
    "es": ("sr", "sra", "srta", "ud", "uds", "ee.uu", "a.m", "p.m", "ej", "pág", "d.c", "a.c"),
}


_RUN_TOGETHER = re.compile(r"(?<=[a-záéíóúñ]{3})([.!?])(?=[A-ZÁÉÍÓÚÑ¿¡][a-záéíóúñ]+\s)")
"""Where a space between two sentences was lost."""


def sentences_of(text: str, language: str) -> list[str]:
    """Return the sentences of a paragraph in order."""
    spaced = _RUN_TOGETHER.sub(r"\1 ", text)
    return [found.strip() for found in _splitter(language.partition("-")[0]).tokenize(spaced) if found.strip()]


@lru_cache(maxsize=8)
def _splitter(language: str) -> Any:
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer  # noqa: PLC0415 - only an import needs it

    parameters = PunktParameters()
    parameters.abbrev_types = {*_EVERYWHERE, *_ABBREVIATIONS.get(language, ())}
    return PunktSentenceTokenizer(parameters)
