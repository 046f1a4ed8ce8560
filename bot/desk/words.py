"""How the desk says what a case holds: levels, reasons, outcomes, times.

For the care team only. Words for patients stand in `locales/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from actions.handoff.case import Case, CaseAct, CaseEvent, CaseReason, CaseState, Outcome
from actions.transcript import EntryAuthor, TranscriptEntry
from bot.desk.staff import Role
from careguard.verdict import Level

LEVELS: Mapping[Level, str] = {Level.EMERGENCY: "Emergency", Level.URGENT: "Urgent", Level.NONE: "Routine"}

REASONS: Mapping[CaseReason, str] = {
    CaseReason.EMERGENCY: "Emergency sign",
    CaseReason.CRISIS: "Sign of crisis",
    CaseReason.URGENT: "Urgent sign",
    CaseReason.ASKED_FOR_PERSON: "Asked for a person",
    CaseReason.TWO_MISUNDERSTANDINGS: "Bot did not understand twice",
    CaseReason.OWN_MEDICINE: "Own medicine, dose or results",
    CaseReason.DECLINED_EMERGENCY: "Declined the emergency advice",
    CaseReason.DIALOGUE_FAILED: "Bot could not handle the message",
    CaseReason.NO_REPLY: "Left without a reply",
    CaseReason.WORSE_WHILE_WAITING: "Feels worse while waiting",
    CaseReason.WROTE_AGAIN: "Wrote again after the end",
    CaseReason.OTHER: "Other reason",
}

OUTCOMES: Mapping[Outcome, str] = {
    Outcome.ANSWERED: "Answered",
    Outcome.SENT_TO_EMERGENCY: "Sent to emergency care",
    Outcome.APPOINTMENT_MADE: "Appointment made",
    Outcome.REFERRED: "Referred elsewhere",
    Outcome.NO_REPLY_FROM_PATIENT: "No reply from the patient",
    Outcome.NOTHING_NEEDED: "Nothing needed",
    Outcome.LEFT_QUEUE: "Patient left the queue",
}
CHOSEN_OUTCOMES = tuple(outcome for outcome in Outcome if outcome is not Outcome.LEFT_QUEUE)

ROLES: Mapping[Role, str] = {
    Role.NURSE: "Nurse",
    Role.LEAD: "Lead",
    Role.CLINICAL_SAFETY: "Clinical safety",
    Role.ADMIN: "Administrator",
}

_ACTS: Mapping[CaseAct, str] = {
    CaseAct.OPENED: "Opened",
    CaseAct.RAISED: "Level raised",
    CaseAct.REASON_ADDED: "Reason added",
    CaseAct.CLAIMED: "Claimed",
    CaseAct.RELEASED: "Released",
    CaseAct.NOTE_ADDED: "Note added",
    CaseAct.REPLIED: "Reply sent",
    CaseAct.LEFT: "Patient left the queue",
    CaseAct.RESOLVED: "Resolved",
    CaseAct.ERASED: "Erased",
    CaseAct.TRANSFERRED: "Passed on",
    CaseAct.REOPENED: "Opened again",
    CaseAct.LATE: "Late: nobody had claimed it",
    CaseAct.HOLDER_WARNED: "Holder reminded",
    CaseAct.RETURNED: "Back in the queue: no answer from its holder",
    CaseAct.ASKED: "Patient asked whether they are still all right",
    CaseAct.FINE: "Patient says: still all right",
    CaseAct.SILENT: "Patient does not answer",
    CaseAct.REPLY_HELD: "Reply on its way",
    CaseAct.REPLY_WITHDRAWN: "Reply taken back",
    CaseAct.TAGGED: "Tags changed",
    CaseAct.FOLLOW_UP: "Follow-up changed",
}

_AUTHORS: Mapping[EntryAuthor, str] = {
    EntryAuthor.PATIENT: "Patient",
    EntryAuthor.BOT: "Bot",
    EntryAuthor.BOT_REVIEWED: "Bot, reviewed content",
    EntryAuthor.HUMAN: "Care team",
}

_CHANNELS: Mapping[str, str] = {"web": "Web", "telegram": "Telegram"}

_LANGUAGES: Mapping[str, str] = {
    "ar": "Arabic",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "ht": "Haitian Creole",
    "pt": "Portuguese",
    "ru": "Russian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}

_LAST_WORDS_LENGTH = 160


def level_words(level: Level) -> str:
    """Return the level as the desk names it."""
    return LEVELS[level]


def title(case: Case) -> str:
    """Return what the case is about: its category, else why it was opened."""
    return plain(case.category) if case.category else REASONS[case.reason]


def reason_words(case: Case) -> str:
    """Return every reason, the leading one first."""
    return ", ".join(REASONS[reason] for reason in case.reasons)


def plain(identifier: str) -> str:
    """Return an identifier as words: `chest_pain` becomes `Chest pain`."""
    words = identifier.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def channel_words(channel: str) -> str:
    """Return the channel's name."""
    return _CHANNELS.get(channel, plain(channel))


