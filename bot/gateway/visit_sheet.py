"""The visit sheet: what the patient said in this conversation, sorted into one page to take to a visit.

Made when the patient asks for it and never stored. It holds the patient's own sentences, found by the cues of
`visit_sheet.yaml`, and reviewed questions of the topics that were talked about. Nothing is concluded or added.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from actions.answering.topic import read_topic
from actions.transcript import EntryAuthor, TranscriptEntry
from careguard.errors import DataFileError
from careguard.stems import fold
from careguard.strict_yaml import read_yaml

SHEET_FILE = "visit_sheet.yaml"
GENERAL_TOPIC = "preparing_for_a_visit"
"""Where the questions come from when no topic was talked about."""

MOST_LINES = 8
"""Lines of one part: more would not fit on a page."""
MOST_TOPICS = 3
MOST_QUESTIONS = 4
"""Of one topic."""
LONGEST_LINE = 240
_FEWEST_WORDS = 2
_BEFORE_MEDICINE = 3
"""Words before the medicines from which they are a sentence of their own ("my knee hurts and I take …")."""

_HEALTH = frozenset(
    {
        "answer",
        "question_kept",
        "no_reviewed_answer",
        "refuse_medicine",
        "refuse_dosing",
        "refuse_stop_medicine",
        "refuse_own_result",
        "refuse_diagnosis",
        "refuse_other",
        "ask_happening_now",
        "clarify",
    }
)
"""Replies that only a message about health gets."""
_ABOUT_THE_CHAT = re.compile(
    r"welcome|greet|what_next|help|i_am_an_ai|small_talk|thanks|goodbye|consent_.*|stopped|sources|no_sources|"
    r"feedback_.*|ask_admin|handoff_.*|person_declined|record|erase.*|language_.*|visit_sheet_.*|media_.*|message_.*|"
    r"only_emoji|rate_limited|refuse_instructions|refuse_harm|refuse_other_patient|refuse_prescription|out_of_scope"
)
"""Replies to a message that is not about health, as long as it has none of the others."""

_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+")
_TOPIC_ID = re.compile(r"[a-z][a-z0-9_]*")
_WORDS = (
    "title", "made_on", "concerns", "since", "medicines", "asked", "questions", "notes", "write_here", "not_kept",
    "print", "used", "emergency",
)  # fmt: skip
_CUES = ("about_me", "since", "medicines", "not_medicines", "questions", "not_said", "numbers", "ends")


@dataclass(frozen=True, slots=True)
class SheetWords:
    """One language's words of the page, and the cues by which sentences are sorted."""

    language: str
    words: Mapping[str, str]
    about_me: re.Pattern[str]
    since: re.Pattern[str]
    medicines: re.Pattern[str]
    not_medicines: re.Pattern[str]
    questions: re.Pattern[str]
    not_said: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class TopicQuestions:
    """Reviewed questions to ask about one topic."""

    title: str
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VisitSheet:
    """What stands on the page; an empty part has lines to write on."""

    language: str
    made_on: dt.date
    concerns: tuple[str, ...]
    since: tuple[str, ...]
    medicines: tuple[str, ...]
    asked: tuple[str, ...]
    questions: tuple[TopicQuestions, ...]

    def parts(self, words: SheetWords) -> list[tuple[str, tuple[str, ...]]]:
        """Return the parts in the patient's own words, each with its heading, in the order of the page."""
        named = {"concerns": self.concerns, "since": self.since, "medicines": self.medicines, "asked": self.asked}
        return [(words.words[name], lines) for name, lines in named.items()]

    def as_json(self, words: SheetWords) -> dict[str, Any]:
        """Return the page as plain values, with its headings."""
        return {
            "language": self.language,
            "title": words.words["title"],
            "made_on": self.made_on.isoformat(),
            "parts": [{"title": title, "lines": list(lines)} for title, lines in self.parts(words)],
            "questions": [{"topic": each.title, "questions": list(each.questions)} for each in self.questions],
        }


