"""What a waiting patient is told, read once at start: when somebody is back, and which signs must not wait.

Words live in `locales/languages/<tag>/waiting.yaml`, hours in the clinic's own file.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from actions.handoff.hours import ALWAYS, Hours, read_hours
from careguard.errors import DataFileError
from careguard.strict_yaml import read_yaml


@dataclass(frozen=True, slots=True)
class WaitingWords:
    """One language's words around waiting."""

    moment: str
    unknown: str
    days: tuple[str, ...]
    months: tuple[str, ...]
    dangers: tuple[tuple[frozenset[str], str], ...]
    """Which categories, and the signs that must not wait; no categories fit everything."""

    def danger(self, category: str | None) -> str:
        """Return the signs that fit the category, with a place for the emergency number."""
        return next(words for categories, words in self.dangers if not categories or category in categories)

    def opens(self, back: datetime | None) -> str:
        """Return when somebody is back, in words."""
        if back is None:
            return self.unknown
        return self.moment.format(
            day=self.days[back.weekday()],
            date=back.day,
            month=self.months[back.month - 1],
            time=f"{back:%H:%M}",
            zone=back.tzname() or "",
        )


@dataclass(frozen=True, slots=True)
class WaitingRoom:
    """What a patient who waits is told, and when somebody is there for them."""

    words: Mapping[str, WaitingWords]
    hours: Hours = ALWAYS


def load_waiting_room(locales: Path, languages: Sequence[str], hours: Path | None) -> WaitingRoom:
    """Read and check the words of every language and the hours.

    Raises:
        DataFileError: A file is missing or wrong.
    """
    words = {tag: _read_words(locales / "languages" / tag / "waiting.yaml") for tag in languages}
    return WaitingRoom(words, read_hours(hours) if hours is not None else ALWAYS)


def _read_words(path: Path) -> WaitingWords:
    data = read_yaml(path)
    try:
        words = WaitingWords(
            moment=str(data["moment"]),
            unknown=str(data["unknown"]),
            days=tuple(data["days"]),
            months=tuple(data["months"]),
            dangers=tuple((frozenset(entry["categories"]), str(entry["say"])) for entry in data["danger"]),
        )
    except (KeyError, TypeError) as error:
        raise DataFileError(path, f"the entry {error} is missing or wrong") from None
    if len(words.days) != 7 or len(words.months) != 12:
        raise DataFileError(path, "`days` needs 7 names from Monday on, `months` 12")
    if not words.dangers or words.dangers[-1][0]:
        raise DataFileError(path, "the last entry of `danger` must have no categories, so that it fits everything")
    for text, known in [(words.moment, {"day", "date", "month", "time", "zone"})] + [
        (said, {"emergency_number"}) for _, said in words.dangers
    ]:
        if {name for _, name, _, _ in string.Formatter().parse(text) if name is not None} - known:
            raise DataFileError(path, f"an unknown placeholder stands in: {text}")
    for categories, said in words.dangers:
        if "{emergency_number}" not in said:
            raise DataFileError(
                path, f"the signs for {', '.join(sorted(categories)) or 'all'} name no emergency number"
            )
    return words
