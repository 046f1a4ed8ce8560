"""From the bot to a person and back, through the desk as the care team uses it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.chat import Chat, chatting
from tests.journeys.stack import RunningBedside

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@pytest.fixture
async def desk(bedside: RunningBedside) -> AsyncIterator[httpx.AsyncClient]:
    """A nurse who has signed in with the account that `bedside up` made."""
    async with signed_in(bedside, *bedside.first_sign_in()) as client:
        yield client


@asynccontextmanager
async def signed_in(bedside: RunningBedside, name: str, password: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody at the desk, in a browser without a script."""
    async with httpx.AsyncClient(
        base_url=bedside.address, follow_redirects=True, trust_env=False, timeout=30.0
    ) as client:
        page = await client.get("/desk/sign-in")
        await client.post(
            "/desk/sign-in", data={"sign_in": name, "password": password, "csrf": hidden(page.text, "csrf")}
        )
        account = await client.get("/desk/account")
        assert "sign-in" not in str(account.url)
        yield client


def hidden(page: str, name: str) -> str:
    """Return the value of a hidden field of the page's forms."""
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found is not None, page[:2000]
    return found[1]


async def act(desk: httpx.AsyncClient, case_id: str, what: str, **fields: str) -> httpx.Response:
    """Send one form of the case's page."""
    page = await desk.get(f"/desk/cases/{case_id}")
    if what == "reply":
        fields["reply_token"] = hidden(page.text, "reply_token")
    response = await desk.post(f"/desk/cases/{case_id}/{what}", data={"csrf": hidden(page.text, "csrf"), **fields})
    assert response.status_code == 200, response.text[:500]
    return response


async def test_a_person_is_asked_for_claims_answers_and_hands_back(chat: Chat, desk: httpx.AsyncClient) -> None:
    await chat.patient("I want to talk to a nurse")
    await chat.expect_answer_to_last(kind="handoff")
    case_id = (await chat.expect(name="case", state="waiting"))["case_id"]

    await act(desk, case_id, "claim")
    taken = await chat.expect(kind="handoff", case_id=case_id)
    assert taken["author"] == "bot"

    silent_from = len(chat.messages())
    await chat.patient("What is high blood pressure?")
    await chat.expect(name="read", reply_to=chat.last_message_id)
    page = await desk.get(f"/desk/cases/{case_id}")
    assert "What is high blood pressure?" in page.text
    assert len(chat.messages()) == silent_from

    await act(desk, case_id, "reply", text="Hello, this is the nurse. How can I help?")
    human = await chat.expect(kind="human", author="human")
    assert human["text"] == "Hello, this is the nurse. How can I help?"

    await act(desk, case_id, "resolve", outcome="answered")
    await chat.expect(kind="handoff", case_id=case_id)
    await chat.patient("What is high blood pressure?")
    await chat.expect_answer_to_last(kind="answer")


async def test_red_flags_are_still_seen_while_a_person_holds_the_conversation(
    chat: Chat, desk: httpx.AsyncClient
) -> None:
    await chat.patient("person")
    case_id = (await chat.expect(name="case", state="waiting"))["case_id"]
    await act(desk, case_id, "claim")
    await chat.patient("now I can't breathe")
    reply = await chat.expect_answer_to_last(kind="emergency")
    assert reply["case_id"] == case_id
    page = await desk.get(f"/desk/cases/{case_id}")
    assert "emergency" in page.text.lower()


async def test_the_most_pressing_case_leads_the_queue(bedside: RunningBedside, desk: httpx.AsyncClient) -> None:
    ids = []
    for text in ("person", "I have crushing chest pain and my left arm is numb"):
        async with chatting(bedside.address) as patient:
            await patient.patient(text)
            ids.append((await patient.expect(name="case", state="waiting"))["case_id"])
    queue = (await desk.get("/desk/")).text
    assert queue.index(ids[1]) < queue.index(ids[0])


async def test_a_waiting_patient_may_leave_the_queue(chat: Chat) -> None:
    await chat.patient("person")
    await chat.expect(name="case", state="waiting")
    await chat.patient("handoff:cancel")
    await chat.expect_answer_to_last(kind="handoff")


async def test_an_operator_gives_out_and_erases_what_is_kept_about_a_patient(
    chat: Chat, bedside: RunningBedside, tmp_path: Path
) -> None:
    await chat.patient("zebracanary, I want to talk to a nurse")
    case_id = (await chat.expect(name="case", state="waiting"))["case_id"]
    export = tmp_path / "patient.json"
    done = await asyncio.to_thread(bedside.command, "patient", "export", case_id, "--output", str(export))
    assert done.returncode == 0, done.stderr
    assert "zebracanary" in export.read_text(encoding="utf-8")
    done = await asyncio.to_thread(bedside.command, "patient", "erase", case_id, "--yes")
    assert done.returncode == 0, done.stderr
    done = await asyncio.to_thread(bedside.command, "patient", "erase", case_id, "--yes")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


async def test_what_found_no_answer_is_answered_by_a_clinician_and_given_until_retired(
    chat: Chat, bedside: RunningBedside
) -> None:
    """From the gap to the signed answer, in the patient's next words, and back to none."""
    question = "Can I swim with a cast on my arm?"
    await chat.patient(question)
    before = await chat.expect_answer_to_last()
    cleo = await asyncio.to_thread(bedside.add_staff, "cleo", "clinical_safety")
    async with signed_in(bedside, *cleo) as desk:
        form = (await desk.get("/desk/answers/new")).text
        signed = {
            "csrf": hidden(form, "csrf"),
            "revision": "0",
            "language": "en",
            "question": question,
            "text": "A cast should stay dry, so swimming has to wait.",
            "review_due": (datetime.now(UTC) + timedelta(days=90)).date().isoformat(),
        }
        page = await desk.post("/desk/answers", data=signed)
        assert "The answer is signed." in page.text, page.text[:500]
        await chat.patient("is it ok to go swimming with a cast on my arm")
        reply = await chat.expect_answer_to_last(kind="answer")
        assert (reply["text"], reply["author"], reply["mode"]) == (signed["text"], "bot_reviewed", "approved")
        assert reply["citations"][0]["reviewed_on"] == datetime.now(UTC).date().isoformat()
        found = re.search(r"/desk/answers/([0-9a-f]{12})", page.text)
        assert found is not None
        retired = await desk.post(f"/desk/answers/{found[1]}/retire", data=signed | {"revision": "1"})
        assert "The answer is retired." in retired.text
        await chat.patient(question)
        after = await chat.expect_answer_to_last()
        assert (after["kind"], after["text"]) == (before["kind"], before["text"])
        if before["kind"] == "clarify":
            assert question in (await desk.get("/desk/gaps")).text
