"""Waiting, time and notices through the whole running product, with seconds in place of minutes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.desk.notices import is_genuine
from tests.chat import Chat, chatting
from tests.fakes.mail import FakeMailServer
from tests.journeys.stack import RunningBedside, running_bedside
from tests.journeys.test_handoff import act, hidden
from tests.serving import serving
from tests.store import free_port

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

SECRET = "s" * 40
WEBHOOK_PORT, MAIL_PORT = free_port(), free_port()


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBedside]:
    """The product with short times, told to a webhook and a mail server of this machine."""
    settings = {
        "BEDSIDE_TARGET_OTHER_S": "4",
        "BEDSIDE_TARGET_URGENT_S": "4",
        "BEDSIDE_HOLDER_REMINDED_AFTER_S": "3",
        "BEDSIDE_CASE_RETURNED_AFTER_S": "3",
        "BEDSIDE_ASKED_OTHER_S": "6",
        "BEDSIDE_UNDO_SEND_S": "3",
        "BEDSIDE_WEBHOOK_URL": f"http://127.0.0.1:{WEBHOOK_PORT}/bedside",
        "BEDSIDE_WEBHOOK_SECRET": SECRET,
        "BEDSIDE_SMTP_HOST": "127.0.0.1",
        "BEDSIDE_SMTP_PORT": str(MAIL_PORT),
        "BEDSIDE_SMTP_SECURITY": "none",
        "BEDSIDE_MAIL_FROM": "bedside@clinic.example",
        "BEDSIDE_MAIL_TO": "nurses@clinic.example",
        "BEDSIDE_MAIL_TO_LEADS": "lead@clinic.example",
    }
    with running_bedside(tmp_path_factory.mktemp("quick"), **settings) as running:
        yield running


@pytest.fixture
async def desk(quick: RunningBedside) -> AsyncIterator[httpx.AsyncClient]:
    """The first account, signed in."""
    name, password = quick.first_sign_in()
    async with httpx.AsyncClient(base_url=quick.address, follow_redirects=True, trust_env=False, timeout=20) as client:
        page = await client.get("/desk/sign-in")
        form = {"sign_in": name, "password": password, "csrf": hidden(page.text, "csrf")}
        await client.post("/desk/sign-in", data=form)
        yield client


@pytest.fixture
async def patient(quick: RunningBedside) -> AsyncIterator[Chat]:
    """A patient in the United States who has given consent."""
    async with chatting(quick.address, country="US") as chat:
        await chat.agree()
        yield chat


async def says(chat: Chat, words: str) -> None:
    """Wait until the patient has read these words about the case."""
    while words not in (await chat.expect(kind="handoff", reply_to=None))["text"]:
        pass


async def test_who_waits_is_told_asked_and_a_silent_holder_loses_the_case(
    patient: Chat, desk: httpx.AsyncClient
) -> None:
    """Place and signs at once; a holder who says nothing is reminded, and the case comes back; the bot goes on."""
    await patient.patient("I want to talk to a nurse")
    case_id = (await patient.expect(name="case", state="waiting"))["case_id"]
    await says(patient, "Your place in line:")
    await patient.patient("What is high blood pressure?")
    await patient.expect_answer_to_last(kind="answer")
    await act(desk, case_id, "claim")
    await patient.expect(name="case", case_id=case_id, state="claimed")
    await says(patient, "had to go")
    await patient.expect(name="case", case_id=case_id, state="waiting")
    page = (await desk.get(f"/desk/cases/{case_id}")).text
    for happened in ("Holder reminded", "Back in the queue", "Late: nobody had claimed it"):
        assert happened in page


async def test_still_all_right_and_feeling_worse(patient: Chat, desk: httpx.AsyncClient) -> None:
    """The question comes by itself; feeling worse raises the case with approved words."""
    await patient.patient("I want to talk to a nurse")
    case_id = (await patient.expect(name="case", state="waiting"))["case_id"]
    while "check:worse" not in str((await patient.expect(kind="handoff", reply_to=None)).get("quick_replies")):
        pass
    await patient.patient("check:ok")
    await patient.expect_answer_to_last(kind="handoff")
    await patient.patient("check:worse")
    await patient.expect_answer_to_last(kind="urgent")
    await patient.expect(name="case", case_id=case_id, level="urgent")
    page = (await desk.get(f"/desk/cases/{case_id}")).text
    assert "Feels worse while waiting" in page
    await patient.patient("handoff:cancel")
    await patient.expect_answer_to_last(kind="handoff")


async def test_a_reply_is_taken_back_a_second_one_arrives_and_the_case_opens_again(
    patient: Chat, desk: httpx.AsyncClient
) -> None:
    """What was taken back is never read; after the end the patient writes again and is heard."""
    await patient.patient("I want to talk to a nurse")
    case_id = (await patient.expect(name="case", state="waiting"))["case_id"]
    await act(desk, case_id, "claim")
    await act(desk, case_id, "reply", text="This must not arrive.")
    page = await desk.get(f"/desk/cases/{case_id}")
    fields = {"csrf": hidden(page.text, "csrf"), "reply_id": hidden(page.text, "reply_id")}
    undone = await desk.post(f"/desk/cases/{case_id}/undo", data=fields)
    assert "Your reply was taken back." in undone.text
    await act(desk, case_id, "reply", text="Hello, how can I help?")
    assert (await patient.expect(kind="human"))["text"] == "Hello, how can I help?"
    await act(desk, case_id, "resolve", outcome="answered")
    await patient.patient("thank you")
    await patient.expect_answer_to_last()
    await patient.patient("What are the signs of diabetes?")
    await patient.expect_answer_to_last(kind="answer")
    await says(patient, "wrote again")
    assert "Opened again" in (await desk.get(f"/desk/cases/{case_id}")).text


async def test_cases_are_told_to_the_webhook_and_by_mail(patient: Chat) -> None:
    """Signed and mailed at the moment of handoff and when late, without a word of the patient."""
    told: list[dict[str, object]] = []

    async def take(request: Request) -> Response:
        body = await request.body()
        if not is_genuine(SECRET, request.headers, body, now=time.time()):
            return Response(status_code=401)
        told.append(json.loads(body))
        return Response(status_code=204)

    receiver = Starlette(routes=[Route("/bedside", take, methods=["POST"])])
    mails = FakeMailServer(port=MAIL_PORT)
    async with serving(receiver, port=WEBHOOK_PORT), mails.running():
        await patient.patient("the zebra canary wants to talk to a nurse")
        case_id = (await patient.expect(name="case", state="waiting"))["case_id"]
        async with asyncio.timeout(90):
            while not {"opened", "late"} <= {str(each["event"]) for each in told if each["case_id"] == case_id}:
                await asyncio.sleep(0.2)
            while sum(case_id in mail for mail in mails.mails) < 2:
                await asyncio.sleep(0.2)
    assert "zebra" not in json.dumps(told) + "".join(mails.mails)
    assert ["lead@clinic.example", "nurses@clinic.example"] in mails.receivers
