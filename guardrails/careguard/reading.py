"""Measures how hard a text is to read, as a US school grade.

Beside review: the grade is reported with every answer, and a draft that is too hard is not sent.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

_FERNANDEZ_HUERTA_TO_GRADE = (
    (15.0, 17.0),
    (40.0, 14.0),
    (55.0, 10.5),
    (65.0, 7.5),
    (75.0, 6.0),
    (85.0, 5.0),
    (95.0, 4.0),
    (105.0, 3.0),
)
"""Source: J. Fernández Huerta, Medidas sencillas de lecturabilidad, Consigna 214 (1959), 29-32: 90-100 is grade 4,
80-90 grade 5, 70-80 grade 6, 60-70 grades 7-8, 50-60 grades 9-12, 30-50 college, below 30 university. The middle of
each band is mapped to its grade, straight lines join them."""


def school_grade(text: str, language: str) -> float:
    """Return the US school grade that can read the text, one decimal, never below 0.

    English by Flesch-Kincaid, Spanish by Fernández-Huerta mapped to grades; other languages by Flesch-Kincaid too,
    which is a rough guide there.
    """
    if not any(char.isalpha() for char in text):
        return 0.0
    textstat = _textstat()
    primary = language.partition("-")[0]
    textstat.set_lang("es" if primary == "es" else "en_US")
    if primary == "es":
        grade = _grade_of_ease(float(textstat.fernandez_huerta(text)))
    else:
        grade = float(textstat.flesch_kincaid_grade(text))
    return max(0.0, round(grade, 1))


def _grade_of_ease(ease: float) -> float:
    scale = _FERNANDEZ_HUERTA_TO_GRADE
    if ease <= scale[0][0]:
        return scale[0][1]
    for (low_ease, low_grade), (high_ease, high_grade) in pairwise(scale):
        if ease <= high_ease:
            return low_grade + (ease - low_ease) / (high_ease - low_ease) * (high_grade - low_grade)
    return scale[-1][1]


@lru_cache(maxsize=1)
def _textstat() -> Any:
    import textstat  # noqa: PLC0415 - imports NLTK, which only the process that answers should pay for
    from textstat.backend.counts import _count_syllables  # noqa: PLC0415

    # textstat would download a pronouncing dictionary at the first English text; without it, it counts by hyphenation.
    _count_syllables.get_cmudict = lambda _lang: None
    return textstat