def language_words(tag: str) -> str:
    """Return the language's English name, or its tag."""
    return _LANGUAGES.get(tag.split("-", maxsplit=1)[0].lower(), tag)


def author_words(entry: TranscriptEntry) -> str:
    """Return who wrote the entry; a person by name."""
    if entry.author is EntryAuthor.HUMAN and entry.staff_name:
        return f"{entry.staff_name}, {_AUTHORS[entry.author].lower()}"
    return _AUTHORS[entry.author]


def event_words(event: CaseEvent) -> str:
    """Return what happened, with its level, reason or outcome in words."""
    words = _ACTS[event.act]
    if event.act is CaseAct.RAISED:
        return f"{words} to {LEVELS[Level(event.detail)].lower()}"
    if event.act in (CaseAct.OPENED, CaseAct.REASON_ADDED, CaseAct.REOPENED):
        return f"{words}: {REASONS[CaseReason.read(event.detail)].lower()}"
    if event.act is CaseAct.RESOLVED:
        return f"{words}: {OUTCOMES[Outcome(event.detail)].lower()}"
    return words


def state_words(case: Case, holder: str | None) -> str:
    """Return where the case stands, with its holder's name."""
    if case.state is CaseState.CLAIMED:
        return f"With {holder or 'a colleague'}"
    if case.state is CaseState.WAITING:
        return "Waiting"
    return f"Resolved: {OUTCOMES[case.outcome].lower()}" if case.outcome else "Resolved"


def duration(seconds: float) -> str:
    """Return a length of time in at most two units; the desk's script says it the same way."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def moment(at: float) -> str:
    """Return the time of day in UTC; the desk's script turns it into local time."""
    return datetime.fromtimestamp(at, UTC).strftime("%d %b %H:%M UTC")


def iso(at: float) -> str:
    """Return the time as HTML wants it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def shortened(text: str) -> str:
    """Return the text on one line, cut to what fits the queue."""
    words = " ".join(text.split())
    return words if len(words) <= _LAST_WORDS_LENGTH else words[: _LAST_WORDS_LENGTH - 1].rstrip() + "…"


def summary_lines(summary: str) -> list[tuple[str, str]]:
    """Return each line of a summary as its label and its words; a line without a label has an empty one."""
    lines = []
    for line in summary.splitlines():
        label, colon, words = line.partition(": ")
        lines.append((label, words) if colon and len(label) <= 24 else ("", line))
    return lines


def highlighted(text: str, matched: Iterable[str]) -> list[tuple[str, bool]]:
    """Return the text in pieces, each with whether a rule matched it; joined, the pieces are the text."""
    phrases = sorted({words for words in matched if words.strip()}, key=len, reverse=True)
    if not phrases:
        return [(text, False)] if text else []
    pieces = re.split("(" + "|".join(re.escape(phrase) for phrase in phrases) + ")", text, flags=re.IGNORECASE)
    return [(piece, index % 2 == 1) for index, piece in enumerate(pieces) if piece]
