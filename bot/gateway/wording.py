"""Every word a patient reads from the bot, looked up by id: after dialogue has named a reply, before it is sent.

Words live in `locales/`, never here. Loading checks that every language has every reply and every button.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.gateway.message import QuickReply, ReplyKind
from careguard.errors import DataFileError
from careguard.strict_yaml import read_yaml

PLACEHOLDERS = frozenset(
    {
        "emergency_number",
        "crisis_lines",
        "poison_line",
        "abuse_line",
        "languages",
        "place",
        "wait",
        "person_name",
        "case_id",
        "consented_on",
        "country",
        "opens",
        "danger",
        "non_emergency_line",
        "topics",
    }
)
CATALOGUES = ("replies.yaml", "emergency_replies.yaml")
UNKNOWN_COUNTRY = "ZZ"
TOPIC_BUTTON = re.compile(r"topic:(?P<topic>[a-z][a-z0-9_]*)(?::(?P<facet>[a-z_]+))?")
"""The payload of a topic that was named to choose from, or of what may be asked next."""
LONGEST_PAYLOAD_BYTES = 64
"""Telegram's limit for callback data."""

_LINE_PURPOSES = {
    "crisis_lines": "crisis",
    "poison_line": "poison",
    "abuse_line": "abuse",
    "non_emergency_line": "non_emergency",
}


