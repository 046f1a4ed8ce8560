"""The page that a patient takes to a visit: what stands on it, who may open it, and that it is kept nowhere."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import httpx
import pytest

from actions.transcript import CitedPassage, EntryAuthor, TranscriptEntry
from bot.gateway.visit_sheet import (
    VisitSheet,
    load_sheet_words,
    make_sheet,
    questions_to_ask,
    topics_talked_about,
)
from careguard.errors import DataFileError
from careguard.reading import school_grade

from .conftest import Gateway

LOCALES = Path(__file__).resolve().parents[3] / "locales"
TODAY = dt.date(2026, 11, 24)
SAID = "My wrist has been sore for two weeks and I take naproxen."


def wrote(message_id: str, text: str, *replies: str) -> list[TranscriptEntry]:
    """A message of the patient and the replies that it got."""
    message = TranscriptEntry(message_id, 0.0, EntryAuthor.PATIENT, "text", text, "en")
    given = [TranscriptEntry(f"{message_id}.{r}", 0.0, EntryAuthor.BOT, "notice", "…", "en") for r in replies]
    return [message, *given]


def sheet(entries: list[TranscriptEntry], language: str = "en") -> VisitSheet:
    return make_sheet(entries, load_sheet_words(LOCALES, language), (), TODAY)


def test_what_was_said_is_sorted_in_the_patients_own_words() -> None:
    made = sheet(
        [
            *wrote("m1", "hello", "greet"),
            *wrote("m2", SAID, "question_kept", "answer"),
            *wrote("m3", "What helps with a sore wrist?", "answer"),
            *wrote("m4", "thanks", "thanks"),
        ]
    )
    assert made.concerns == ("My wrist has been sore for two weeks",)
    assert made.since == ("for two weeks",)
    assert made.medicines == ("I take naproxen.",)
    assert made.asked == ("What helps with a sore wrist?",)


def test_of_several_times_each_stands_with_its_sentence() -> None:
    made = sheet([*wrote("m1", "I have a cough since Monday. My ear hurts since last night.", "answer")])
    assert made.since == ("I have a cough since Monday.", "My ear hurts since last night.")


def test_spanish_sentences_are_sorted_alike() -> None:
    said = "Me duele la rodilla desde hace tres meses y tomo paracetamol. ¿Qué ayuda?"
    made = sheet([*wrote("m1", said, "answer")], "es")
    assert made.concerns == ("Me duele la rodilla desde hace tres meses",)
    assert made.since == ("desde hace tres meses",)
    assert made.medicines == ("tomo paracetamol.",)
    assert made.asked == ("¿Qué ayuda?",)


def test_what_was_refused_is_a_question_to_take_along() -> None:
    made = sheet([*wrote("m1", "Is my potassium of 5.4 bad?", "refuse_own_result")])
    assert made.asked == ("Is my potassium of 5.4 bad?",)


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("I want to talk to a nurse", "handoff_opened"),
        ("delete my data", "erase_confirm"),
        ("make a list for my doctor", "visit_sheet_ready"),
        ("simpler", "answer"),
        ("more detail please", "answer"),
        ("I am fine, thank you", "thanks"),
    ],
)
def test_what_was_said_to_the_chat_itself_does_not_stand_on_the_page(text: str, reply: str) -> None:
    made = sheet([*wrote("m1", text, reply)])
    assert (made.concerns, made.since, made.medicines, made.asked) == ((), (), (), ())


def test_a_question_about_a_medicine_is_no_medicine_that_is_taken() -> None:
    made = sheet([*wrote("m1", "Can I take naproxen with wine?", "refuse_medicine")])
    assert (made.medicines, made.asked) == ((), ("Can I take naproxen with wine?",))


def test_nothing_that_the_bot_said_and_no_button_stands_on_the_page() -> None:
    bot = TranscriptEntry("m1.answer", 0.0, EntryAuthor.BOT, "answer", "I have a fever since May.", "en")
    button = TranscriptEntry("m2", 0.0, EntryAuthor.PATIENT, "button", "I feel worse", "en")
    made = sheet([bot, button])
    assert (made.concerns, made.asked) == ((), ())


def test_questions_come_from_the_topics_that_were_talked_about_the_latest_first() -> None:
    cited = tuple(CitedPassage(f"{topic}/in_short/1", "t", "https://example.org") for topic in ("asthma", "glossary"))
    later = (CitedPassage("back_pain/in_short/1", "t", "https://example.org"),)
    entries = [
        TranscriptEntry("m1.answer", 0.0, EntryAuthor.BOT, "answer", "…", "en", cited),
        TranscriptEntry("m2.answer", 0.0, EntryAuthor.BOT_REVIEWED, "answer", "…", "en", later),
    ]
    topics = topics_talked_about(entries)
    assert topics[0] == "back_pain" and set(topics) == {"back_pain", "asthma", "glossary"}
    found = questions_to_ask(LOCALES, "en", tuple(topics))
    assert [each.title for each in found] == ["Back pain", "Asthma"]
    assert all(question.endswith("?") for each in found for question in each.questions)


@pytest.mark.parametrize("language", ["en", "es"])
def test_without_a_topic_there_are_questions_for_any_visit(language: str) -> None:
    (general,) = questions_to_ask(LOCALES, language, ())
    assert general.questions


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_words_of_the_page_are_plain(language: str) -> None:
    words = load_sheet_words(LOCALES, language).words
    assert school_grade(" ".join(words[key] for key in ("made_on", "not_kept", "used", "emergency")), language) <= 6


def test_a_file_without_all_its_words_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "languages" / "en"
    folder.mkdir(parents=True)
    whole = (LOCALES / "languages" / "en" / "visit_sheet.yaml").read_text(encoding="utf-8")
    (folder / "visit_sheet.yaml").write_text(whole.replace("  notes: Notes\n", ""), encoding="utf-8")
    with pytest.raises(DataFileError, match="notes"):
        load_sheet_words(tmp_path, "en")


def decide(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """A dialogue that knows one wish."""
    if "list" in turn["text"] or (turn["intent"] or {}).get("name") == "make_visit_sheet":
        return [{"effect": {"name": "show_visit_sheet"}}]
    return [{"reply": "clarify"}]


async def test_the_page_opens_once_by_its_ticket_and_no_key_holds_it(gateway: Gateway) -> None:
    gateway.dialogue.decide = decide
    chat = await gateway.chat()
    await chat.patient(SAID)
    await chat.expect(kind="clarify")
    await chat.patient("make a list for my doctor")
    ready = await chat.expect(kind="notice", reply_to=chat.last_message_id)
    assert "naproxen" not in ready["text"]
    page, _, ticket = ready["opens"]["visit_sheet:open"].partition("#")
    assert chat.token not in ticket
    assert (await chat.client.get(f"/{page}")).status_code == 200

    opened = await chat.client.post("/visit-sheet", data={"ticket": ticket})
    assert opened.status_code == 200
    assert opened.headers["cache-control"] == "no-store"
    assert "I take naproxen." in opened.text and "for two weeks" in opened.text

    again = await chat.client.post("/visit-sheet", data={"ticket": ticket})
    assert again.status_code == 410
    assert "naproxen" not in again.text
    assert not [key async for key in gateway.redis.scan_iter("bedside:ticket:*")]


async def test_what_a_patient_wrote_is_text_on_the_page_and_never_code(gateway: Gateway) -> None:
    gateway.dialogue.decide = decide
    chat = await gateway.chat()
    await chat.patient("I have <script>alert(1)</script> in my head since May")
    await chat.expect(kind="clarify")
    await chat.patient("make a list")
    ready = await chat.expect(kind="notice", reply_to=chat.last_message_id)
    opened = await chat.client.post(
        "/visit-sheet", data={"ticket": ready["opens"]["visit_sheet:open"].partition("#")[2]}
    )
    assert "<script>alert" not in opened.text
    assert "&lt;script&gt;alert(1)" in opened.text


async def test_the_bound_token_reads_the_sheet_and_nobody_else_does(gateway: Gateway) -> None:
    chat = await gateway.chat()
    address = f"/web/conversations/{chat.conversation_id}/visit-sheet"
    assert (await chat.client.get(address)).status_code == 401
    read: httpx.Response = await chat.client.get(address, headers=chat.authorization)
    assert read.headers["cache-control"] == "no-store"
    assert [part["lines"] for part in read.json()["parts"]] == [[], [], [], []]


async def test_a_ticket_that_nobody_gave_opens_nothing(gateway: Gateway) -> None:
    chat = await gateway.chat()
    for ticket in ("", "x", f"{chat.conversation_id}.wrong", "x" * 5000):
        assert (await chat.client.post("/visit-sheet", data={"ticket": ticket})).status_code == 410