def make_sheet(
    entries: Sequence[TranscriptEntry], words: SheetWords, questions: tuple[TopicQuestions, ...], today: dt.date
) -> VisitSheet:
    """Return the page made of what the patient wrote; the same conversation always gives the same page."""
    concerns: list[str] = []
    since: list[tuple[str, str]] = []
    medicines: list[str] = []
    asked: list[str] = []
    replies = _replies(entries)
    for entry in _about_health(entries, replies):
        sorted_somewhere = False
        for sentence in _sentences(entry.text):
            folded = fold(sentence)
            if words.not_said.search(folded):
                sorted_somewhere = True
            elif _asks(sentence, folded, words):
                asked.append(sentence)
                sorted_somewhere = True
            else:
                before, medicine = _parted(sentence, words)
                if medicine:
                    medicines.append(medicine)
                    sorted_somewhere = True
                if before and words.about_me.search(fold(before)):
                    concerns.append(before)
                    since += [(found, before) for found in _spans(words.since, before)]
                    sorted_somewhere = True
        said_nothing_yet = not sorted_somewhere and words.not_said.search(fold(entry.text)) is None
        if said_nothing_yet and replies.get(entry.id, set()) & _HEALTH:
            asked.append(_shortened(entry.text))
    # One time alone says enough; of several, each needs the sentence that tells what it is about.
    times = [found for found, _ in since] if len({found for found, _ in since}) == 1 else [told for _, told in since]
    return VisitSheet(words.language, today, _few(concerns), _few(times), _few(medicines), _few(asked), questions)


def topics_talked_about(entries: Iterable[TranscriptEntry]) -> list[str]:
    """Return the ids of the topics that answers cited, the latest first."""
    cited = [
        citation.id.split("/")[0]
        for entry in entries
        if entry.author in (EntryAuthor.BOT, EntryAuthor.BOT_REVIEWED) and entry.kind == "answer"
        for citation in entry.citations
    ]
    return [topic for topic in dict.fromkeys(reversed(cited)) if _TOPIC_ID.fullmatch(topic)]


def questions_to_ask(locales: Path, language: str, topics: Sequence[str]) -> tuple[TopicQuestions, ...]:
    """Return the reviewed questions of the topics that are ours; of the general topic when there is none."""
    found = [each for topic in topics if (each := _questions_of(locales, language, topic))][:MOST_TOPICS]
    if not found and (general := _questions_of(locales, language, GENERAL_TOPIC)):
        found = [general]
    return tuple(found)


@lru_cache(maxsize=64)
def _questions_of(locales: Path, language: str, topic_id: str) -> TopicQuestions | None:
    path = locales / "languages" / language / "topics" / f"{topic_id}.md"
    if not path.is_file():
        return None
    topic = read_topic(path, language)
    return TopicQuestions(topic.title, tuple(p.text for p in topic.section("questions_to_ask")[:MOST_QUESTIONS]))


def _replies(entries: Iterable[TranscriptEntry]) -> dict[str, set[str]]:
    """Return the ids of the replies that each message got: a reply's own id is "<message>.<reply id>"."""
    replies: dict[str, set[str]] = {}
    for entry in entries:
        if entry.author is not EntryAuthor.PATIENT and "." in entry.id:
            message, _, reply = entry.id.partition(".")
            replies.setdefault(message, set()).add(reply)
    return replies


def _about_health(entries: Iterable[TranscriptEntry], replies: Mapping[str, set[str]]) -> Iterable[TranscriptEntry]:
    for entry in entries:
        if entry.author is not EntryAuthor.PATIENT or entry.kind != "text" or entry.text.startswith("/"):
            continue
        given = replies.get(entry.id, set())
        if given & _HEALTH or not any(_ABOUT_THE_CHAT.fullmatch(reply) for reply in given):
            yield entry


