"""People outside the desk are told of cases, by real receivers on this machine."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field, replace

import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from actions.handoff.case import CaseAct, CaseReason
from actions.handoff.queue import CaseNotice
from bot.desk import notices
from bot.desk.notices import Mailer, MailServer, ReceiverAwayError, Webhook, is_genuine, signature
from bot.gateway.tellers import Teller
from careguard.verdict import Level
from tests.fakes.mail import FakeMailServer
from tests.serving import serving
from tests.unit.desk.desk import Desk

SECRET = "s" * 40
CANARY = "the canary sings at dawn"


@dataclass
class Receiver:
    """A pager service: takes notices that are genuine, after refusing as many as a test says."""

    statuses: list[int] = field(default_factory=list)
    taken: list[dict[str, object]] = field(default_factory=list)
    tries: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/bedside", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        headers = dict(request.headers)
        self.tries.append((headers, body))
        if not is_genuine(SECRET, headers, body, now=time.time()):
            return Response(status_code=401)
        if self.statuses:
            return Response(status_code=self.statuses.pop(0))
        self.taken.append(json.loads(body))
        return Response(status_code=204)


def notice(act: CaseAct = CaseAct.OPENED, **more: object) -> CaseNotice:
    made = CaseNotice(
        id="1-0",
        case_id="K7",
        act=act,
        at=time.time(),
        level=Level.EMERGENCY,
        category="chest_pain",
        language="en",
        country="US",
        channel="web",
        team=None,
        holder=None,
        by=None,
        detail="1" if act is CaseAct.LATE else "",
    )
    return replace(made, **more)  # type: ignore[arg-type]


async def test_a_case_is_told_to_the_webhook_at_the_moment_of_handoff(desk: Desk, redis: Redis) -> None:
    """Signed, with level, category and link, and without a word of the patient, however it got into the case."""
    receiver = Receiver()
    await desk.queue.join_notices("webhook")
    await desk.patient_says(CANARY)
    case = await desk.open_case(
        level=Level.EMERGENCY,
        reason=CaseReason.EMERGENCY,
        category="chest_pain",
        rules=("chest_pain",),
        matched=(CANARY,),
        summary=CANARY,
    )
    async with serving(receiver.app()) as address:
        webhook = Webhook(f"{address}/bedside", SECRET, public_url="https://bedside.example")
        assert await Teller(desk.queue, "webhook", webhook.tell).step(wait_s=1) == 1
        assert await Teller(desk.queue, "webhook", webhook.tell, again_after_s=0).step(wait_s=0.01) == 0
    [told] = receiver.taken
    assert told["event"] == "opened"
    assert (told["case_id"], told["level"], told["category"]) == (case.id, "emergency", "chest_pain")
    assert told["link"] == f"https://bedside.example/desk/cases/{case.id}"
    assert CANARY not in repr(receiver.tries)


async def test_a_webhook_that_is_busy_is_tried_again_with_a_fresh_signature() -> None:
    """Three refusals later it is taken; every try carries the same id and its own time."""
    receiver = Receiver(statuses=[503, 429, 500])
    ticks = iter(range(int(time.time()) - 2, int(time.time()) + 60))
    async with serving(receiver.app()) as address:
        await Webhook(f"{address}/bedside", SECRET, first_pause_s=0.01, clock=lambda: next(ticks)).tell(notice())
    assert len(receiver.taken) == 1
    assert len({headers["x-bedside-notice"] for headers, _ in receiver.tries}) == 1
    assert len({headers["x-bedside-timestamp"] for headers, _ in receiver.tries}) == 4


async def test_a_webhook_that_stays_away_gets_the_notice_later_and_one_that_refuses_never(desk: Desk) -> None:
    """Away means again; a clear no, or yesterday's case, means no more."""
    receiver = Receiver(statuses=[503] * notices.ATTEMPTS)
    await desk.queue.join_notices("webhook")
    await desk.open_case()
    async with serving(receiver.app()) as address:
        webhook = Webhook(f"{address}/bedside", SECRET, first_pause_s=0.01)
        teller = Teller(desk.queue, "webhook", webhook.tell, again_after_s=0)
        assert await teller.step(wait_s=1) == 0
        assert await teller.step(wait_s=0.01) == 1
        assert len(receiver.taken) == 1
        await webhook.tell(notice(at=time.time() - notices.TOO_OLD_S - 1))
        await webhook.tell(notice(CaseAct.ASKED))
        assert len(receiver.taken) == 1
        receiver.statuses = [410]
        await webhook.tell(notice())
        assert len(receiver.taken) == 1
    with pytest.raises(ReceiverAwayError):
        await Webhook(f"{address}/bedside", SECRET, first_pause_s=0.001).tell(notice())


