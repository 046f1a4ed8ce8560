"""Ready-made replies of the care team, per language, with what stands in their places filled in.

Read once at start from `locales/languages/<tag>/canned_replies.yaml`. Whoever does not speak the patient's language
sees what a phrase says in a language of their own; both texts then stand in the record.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from careguard.errors import DataFileError
from careguard.strict_yaml import read_yaml

PLACES = frozenset({"staff_name", "case_id", "emergency_number", "crisis_lines"})
FILE = "canned_replies.yaml"

_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class CannedReply:
    """One ready-made reply, in one language."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownReply:
    """A ready-made reply as one person sees it in one case."""

    id: str
    title: str
    text: str
    meaning: str = ""
    """What it says in a language that the person reads; empty when they read the patient's."""


class CannedReplies:
    """The ready-made replies of every language."""

    def __init__(self, by_language: Mapping[str, Sequence[CannedReply]] | None = None) -> None:
        self._by_language = dict(by_language or {})

    def shown(self, language: str, reads: Sequence[str], places: Mapping[str, str]) -> tuple[ShownReply, ...]:
        """Return the replies for a patient's language, filled in, with their meaning for who does not read it."""
        other = next((tag for tag in (*reads, "en") if tag in self._by_language), None)
        meanings = {reply.id: reply for reply in self._by_language.get(other or "", ()) if language not in reads}
        return tuple(
            ShownReply(
                reply.id,
                (meanings.get(reply.id) or reply).title,
                reply.text.format_map(places),
                meanings[reply.id].text.format_map(places) if reply.id in meanings else "",
            )
            for reply in self._by_language.get(language, ())
        )


def read_canned_replies(locales: Path, languages: Sequence[str]) -> CannedReplies:
    """Return the ready-made replies of the languages; every language has the same ones.

    Raises:
        DataFileError: A file is missing or wrong.
    """
    read = {tag: _read(locales / "languages" / tag / FILE) for tag in languages}
    first, *others = read
    wanted = {reply.id for reply in read[first]}
    for tag in others:
        if {reply.id for reply in read[tag]} != wanted:
            raise DataFileError(locales / "languages" / tag / FILE, f"the ids must be those of {first}")
    return CannedReplies(read)


def _read(path: Path) -> tuple[CannedReply, ...]:
    data = read_yaml(path)
    entries = data.get("canned_replies") if isinstance(data, dict) else None
    if not isinstance(entries, list):
        raise DataFileError(path, "`canned_replies` must be a list")
    replies = tuple(_one(path, entry) for entry in entries)
    if len({reply.id for reply in replies}) != len(replies):
        raise DataFileError(path, "two entries have the same `id`")
    return replies


def _one(path: Path, entry: Any) -> CannedReply:
    if not isinstance(entry, dict) or set(entry) != {"id", "title", "text"} or not _ID.fullmatch(str(entry["id"])):
        raise DataFileError(path, "every entry needs an `id` of small letters, a `title` and a `text`, and no more")
    text = str(entry["text"]).strip()
    try:
        places = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise DataFileError(path, f"entry {entry['id']} has a stray brace: {error}") from None
    if unknown := sorted(places - PLACES):
        raise DataFileError(path, f"entry {entry['id']} has the unknown placeholder {unknown[0]}")
    return CannedReply(str(entry["id"]), str(entry["title"]), text)
