"""The desk's own words in Spanish: the English words are the keys, and what is missing here is said in English.

For the pages of accounts, people, lead, audit and safety. Words for patients stand in `locales/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request

LANGUAGES: Mapping[str, str] = {"en": "English", "es": "Español"}
"""The languages that the desk itself can be read in, each by its own name."""

Say = Callable[..., str]


def translator(request: Request, reads: str = "") -> dict[str, Any]:
    """Return what a page needs to speak: `t`, which says English words in the page's language, and that `language`.

    Args:
        request: Its browser's languages count when the person chose none.
        reads: The language that the person chose; empty when none.
    """
    language = reads if reads in LANGUAGES else _of_browser(request.headers.get("accept-language", ""))
    return {"t": speaker(language), "language": language}


def speaker(language: str) -> Say:
    """Return what says English words in that language, with its values put in."""
    words = SPANISH if language == "es" else {}

    def say(english: str, /, **values: object) -> str:
        said = words.get(english, english)
        return said.format(**values) if values else said

    return say


def _of_browser(accepted: str) -> str:
    """Return the first of the browser's languages that the desk has; English if it has none."""
    for part in accepted.split(","):
        tag = part.split(";", maxsplit=1)[0].strip().lower().split("-", maxsplit=1)[0]
        if tag in LANGUAGES:
            return tag
    return "en"


SPANISH: Mapping[str, str] = {}