def _sentences(text: str) -> list[str]:
    pieces = [piece.strip(" \t,;") for piece in _SENTENCE_END.split(text)]
    return [_shortened(piece) for piece in pieces if len(piece.split()) >= _FEWEST_WORDS]


def _asks(sentence: str, folded: str, words: SheetWords) -> bool:
    return sentence.endswith("?") or "¿" in sentence or words.questions.match(folded.lstrip(" \"'")) is not None


def _parted(sentence: str, words: SheetWords) -> tuple[str, str]:
    """Return what stands before the words on medicines, and these; either may be empty."""
    folded = fold(sentence)
    found = words.medicines.search(folded)
    if found is None or words.not_medicines.search(folded):
        return sentence, ""
    # Folding may change the length; then the sentence stays whole.
    before = sentence[: found.start()] if len(folded) == len(sentence) else ""
    before = re.sub(r"[\s,]+(?:\w{1,4}[\s,]+)?$", "", before) if before.strip() else ""
    if len(before.split()) < _BEFORE_MEDICINE:
        return "", sentence
    return before, sentence[found.start() :]


def _spans(cues: re.Pattern[str], text: str) -> list[str]:
    folded = fold(text)
    if len(folded) != len(text):
        return [text] if cues.search(folded) else []
    return [text[found.start() : found.end()].strip() for found in cues.finditer(folded)]


def _few(lines: Iterable[str]) -> tuple[str, ...]:
    """Return each line once; of too many, the latest: what was said last is what matters now."""
    once = {fold(line).rstrip(".!? "): line for line in lines}
    return tuple(once.values())[-MOST_LINES:]


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1].rstrip()}…"


@lru_cache(maxsize=16)
def load_sheet_words(locales: Path, language: str) -> SheetWords:
    """Return the words and cues of the language.

    Raises:
        DataFileError: The file is missing or bends the format.
    """
    path = locales / "languages" / language / SHEET_FILE
    loaded = read_yaml(path)
    if not isinstance(loaded, dict) or set(loaded) != {"words", "cues"}:
        raise DataFileError(path, "the file has the keys words and cues, and no other")
    words, cues = loaded["words"], loaded["cues"]
    if not isinstance(words, dict) or set(words) != set(_WORDS) or not all(isinstance(w, str) for w in words.values()):
        raise DataFileError(path, f"'words' must have exactly these keys: {', '.join(_WORDS)}")
    if not isinstance(cues, dict) or set(cues) != set(_CUES):
        raise DataFileError(path, f"'cues' must have exactly these keys: {', '.join(_CUES)}")
    for key, phrases in cues.items():
        if not isinstance(phrases, list) or not phrases or not all(isinstance(each, str) for each in phrases):
            raise DataFileError(path, f"'{key}' must be a list of words, like [one, two]")
    compiled = {key: _compiled(cues[key], cues["numbers"], cues["ends"]) for key in _CUES[:6]}
    return SheetWords(language, {key: text.strip() for key, text in words.items()}, **compiled)


def _compiled(phrases: Sequence[str], numbers: Sequence[str], ends: Sequence[str]) -> re.Pattern[str]:
    plain = "|".join(sorted((re.escape(fold(n)) for n in numbers if "#" not in n), key=len, reverse=True))
    number = rf"(?:\d+|{plain})"
    led = [_escaped(fold(n), number, "") for n in numbers if "#" in n]
    any_number = f"(?:{'|'.join([*led, number])})"
    stop = "|".join(re.escape(fold(end)) for end in ends)
    following = rf"(?!(?:{stop})\b)[\w'-]+(?:\s+(?!(?:{stop})\b)[\w'-]+){{0,2}}"
    ways = sorted((_escaped(fold(phrase), any_number, following) for phrase in phrases), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(ways)})(?!\w)")


def _escaped(phrase: str, number: str, following: str) -> str:
    kinds = {"#": number, "_": following, "*": r"\w+"}
    return r"\s+".join(kinds.get(word) or re.escape(word).replace(r"\*", r"\w*") for word in phrase.split())