@dataclass(frozen=True, slots=True)
class ReplyEntry:
    """What is the same about a reply in every language."""

    kind: ReplyKind
    buttons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Button:
    """What a tapped button tells dialogue."""

    intent: str
    entities: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LanguageWords:
    """One language's words."""

    tag: str
    name: str
    direction: str
    replies: Mapping[str, str]
    buttons: Mapping[str, str]
    cues: frozenset[str]
    lines: Mapping[str, str]
    widget: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Country:
    """Whom to call in one country."""

    code: str
    names: Mapping[str, str]
    emergency_number: str
    lines: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A reply's words, ready to send."""

    kind: ReplyKind
    text: str
    quick_replies: tuple[QuickReply, ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """The catalogue of replies, the languages and the countries."""

    entries: Mapping[str, ReplyEntry]
    buttons: Mapping[str, Button]
    languages: Mapping[str, LanguageWords]
    countries: Mapping[str, Country]
    topics: frozenset[str] = frozenset()
    """Ids of the topics that a button may name."""

    def button(self, payload: str) -> Button | None:
        """Return what a tapped button tells dialogue; None for what a patient wrote."""
        found = TOPIC_BUTTON.fullmatch(payload)
        if found is None or found["topic"] not in self.topics:
            return self.buttons.get(payload)
        named = {"topic": found["topic"], "facet": found["facet"]}
        return Button("choose_topic", {key: value for key, value in named.items() if value})

    def button_title(self, payload: str, language: str, offered: Mapping[str, str]) -> str:
        """Return the words on a button; of a topic as it was `offered`."""
        return self.languages[language].buttons.get(payload) or offered.get(payload) or payload

    def render(self, reply_id: str, language: str, country: str, values: Mapping[str, str] | None = None) -> Rendered:
        """Return the words of a reply in this language, with the numbers of this country.

        Raises:
            KeyError: No such reply or language; both are checked at the start, so this is a fault in the code.
        """
        entry = self.entries[reply_id]
        words = self.languages[language]
        filled = _Values(self._country_values(language, country) | dict(values or {}))
        text = words.replies[reply_id].format_map(filled)
        return Rendered(entry.kind, text.strip(), self.quick_replies(entry.buttons, language))

    def quick_replies(self, payloads: Iterable[str], language: str) -> tuple[QuickReply, ...]:
        """Return buttons with their titles in this language."""
        titles = self.languages[language].buttons
        return tuple(QuickReply(titles[payload], payload) for payload in payloads)

    def emergency_number(self, country: str) -> str:
        """Return the number to call in an emergency."""
        return self._country(country).emergency_number

    def places(self, language: str, country: str) -> dict[str, str]:
        """Return what stands in the places that depend on the country only; in our first language if need be."""
        spoken = language if language in self.languages else next(iter(self.languages))
        return self._country_values(spoken, country)

    def has_line(self, purpose: str, country: str) -> bool:
        """Return whether the country has somebody to call for that purpose."""
        return any(line["purpose"] == purpose for line in self._country(country).lines)

    def language_names(self) -> str:
        """Return the names of our languages, each in its own."""
        return ", ".join(words.name for words in self.languages.values())

    def language_of_cues(self, text: str) -> str | None:
        """Return the one language whose short words stand in the text; None when none or several do."""
        tokens = {token.strip(string.punctuation + "¿¡") for token in text.casefold().split()}
        hits = [words.tag for words in self.languages.values() if words.cues & tokens]
        return hits[0] if len(hits) == 1 else None

    def _country(self, code: str) -> Country:
        return self.countries.get(code) or self.countries[UNKNOWN_COUNTRY]

    def _country_values(self, language: str, code: str) -> dict[str, str]:
        country = self._country(code)
        values = {
            "emergency_number": country.emergency_number,
            "country": country.names.get(language) or country.names.get("en") or code,
            "languages": self.language_names(),
        }
        return values | {
            placeholder: self._lines(language, country, purpose) for placeholder, purpose in _LINE_PURPOSES.items()
        }

    def _lines(self, language: str, country: Country, purpose: str) -> str:
        words = self.languages[language].lines
        rendered = []
        for line in country.lines:
            if line["purpose"] != purpose:
                continue
            ways = [
                words[way].format(number=line[way], url=line[way]) for way in ("call", "text", "chat") if line.get(way)
            ]
            rendered.append(
                "• "
                + words["line"].format(
                    name=_in_language(line["name"], language),
                    ways=words["or"].join(ways),
                    hours=_in_language(line["hours"], language),
                )
            )
        return "\n".join(rendered)


class _Values(dict[str, str]):
    def __missing__(self, key: str) -> str:
        raise KeyError(f"no value was given for the placeholder {{{key}}}")


def listed(titles: Sequence[str]) -> str:
    """Return what may be chosen as numbered lines, so that "the second" can be said of it."""
    return "\n".join(f"{number}. {title}" for number, title in enumerate(titles, start=1))


def load_wording(locales: Path, languages: Sequence[str]) -> Wording:
    """Read and check every word.

    Raises:
        DataFileError: A reply, button, placeholder or country entry is missing or wrong.
    """
    entries: dict[str, ReplyEntry] = {}
    buttons: dict[str, Button] = {}
    for name in CATALOGUES:
        _read_catalogue(locales / name, entries, buttons)
    for reply_id, entry in entries.items():
        for payload in entry.buttons:
            if payload not in buttons:
                raise DataFileError(locales / "replies.yaml", f"reply {reply_id} names the unknown button {payload}")
    words = {tag: _read_language(locales / "languages" / tag, tag, entries, buttons) for tag in languages}
    countries = {path.stem: _read_country(path) for path in sorted((locales / "countries").glob("*.yaml"))}
    if UNKNOWN_COUNTRY not in countries:
        raise DataFileError(locales / "countries" / "ZZ.yaml", "the file for an unknown country is missing; restore it")
    topics = frozenset(path.stem for tag in languages for path in (locales / "languages" / tag / "topics").glob("*.md"))
    return Wording(entries, buttons, words, countries, topics)


def _read_catalogue(path: Path, entries: dict[str, ReplyEntry], buttons: dict[str, Button]) -> None:
    data = _mapping(read_yaml(path), path)
    for reply_id, entry in _mapping(data.get("replies", {}), path).items():
        try:
            kind = ReplyKind(entry["kind"])
        except (KeyError, ValueError, TypeError):
            known = ", ".join(kind.value for kind in ReplyKind)
            raise DataFileError(path, f"reply {reply_id} needs a `kind`, one of {known}") from None
        entries[reply_id] = ReplyEntry(kind, tuple(entry.get("buttons", ())))
    for payload, button in _mapping(data.get("buttons", {}), path).items():
        if len(payload.encode()) > LONGEST_PAYLOAD_BYTES:
            raise DataFileError(path, f"button {payload} is longer than {LONGEST_PAYLOAD_BYTES} bytes; shorten it")
        buttons[payload] = Button(button["intent"], dict(button.get("entities", {})))


def _read_language(
    folder: Path, tag: str, entries: Mapping[str, ReplyEntry], buttons: Mapping[str, Button]
) -> LanguageWords:
    if not folder.is_dir():
        raise DataFileError(folder, f"there are no words for the enabled language {tag}; add the folder or disable it")
    replies: dict[str, str] = {}
    titles: dict[str, str] = {}
    described: Mapping[str, Any] = {}
    for name in CATALOGUES:
        path = folder / name
        data = _mapping(read_yaml(path), path)
        described = described or data.get("language", {})
        replies |= _mapping(data.get("replies", {}), path)
        titles |= _mapping(data.get("buttons", {}), path)
    path = folder / "replies.yaml"
    _check_complete(path, "reply", entries, replies)
    _check_complete(path, "button", buttons, titles)
    for reply_id, text in replies.items():
        _check_placeholders(path, reply_id, text)
    if not described.get("name") or described.get("direction") not in ("ltr", "rtl"):
        raise DataFileError(path, "`language` needs a `name` and a `direction` (ltr or rtl)")
    lines_path = folder / "language.yaml"
    lines = _mapping(read_yaml(lines_path), lines_path)
    widget_path = folder / "widget.yaml"
    widget = _mapping(_mapping(read_yaml(widget_path), widget_path).get("words", {}), widget_path)
    return LanguageWords(
        tag=tag,
        name=described["name"],
        direction=described["direction"],
        replies=replies,
        buttons=titles,
        cues=frozenset(str(cue).casefold() for cue in lines["cues"]),
        lines={key: lines[key] for key in ("line", "call", "text", "chat", "or")},
        widget=widget,
    )


def _check_complete(path: Path, what: str, wanted: Mapping[str, object], found: Mapping[str, object]) -> None:
    missing = sorted(set(wanted) - set(found))
    extra = sorted(set(found) - set(wanted))
    if missing:
        raise DataFileError(path, f"these have no words: {what} {', '.join(missing)}; add them")
    if extra:
        raise DataFileError(path, f"the catalogue does not know: {what} {', '.join(extra)}; add or remove them")


def _check_placeholders(path: Path, reply_id: str, text: object) -> None:
    if not isinstance(text, str) or not text.strip():
        raise DataFileError(path, f"reply {reply_id} has no text")
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise DataFileError(path, f"reply {reply_id} has a stray brace: {error}") from None
    if unknown := sorted(names - PLACEHOLDERS):
        raise DataFileError(path, f"reply {reply_id} has the unknown placeholder {', '.join(unknown)}")


def _read_country(path: Path) -> Country:
    data = _mapping(read_yaml(path), path)
    try:
        return Country(
            code=path.stem,
            names=data["name"],
            emergency_number=str(data["emergency_number"]["number"]),
            lines=tuple(data.get("lines", ())),
        )
    except (KeyError, TypeError) as error:
        raise DataFileError(path, f"the entry {error} is missing") from None


def _mapping(data: Any, path: Path) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise DataFileError(path, "this must be a mapping of names to values")
    return data


def _in_language(value: Any, language: str) -> str:
    if isinstance(value, Mapping):
        return str(value.get(language) or value.get("en") or next(iter(value.values())))
    return str(value)
