"""Tells people outside the desk of cases, at the moment of handoff and when one is late: a signed request, and mail.

Behind the case queue: `bot.gateway.tellers` hands each notice here until it was told. What is told names a case by its
id, level and category, and never holds a word of anybody; `deploy/notices.md` says what a receiver gets.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import smtplib
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Any, Literal

import httpx
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from actions.handoff.case import CaseAct
from actions.handoff.queue import CaseNotice
from bot.desk.render import make_environment
from bot.desk.words import iso
from bot.errors import BedsideError
from careguard.verdict import Level

REPLAY_WINDOW_S = 300
"""A receiver refuses what is older; each try is signed anew."""

ATTEMPTS = 5
LONGEST_S = 10.0
TOO_OLD_S = 24 * 3600.0
"""Nobody is woken for yesterday's case because a receiver was away."""

FOR_EVERYBODY = frozenset({CaseAct.OPENED, CaseAct.RAISED, CaseAct.REOPENED})
FOR_LEADS = frozenset({CaseAct.LATE, CaseAct.RETURNED, CaseAct.SILENT})
TOLD = FOR_EVERYBODY | FOR_LEADS | {CaseAct.HOLDER_WARNED, CaseAct.TRANSFERRED}

_PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


class ReceiverAwayError(BedsideError):
    """A receiver cannot be reached or will not take it now; it is tried again."""


def as_told(notice: CaseNotice, public_url: str | None) -> dict[str, Any]:
    """Return what a receiver is told of a notice."""
    return {
        "id": notice.id,
        "event": notice.act.value,
        "case_id": notice.case_id,
        "level": notice.level.value,
        "category": notice.category,
        "at": iso(notice.at),
        "language": notice.language,
        "country": notice.country,
        "team": notice.team,
        "holder": notice.holder,
        "tier": int(notice.detail) if notice.act is CaseAct.LATE else 0,
        "link": f"{public_url}/desk/cases/{notice.case_id}" if public_url else None,
    }


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the mark that shows who sent a body, and when: HMAC-SHA-256 over both."""
    return "v1=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes, *, now: float) -> bool:
    """Return whether a request came from whoever knows the secret, and lately; what a receiver should ask itself."""
    timestamp = headers.get("x-bedside-timestamp", "")
    if not timestamp.isdecimal() or abs(now - int(timestamp)) > REPLAY_WINDOW_S:
        return False
    return hmac.compare_digest(signature(secret, int(timestamp), body), headers.get("x-bedside-signature", ""))


class Webhook:
    """Tells notices to one address."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        public_url: str | None = None,
        first_pause_s: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = url
        self._secret = secret
        self._public_url = public_url
        self._first_pause_s = first_pause_s
        self._clock = clock

    async def tell(self, notice: CaseNotice) -> None:
        """The receiver has taken the notice, or said that it never will.

        Raises:
            ReceiverAwayError: It was away for longer than a few tries; the notice must come again.
        """
        if notice.act not in TOLD or self._clock() - notice.at > TOO_OLD_S:
            return
        body = json.dumps(as_told(notice, self._public_url)).encode()
        async with httpx.AsyncClient(timeout=LONGEST_S, trust_env=False) as client:
            async for attempt in AsyncRetrying(
                stop=stop_after_attempt(ATTEMPTS),
                wait=wait_exponential_jitter(multiplier=self._first_pause_s, max=LONGEST_S, jitter=self._first_pause_s),
                retry=retry_if_exception_type(ReceiverAwayError),
                reraise=True,
            ):
                with attempt:
                    await self._post(client, notice.id, body)

    async def _post(self, client: httpx.AsyncClient, notice_id: str, body: bytes) -> None:
        timestamp = int(self._clock())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Bedside",
            "X-Bedside-Notice": notice_id,
            "X-Bedside-Timestamp": str(timestamp),
            "X-Bedside-Signature": signature(self._secret, timestamp, body),
        }
        try:
            response = await client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise ReceiverAwayError(f"the webhook cannot be reached: {type(error).__name__}") from None
        if response.status_code in _PASSING_STATUSES:
            raise ReceiverAwayError(f"the webhook answers {response.status_code}")


@dataclass(frozen=True, slots=True)
class MailServer:
    """How mail is handed over."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = ""


class Mailer:
    """Tells notices by mail: every new case to some, what nobody sees to also to the leads."""

    def __init__(
        self,
        server: MailServer,
        *,
        sender: str,
        to: Sequence[str] = (),
        to_leads: Sequence[str] = (),
        public_url: str | None = None,
        first_pause_s: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._server = server
        self._sender = sender
        self._to = tuple(to)
        self._to_leads = tuple(to_leads)
        self._public_url = public_url
        self._first_pause_s = first_pause_s
        self._clock = clock
        self._environment = make_environment("/desk")

    async def tell(self, notice: CaseNotice) -> None:
        """The mail server has taken the mail, or there is nobody to write to.

        Raises:
            ReceiverAwayError: It was away for longer than a few tries; the notice must come again.
        """
        receivers = self._receivers(notice)
        if not receivers or self._clock() - notice.at > TOO_OLD_S:
            return
        mail = self._mail(notice, receivers)
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(multiplier=self._first_pause_s, max=LONGEST_S, jitter=self._first_pause_s),
            retry=retry_if_exception_type(ReceiverAwayError),
            reraise=True,
        ):
            with attempt:
                await asyncio.to_thread(self._hand_over, mail)

    def _receivers(self, notice: CaseNotice) -> tuple[str, ...]:
        if notice.act in FOR_EVERYBODY:
            return self._to
        return tuple(dict.fromkeys((*self._to_leads, *self._to))) if notice.act in FOR_LEADS else ()

    def _mail(self, notice: CaseNotice, receivers: Sequence[str]) -> EmailMessage:
        """Return the mail; its first line is the subject, and its words come from `templates/notice.txt`."""
        told = as_told(notice, self._public_url)
        text = self._environment.get_template("notice.txt").render(
            told, act=notice.act.value, level=Level(told["level"])
        )
        subject, _, body = text.strip().partition("\n")
        mail = EmailMessage()
        mail["Subject"] = subject
        mail["From"] = self._sender
        mail["To"] = ", ".join(receivers)
        mail["Message-ID"] = make_msgid(f"{notice.case_id}.{notice.id}", domain=self._sender.partition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(body.strip() + "\n")
        return mail

    def _hand_over(self, mail: EmailMessage) -> None:
        server = self._server
        context = ssl.create_default_context()
        try:
            with (
                smtplib.SMTP_SSL(server.host, server.port, timeout=LONGEST_S, context=context)
                if server.security == "tls"
                else smtplib.SMTP(server.host, server.port, timeout=LONGEST_S) as connection
            ):
                if server.security == "starttls":
                    connection.starttls(context=context)
                if server.user:
                    connection.login(server.user, server.password)
                connection.send_message(mail)
        except (smtplib.SMTPException, OSError) as error:
            raise ReceiverAwayError(f"the mail server does not take it: {type(error).__name__}") from None
