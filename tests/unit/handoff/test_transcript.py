"""The transcript on a real store, and the summary made of it."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from actions.handoff.case import CaseReason
from actions.transcript import CitedPassage, EntryAuthor, Transcript, TranscriptEntry, summarise_case
from careguard.verdict import Decision, FiredRule, Level, Verdict
from tests.store import until_watched

SECRET = "the canary sings at dawn"


def entry(
    id_: str, text: str, author: EntryAuthor = EntryAuthor.PATIENT, kind: str = "text", **more: object
) -> TranscriptEntry:
    return TranscriptEntry(id=id_, at=1.0, author=author, kind=kind, text=text, language="en", **more)  # type: ignore[arg-type]


async def test_entries_come_back_in_the_order_of_the_conversation(transcript: Transcript) -> None:
    """The care team reads what was said, whole and in order, with the citations that the patient saw."""
    cited = (CitedPassage("t/in_short/1", "Title", "https://example.org", "Publisher", "2026-01-01"),)
    entries = [
        entry("m1", "What is high blood pressure?"),
        entry("r1", "An answer.", EntryAuthor.BOT_REVIEWED, "answer", citations=cited),
        entry("h1", "I am a nurse.", EntryAuthor.HUMAN, "human", case_id="K7", staff_name="Ana"),
    ]
    for each in entries:
        assert await transcript.append("c1", each)
    assert await transcript.read("c1") == entries
    assert await transcript.read("c1", limit=1) == entries[-1:]
    assert await transcript.read("nobody") == []


async def test_the_same_entry_is_kept_once(transcript: Transcript) -> None:
    """A reply that is delivered again after a crash stands once in the record."""
    assert await transcript.append("c1", entry("m1", "hello"))
    assert not await transcript.append("c1", entry("m1", "hello"))
    assert len(await transcript.read("c1")) == 1


async def test_last_words_are_the_patients(transcript: Transcript) -> None:
    """The queue shows what the patient wrote last, not what the bot said after it."""
    await transcript.append("c1", entry("m1", "hello"))
    await transcript.append("c1", entry("m2", "are you there?"))
    await transcript.append("c1", entry("r1", "Yes.", EntryAuthor.BOT))
    assert await transcript.last_words(["c1", "nobody"]) == {"c1": "are you there?"}
    assert await transcript.last_words([]) == {}


async def test_words_are_sealed_and_expire_and_can_be_erased(transcript: Transcript, redis: Redis) -> None:
    """No key holds readable words; every key has an expiry; erasing leaves none."""
    await transcript.append("c1", entry("m1", SECRET))
    keys = [key async for key in redis.scan_iter("*")]
    assert len(keys) == 3
    for key in keys:
        assert 0 < await redis.ttl(key) <= 30 * 24 * 3600
    stored = str(await redis.xrange("bedside:transcript:entries:c1")) + str(
        await redis.get("bedside:transcript:last:c1")
    )
    assert "canary" not in stored
    assert await transcript.erase("c1") == 3
    assert [key async for key in redis.scan_iter("*")] == []


async def test_live_views_are_told_which_conversation_went_on(transcript: Transcript, redis: Redis) -> None:
    """A nurse with the case open sees the patient's next message at once."""
    changes = transcript.changes()
    first = asyncio.ensure_future(anext(changes))
    async with asyncio.timeout(10):
        await until_watched(redis, "bedside:transcript:changes")
        await transcript.append("c1", entry("m1", SECRET))
        assert await first == "c1"
    await changes.aclose()  # type: ignore[attr-defined]


def test_a_summary_says_what_was_asked_said_answered_and_why() -> None:
    """The shape is fixed; it quotes the patient and draws no conclusion."""
    entries = [
        entry("m1", "What is high blood pressure?"),
        entry(
            "r1",
            "It is …",
            EntryAuthor.BOT_REVIEWED,
            "answer",
            citations=(CitedPassage("p", "High blood pressure", "u"),),
        ),
        entry("m2", "ok"),
        entry("m3", "my  chest\nhurts"),
        entry("r2", "Call now.", EntryAuthor.BOT, "emergency"),
    ]
    verdict = Verdict(Decision.ESCALATE, Level.EMERGENCY, "chest_pain", (FiredRule("chest_pain", 4, 15),))
    assert summarise_case(entries, reason=CaseReason.EMERGENCY, verdict=verdict).splitlines() == [
        "Asked first: “What is high blood pressure?”",
        "Said before: “ok”",
        "Said last: “my chest hurts”",
        "Bot answered: “It is …” (from: High blood pressure)",
        "Why a person: the patient's words match an emergency sign (chest_pain)",
    ]


@pytest.mark.parametrize("reason", list(CaseReason))
def test_every_reason_has_words_also_for_an_empty_conversation(reason: CaseReason) -> None:
    """A handoff with no message before it still says why."""
    lines = summarise_case([], reason=reason, topic="Asthma").splitlines()
    assert lines[:3] == ["Topic: Asthma", "Said last: nothing yet", "Bot answered: nothing yet"]
    assert lines[3].startswith("Why a person: ")


def test_a_long_message_is_cut_in_the_summary() -> None:
    """A summary stays short, whatever a patient pastes."""
    entries = [entry("m1", "word " * 500), entry("r1", "?", EntryAuthor.BOT, "clarify")]
    summary = summarise_case(entries, reason=CaseReason.TWO_MISUNDERSTANDINGS)
    assert len(summary) < 600
    assert "…”" in summary
    assert "last message of kind clarify" in summary
