"""The language of the desk's own words: English, or another that has a file in `translations/`.

Each request speaks the language that its person reads, else the one that the browser asks for. English sentences are
the keys; what a language lacks is said in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from careguard.strict_yaml import read_yaml

FOLDER = Path(__file__).parent / "translations"
ENGLISH = "en"

_reads: ContextVar[str] = ContextVar("reads", default=ENGLISH)


@cache
def translations() -> Mapping[str, Mapping[str, str]]:
    """Return every language that the desk has besides English, each with its sentences from all of its files.

    Raises:
        DataFileError: A file is wrong.
    """
    found: dict[str, dict[str, str]] = {}
    for path in sorted(FOLDER.glob("*.yaml")):  # es.yaml, es.people.yaml
        found.setdefault(path.name.partition(".")[0], {}).update(read_yaml(path))
    return found


def languages() -> tuple[str, ...]:
    """Return the languages in which the desk can be read."""
    return (ENGLISH, *translations())


def begin(asked: str) -> None:
    """A new request speaks what its browser asks for, else English."""
    _reads.set(ENGLISH)
    speak(asked)


def speak(wanted: str) -> None:
    """From here on this request speaks the first wanted language that the desk has; none of them changes nothing.

    Args:
        wanted: Tags with commas between them, as a browser sends them.
    """
    for part in wanted.split(","):
        tag = part.partition(";")[0].strip().partition("-")[0].lower()
        if tag in languages():
            _reads.set(tag)
            return


def spoken() -> str:
    """Return the language of this request."""
    return _reads.get()


def t(english: str, /, **values: object) -> str:
    """Return the sentence in the language of this request, with the values in their places."""
    sentence = translations().get(_reads.get(), {}).get(english, english)
    return sentence.format(**values) if values else sentence