def test_a_receiver_can_tell_a_forged_changed_or_replayed_request() -> None:
    """Another secret, another body, another time: none of them passes."""
    body = b'{"a": 1}'
    now = 1_790_000_000
    headers = {"x-bedside-timestamp": str(now), "x-bedside-signature": signature(SECRET, now, body)}
    assert is_genuine(SECRET, headers, body, now=now + notices.REPLAY_WINDOW_S)
    assert not is_genuine(SECRET, headers, body, now=now + notices.REPLAY_WINDOW_S + 1)
    assert not is_genuine("x" * 40, headers, body, now=now)
    assert not is_genuine(SECRET, headers, body + b" ", now=now)
    assert not is_genuine(SECRET, headers | {"x-bedside-timestamp": str(now + 1)}, body, now=now)
    assert not is_genuine(SECRET, {}, body, now=now)
    assert not is_genuine(SECRET, headers | {"x-bedside-timestamp": "soon"}, body, now=now)


async def test_new_cases_are_mailed_to_the_team_and_late_ones_to_the_leads_too() -> None:
    """Level, case and link; no words of the patient; a busy server is tried again."""
    server = FakeMailServer(busy=1)
    async with server.running():
        mailer = Mailer(
            MailServer("127.0.0.1", server.port, security="none"),
            sender="bedside@clinic.example",
            to=["nurses@clinic.example"],
            to_leads=["lead@clinic.example"],
            public_url="https://bedside.example",
            first_pause_s=0.01,
        )
        for act in (CaseAct.OPENED, CaseAct.LATE, CaseAct.HOLDER_WARNED):
            await mailer.tell(notice(act))
        await mailer.tell(notice(at=0.0))
    assert server.receivers == [["nurses@clinic.example"], ["lead@clinic.example", "nurses@clinic.example"]]
    assert "Subject: Emergency case K7 is waiting" in server.mails[0]
    assert "https://bedside.example/desk/cases/K7" in server.mails[0]
    assert "About: Chest pain" in server.mails[0]
    assert "Subject: Emergency case K7 is late" in server.mails[1]
    assert "notice 1 of 2 to the leads" in server.mails[1]


@pytest.mark.parametrize("act", sorted(notices.FOR_EVERYBODY | notices.FOR_LEADS))
async def test_there_are_words_for_every_mail(act: CaseAct) -> None:
    """No case goes untold because a word is missing."""
    server = FakeMailServer()
    async with server.running():
        mailer = Mailer(
            MailServer("127.0.0.1", server.port, security="none"), sender="b@clinic.example", to=["n@clinic.example"]
        )
        await mailer.tell(notice(act, category=None))
    assert len(server.mails) == 1


async def test_a_mail_server_that_is_away_is_tried_again_later() -> None:
    """Also one that does not offer the protection that was asked for."""
    for security in ("none", "tls"):
        mailer = Mailer(
            MailServer("127.0.0.1", 1, security=security),
            sender="b@clinic.example",
            to=["n@clinic.example"],
            first_pause_s=0.001,
        )
        with pytest.raises(ReceiverAwayError):
            await mailer.tell(notice())
    server = FakeMailServer()
    async with server.running():
        mailer = Mailer(
            MailServer("127.0.0.1", server.port, user="u", password="p"),
            sender="b@clinic.example",
            to=["n@clinic.example"],
            first_pause_s=0.001,
        )
        with pytest.raises(ReceiverAwayError):
            await asyncio.wait_for(mailer.tell(notice()), 20)
    assert server.mails == []
