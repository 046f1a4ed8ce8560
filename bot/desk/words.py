"""How the desk says what a case holds: levels, reasons, outcomes, times.

For the care team only. Words for patients stand in `locales/`. The sentences here are English; `tongue` says them in
the language of whoever reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from actions.handoff.case import Case, CaseAct, CaseEvent, CaseReason, CaseState, Outcome
from actions.transcript import EntryAuthor, TranscriptEntry
from bot.desk.staff import Role
from bot.desk.tongue import t
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

DONE: Mapping[str, str] = {
    "claimed": "You hold this case now. The patient has been told.",
    "claimed_untold": "You hold this case now, but the patient could not be told yet. Write to them.",
    "replied": "Your reply is on its way to the patient.",
    "reply_waits": "Your reply is kept, but could not be sent yet. It is tried again until it arrives.",
    "undone": "Your reply was taken back. It is in the field below.",
    "suggested": "The bot suggests the reply below. Read it and change it: nothing is sent until you send it.",
    "noted": "Your note is saved. The patient does not see it.",
    "tagged": "The tags are saved.",
    "follow_up": "The follow-up is saved.",
    "released": "The case waits in the queue again, at its old place.",
    "transferred": "The case was passed on, and the patient has been told.",
    "transferred_untold": "The case was passed on, but the patient could not be told yet.",
    "resolved": "The case is resolved and the bot is back with the patient.",
    "resolved_untold": "The case is resolved, but the patient could not be told yet.",
    "view_saved": "The view is saved.",
    "view_not_saved": "The view was not saved: give it a name, and keep at most 20.",
    "view_removed": "The view is removed.",
}

SHOWS: Mapping[str, str] = {
    "open": "Open",
    "unclaimed": "Unclaimed",
    "mine": "Mine",
    "follow_up": "Follow-up",
    "resolved": "Resolved",
}

_DELIVERIES: Mapping[str, str] = {
    "stored": "Stored, not yet fetched by the patient's device",
    "sent": "Sent",
    "read": "Read: the patient wrote since",
    "failed": "Not delivered",
}

_REFUSALS: Mapping[str, str] = {"Forbidden": "the patient has blocked the bot", "BadRequest": "the channel refuses it"}

IN_SCRIPT = (
    "Live",
    "Not live: trying again",
    "late",
    "half time",
    "New case.",
    "A case was raised.",
    "A case is waiting again.",
    "A case is late.",
    "A patient does not answer.",
    "The patient waits for your word.",
    "A case was passed on to you.",
    "An emergency case",
    "An urgent case",
    "A case",
    "is waiting.",
    "needs you.",
    "Leaves in {seconds} s",
    "This case was erased meanwhile. What you typed is still on this page, but it cannot be sent.",
    "No connection. You see what was known at {time}. What you type is kept in this tab.",
)
"""What the desk's script says."""

_LAST_WORDS_LENGTH = 160


def level_words(level: Level) -> str:
    """Return the level as the desk names it."""
    return t(LEVELS[level])


def title(case: Case) -> str:
    """Return what the case is about: its category, else why it was opened."""
    return t(plain(case.category)) if case.category else t(REASONS[case.reason])


def reason_words(case: Case) -> str:
    """Return every reason, the leading one first."""
    return ", ".join(t(REASONS[reason]) for reason in case.reasons)


def plain(identifier: str) -> str:
    """Return an identifier as words: `chest_pain` becomes `Chest pain`."""
    words = identifier.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def channel_words(channel: str) -> str:
    """Return the channel's name."""
    return t(_CHANNELS.get(channel, plain(channel)))


def language_words(tag: str) -> str:
    """Return the language's name, or its tag."""
    return t(_LANGUAGES.get(tag.split("-", maxsplit=1)[0].lower(), tag))


def kind_words(kind: str) -> str:
    """Return the kind of a message or reply."""
    return t(plain(kind)).lower()


def outcome_words(outcome: Outcome) -> str:
    """Return how a case ended."""
    return t(OUTCOMES[outcome])


def role_words(role: Role) -> str:
    """Return what a person is at the desk."""
    return t(ROLES[role])


def delivery_words(state: str, reason: str = "") -> str:
    """Return how far a message came, with why it went no further."""
    words = t(_DELIVERIES.get(state, state))
    return f"{words}: {t(_REFUSALS.get(reason, reason))}" if reason else words


def script_words() -> dict[str, str]:
    """Return what the desk's script says, by its English sentence."""
    return {english: t(english) for english in IN_SCRIPT}


def author_words(entry: TranscriptEntry) -> str:
    """Return who wrote the entry; a person by name."""
    if entry.staff_name and entry.author is EntryAuthor.HUMAN:
        return f"{entry.staff_name}, {t(_AUTHORS[entry.author]).lower()}"
    if entry.staff_name and entry.author is EntryAuthor.BOT_REVIEWED:
        return t("Bot, reviewed by {name}", name=entry.staff_name)
    return t(_AUTHORS[entry.author])


def event_words(event: CaseEvent, names: Mapping[str, str] | None = None) -> str:
    """Return what happened, with its level, reason, outcome or person in words."""
    words = t(_ACTS[event.act])
    match event.act:
        case CaseAct.RAISED:
            return t("Level raised to {level}", level=level_words(Level(event.detail)).lower())
        case CaseAct.OPENED | CaseAct.REASON_ADDED | CaseAct.REOPENED:
            return f"{words}: {t(REASONS[CaseReason.read(event.detail)]).lower()}"
        case CaseAct.RESOLVED:
            return f"{words}: {outcome_words(Outcome(event.detail)).lower()}"
        case CaseAct.TRANSFERRED | CaseAct.HOLDER_WARNED | CaseAct.RETURNED if event.detail:
            return f"{words}: {(names or {}).get(event.detail, event.detail)}"
        case CaseAct.FOLLOW_UP if event.detail:
            return f"{words}: {event.detail}"
    return words


def state_words(case: Case, holder: str | None) -> str:
    """Return where the case stands, with its holder's name."""
    if case.state is CaseState.CLAIMED:
        return t("With {name}", name=holder or t("a colleague"))
    if case.state is CaseState.WAITING:
        return t("Waiting")
    resolved = t("Resolved")
    return f"{resolved}: {outcome_words(case.outcome).lower()}" if case.outcome else resolved


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


def summary_rows(case: Case) -> list[tuple[str, str]]:
    """Return the case in a fixed shape: asked, said, known, answered, why; what is not known has a dash."""
    said = dict(summary_lines(case.summary))
    first, last = said.get("Asked first", ""), said.get("Said last", "")
    return [
        (t("What was asked"), first or last or "–"),
        (t("What was said"), " … ".join(filter(None, (said.get("Said before"), last if first else ""))) or "–"),
        (t("What is known"), ", ".join(_known(case, said.get("Topic", "")))),
        (t("What the bot answered"), said.get("Bot answered", "–")),
        (t("Why a person"), said.get("Why a person", "") or reason_words(case)),
    ]


def _known(case: Case, topic: str) -> list[str]:
    known = [level_words(case.level), title(case), language_words(case.language), channel_words(case.channel)]
    return [*known, *filter(None, (case.country, topic))]


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
