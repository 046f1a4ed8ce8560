"""A desk for tests: real store, real pages, a patient line that remembers what it was asked to say."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from html import unescape
from typing import Any

import httpx
from argon2 import PasswordHasher
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.routing import Mount

from actions.handoff.case import Case, CaseOpening, CaseReason, OutgoingReply, Suggestion
from actions.handoff.hours import ALWAYS, Hours
from actions.handoff.queue import CaseQueue
from actions.transcript import EntryAuthor, Transcript, TranscriptEntry
from actions.vault import Vault
from bot.desk.app import desk_routes
from bot.desk.audit import AuditLog
from bot.desk.canned import CannedReplies
from bot.desk.services import Delivery, DeskServices, DeskSettings
from bot.desk.staff import Role, Staff, StaffRegistry
from careguard.verdict import Level
from tests.rulebook import ROOT, shipped_rulebook

PASSWORD = "correct horse battery"
QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class FakePatientLine:
    """What the desk said to patients, in order; `broken` makes every telling fail."""

    transcript: Transcript
    told: list[tuple[str, ...]] = field(default_factory=list)
    broken: bool = False
    suggestion: Suggestion | None = None
    delivery: Delivery = field(default_factory=lambda: Delivery("sent"))

    async def send_outgoing(self, case: Case, reply: OutgoingReply) -> None:
        author = EntryAuthor.BOT_REVIEWED if reply.suggested else EntryAuthor.HUMAN
        self._tell("reply", case.id, reply.text, reply.staff_name, reply.id)
        entry = TranscriptEntry(
            reply.id, time.time(), author, "human", reply.text, case.language, (), case.id, reply.staff_name
        )
        await self.transcript.append(case.conversation_id, entry)

    async def suggest_reply(self, case: Case) -> Suggestion | None:
        return self.suggestion

    async def deliveries(self, case: Case) -> Mapping[str, Delivery]:
        return {reply.id: self.delivery for reply in case.outgoing if not reply.is_under_way}

    async def tell_claimed(self, case: Case, staff_name: str) -> None:
        self._tell("claimed", case.id, staff_name)

    async def tell_released(self, case: Case) -> None:
        self._tell("released", case.id)

    async def tell_resolved(self, case: Case) -> None:
        self._tell("resolved", case.id)

    def _tell(self, *what: str) -> None:
        if self.broken:
            raise ConnectionError("the canary sings at dawn")
        self.told.append(what)


@dataclass
class Desk:
    """The desk with everything behind it."""

    services: DeskServices
    line: FakePatientLine
    app: Starlette

    @property
    def queue(self) -> CaseQueue:
        return self.services.queue

    @property
    def transcript(self) -> Transcript:
        return self.services.transcript

    async def add_staff(self, sign_in: str, name: str, role: Role = Role.NURSE) -> Staff:
        return await self.services.staff.add(sign_in, PASSWORD, name=name, role=role, languages=("en",))

    async def open_case(
        self,
        conversation_id: str = "c1",
        level: Level = Level.NONE,
        reason: CaseReason = CaseReason.ASKED_FOR_PERSON,
        *,
        category: str | None = None,
        rules: tuple[str, ...] = (),
        matched: tuple[str, ...] = (),
        language: str = "en",
        summary: str = "",
    ) -> Case:
        return await self.queue.open_case(
            CaseOpening(
                conversation_id=conversation_id,
                channel="web",
                level=level,
                reason=reason,
                opened_by_message=f"{conversation_id}-{time.monotonic_ns()}",
                category=category,
                rules=rules,
                matched=matched,
                language=language,
                summary=summary,
            )
        )

    async def patient_says(self, text: str, conversation_id: str = "c1") -> None:
        entry = TranscriptEntry(f"m{time.monotonic_ns()}", time.time(), EntryAuthor.PATIENT, "text", text, "en")
        await self.transcript.append(conversation_id, entry)

    @asynccontextmanager
    async def browser(self, sign_in: str | None = None) -> AsyncIterator[Browser]:
        """A browser without a script; signed in when a name is given."""
        transport = httpx.ASGITransport(app=self.app, client=("10.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
            browser = Browser(client)
            if sign_in is not None:
                response = await browser.sign_in(sign_in)
                assert response.status_code == 303
            yield browser


@dataclass
class Browser:
    """Fills in the forms of the pages it was shown."""

    client: httpx.AsyncClient

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(f"/desk{path}")

    async def text(self, path: str) -> str:
        response = await self.get(path)
        assert response.status_code == 200
        return unescape(response.text)

    async def sign_in(self, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
        page = await self.get("/sign-in")
        return await self.post("/sign-in", sign_in=name, password=password, **{"csrf": csrf_in(page.text)} | more)

    async def act(self, path: str, **fields: str) -> httpx.Response:
        """Send a form with the token that the queue page shows."""
        page = await self.get("/")
        return await self.post(path, **{"csrf": csrf_in(page.text)} | fields)

    async def post(self, path: str, **fields: str) -> httpx.Response:
        return await self.client.post(f"/desk{path}", data=fields)


def csrf_in(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def with_content(desk: Desk, **changes: Any) -> Desk:
    """The same desk with the shipped rules and content to look things up in, and other services changed."""
    shipped: dict[str, Any] = {
        "rulebook": shipped_rulebook(),
        "guardrails": ROOT / "guardrails",
        "locales": ROOT / "locales",
        "languages": ("en",),
    }
    services = replace(desk.services, **(shipped | changes))
    return Desk(services, desk.line, Starlette(routes=[Mount("/desk", routes=desk_routes(services))]))


def make_desk(
    redis: Redis,
    settings: DeskSettings | None = None,
    *,
    clock: Callable[[], float] = time.time,
    hours: Hours = ALWAYS,
    canned: CannedReplies | None = None,
) -> Desk:
    key = Vault.new_key()
    vault = Vault(key)
    transcript = Transcript(redis, vault)
    line = FakePatientLine(transcript)
    services = DeskServices(
        queue=CaseQueue(redis, vault, clock=clock),
        transcript=transcript,
        staff=StaffRegistry(redis, QUICK_HASHER),
        line=line,
        redis=redis,
        audit=AuditLog(redis, key),
        vault=vault,
        settings=settings or DeskSettings(),
        hours=hours,
        canned=canned or CannedReplies(),
        clock=clock,
    )
    return Desk(services, line, Starlette(routes=[Mount("/desk", routes=desk_routes(services))]))
