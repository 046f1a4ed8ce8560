"""The gateway process: builds its parts once, serves the doors, and works the inbox until it is told to stop.

Run as `python -m bot.gateway.app`; all settings come from the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import cast

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actions.answering.approved import ApprovedIndex, ApprovedLookup, ApprovedStore
from actions.answering.gaps import GapStore
from actions.answering.same_question import load_same_words
from actions.handoff.case import Case
from actions.handoff.hours import Hours
from actions.handoff.queue import CaseQueue
from actions.handoff.timing import Timing
from actions.transcript import Transcript
from actions.vault import Vault
from bot.desk.app import desk_routes
from bot.desk.audit import AuditLog
from bot.desk.canned import read_canned_replies
from bot.desk.notices import Mailer, MailServer, Webhook
from bot.desk.open_id import OpenIdSettings
from bot.desk.services import DeskServices, DeskSettings
from bot.desk.staff import Role, StaffRegistry
from bot.errors import BedsideError
from bot.gateway.answer_client import AnswerClient
from bot.gateway.answers import AnswerRunner
from bot.gateway.background import Background
from bot.gateway.care_line import CareLine
from bot.gateway.channel import PushDelivery
from bot.gateway.conversation import ConversationStore
from bot.gateway.deciding import DecidingQuestions, watch_deadlines
from bot.gateway.decisions import carry_out
from bot.gateway.inbox import Inbox
from bot.gateway.language import LanguageDetector
from bot.gateway.meaning import MeaningLayer
from bot.gateway.metrics import Metrics
from bot.gateway.outbox import Outbox
from bot.gateway.rasa_client import DialogueClient
from bot.gateway.ratings import Ratings
from bot.gateway.right_of_way import RightOfWay, YieldingRedis
from bot.gateway.services import Services
from bot.gateway.store_connection import heeding_ends
from bot.gateway.telegram import TelegramChannel, started, telegram_bot
from bot.gateway.tellers import Teller
from bot.gateway.timekeeper import Timekeeper
from bot.gateway.waiting import tell_patient
from bot.gateway.waiting_words import load_waiting_room
from bot.gateway.web_limits import web_limits
from bot.gateway.widget import PAGE, WebChannel
from bot.gateway.wording import load_wording
from bot.gateway.worker import Worker
from bot.settings import GatewaySettings, is_loopback, load_settings
from careguard.errors import CareguardError
from careguard.meanings import load_meanings
from careguard.rails import prepare_rails
from careguard.rulebook import load_rulebook
from careguard.verdict import Level

log = logging.getLogger(__name__)

SWITCH_S = 0.0005
OUTSIDE_AGAIN_S = 300.0
"""A few notices, each with all its tries, take less than this."""

LOOPBACK_ORIGIN = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def build_services(settings: GatewaySettings, redis: Redis, *, clock: Callable[[], float] = time.time) -> Services:
    """Return the gateway's parts, with every rule and word read and checked.

    Raises:
        CareguardError: A rule or a locale file is wrong.
    """
    vault = Vault(settings.data_key.get_secret_value())
    token = settings.internal_token.get_secret_value()
    ttl_s = settings.conversation_ttl_s
    answers = AnswerRunner(carry_out)
    metrics = Metrics()
    waiting = load_waiting_room(settings.locales, settings.languages, settings.hours)
    services = Services(
        settings=settings,
        wording=load_wording(settings.locales, settings.languages),
        rulebook=load_rulebook(settings.guardrails, settings.locales, settings.languages),
        meanings=MeaningLayer(
            lambda: load_meanings(settings.guardrails, settings.locales, settings.languages),
            metrics.failures.labels("meaning").inc,
        ),
        detector=LanguageDetector(settings.languages),
        conversations=ConversationStore(redis, ttl_s=ttl_s),
        inbox=Inbox(redis, vault, ttl_s=ttl_s),
        outbox=Outbox(redis, vault, ttl_s=ttl_s),
        transcript=Transcript(redis, vault, keep_s=ttl_s),
        cases=CaseQueue(
            redis,
            vault,
            keep_resolved_s=ttl_s,
            reopen_within_s=settings.reopen_within_s,
            timing=desk_timing(settings, waiting.hours),
            clock=clock,
        ),
        dialogue=DialogueClient([settings.dialogue_url], token, timeout_s=settings.dialogue_timeout_s),
        answering=AnswerClient(
            settings.actions_url,
            token,
            timeout_s=settings.answer_budget_s,
            at_once=settings.answers_at_once,
            approved=ApprovedLookup(
                ApprovedStore(redis), ApprovedIndex(load_same_words(settings.locales, settings.languages))
            ),
        ),
        answers=answers,
        background=Background(),
        metrics=metrics,
        right_of_way=RightOfWay(),
        waiting=waiting,
        clock=clock,
        deciding=DecidingQuestions(redis, vault, ttl_s=ttl_s),
        gaps=GapStore(redis, vault, clock=clock),
        ratings=Ratings(redis, ttl_s=ttl_s, clock=clock),
    )
    answers.connect(services)
    return services


def desk_timing(settings: GatewaySettings, hours: Hours) -> Timing:
    """Return how long what may take at the desk."""
    return Timing(
        targets_s={
            Level.EMERGENCY: settings.target_emergency_s,
            Level.URGENT: settings.target_urgent_s,
            Level.NONE: settings.target_other_s,
        },
        holder_warned_after_s=settings.holder_reminded_after_s,
        returned_after_s=settings.case_returned_after_s,
        asked_after_s={
            Level.EMERGENCY: settings.asked_emergency_s,
            Level.URGENT: settings.asked_urgent_s,
            Level.NONE: settings.asked_other_s,
        },
        silent_after_s=settings.silent_after_s,
        hours=hours,
    )


def create_app(settings: GatewaySettings, *, clock: Callable[[], float] = time.time) -> Starlette:
    """Return the gateway's ASGI application.

    Raises:
        CareguardError: A rule or a locale file is wrong.
    """
    redis = cast(
        "YieldingRedis",
        YieldingRedis.from_url(settings.redis_url, decode_responses=True, socket_connect_timeout=2.0),
    )
    heeding_ends(redis)
    services = build_services(settings, redis, clock=clock)
    redis.right_of_way = services.right_of_way
    channel = WebChannel(services, web_limits(settings, redis))
    line = CareLine(services)
    data_key = settings.data_key.get_secret_value()
    desk = DeskServices(
        queue=services.cases,
        transcript=services.transcript,
        staff=StaffRegistry(redis),
        line=line,
        settings=DeskSettings(
            session_longest_s=settings.desk_session_s,
            session_idle_s=settings.desk_idle_s,
            second_factor_required=settings.desk_second_factor == "required",
            targets_s=dict(services.cases.timing.targets_s),
            undo_s=settings.undo_send_s,
            open_id=open_id_settings(settings),
        ),
        redis=redis,
        audit=AuditLog(redis, data_key),
        vault=Vault(data_key),
        hours=services.waiting.hours,
        canned=read_canned_replies(settings.locales, settings.languages),
        places=partial(_places, services),
        clock=clock,
        rulebook=services.rulebook,
        guardrails=settings.guardrails,
        locales=settings.locales,
        languages=settings.languages,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        worker = Worker(redis, services)
        # Loading guardrails-ai takes seconds; until it is there the same rails judge without it.
        services.background.start(_load_rails(), name="load rails")
        services.background.start(services.meanings.load(), name="load meanings")
        running = [
            _watched(worker.run, "worker"),
            _watched(services.outbox.ring_bells, "bells"),
            _watched(Timekeeper(services.cases, line).run, "timekeeper"),
            _watched(Teller(services.cases, "patients", partial(tell_patient, services)).run, "teller of patients"),
            _watched(lambda: watch_deadlines(services), "questions"),
        ]
        running.extend(
            _watched(teller.run, f"teller of {teller.group}") for teller in _outside_tellers(settings, services)
        )
        if settings.telegram_token is not None:
            running.append(_watched(lambda: _run_telegram(settings, services), "Telegram channel"))
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await services.background.stop()
            await services.dialogue.close()
            await services.answering.close()
            await redis.aclose()

    return Starlette(
        routes=[
            Route("/", _demo_page, methods=["GET"]),
            *channel.routes(),
            Route("/healthz", _alive, methods=["GET"]),
            Route("/readyz", _ready_route(services, redis), methods=["GET"]),
            Route("/metrics", _metrics_route(services), methods=["GET"]),
            Route("/desk", _to_desk, methods=["GET"]),
            Mount("/desk", routes=desk_routes(desk)),
            Mount("/", app=StaticFiles(directory=PAGE)),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(
                CORSMiddleware,
                allow_origins=list(settings.widget_origins),
                allow_origin_regex=LOOPBACK_ORIGIN if is_loopback(settings.host) else None,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
                max_age=600,
            ),
        ],
        lifespan=lifespan,
    )


def open_id_settings(settings: GatewaySettings) -> OpenIdSettings | None:
    """Return the organisation's own sign-in, if the operator named one."""
    if settings.openid_issuer is None:
        return None
    secret = settings.openid_client_secret
    pairs = [pair.partition("=") for pair in settings.openid_roles]
    return OpenIdSettings(
        issuer=settings.openid_issuer,
        client_id=settings.openid_client_id,
        client_secret=secret.get_secret_value().strip() if secret else "",
        return_url=f"{settings.public_url}/desk/sign-in/open-id/back",
        name=settings.openid_name,
        account_claim=settings.openid_account_claim,
        mail_domains=frozenset(domain.casefold() for domain in settings.openid_mail_domains),
        role_claim=settings.openid_role_claim,
        roles=tuple((group, Role(role)) for role, _, group in pairs),
        creates_accounts=settings.openid_creates_accounts,
        second_factor=settings.openid_second_factor,
        prompt="" if settings.openid_prompt == "none" else settings.openid_prompt,
    )


def _places(services: Services, case: Case) -> dict[str, str]:
    """Return what stands in the places of a ready-made reply to that patient, but for the writer's name."""
    country = case.country or services.settings.default_country
    return services.wording.places(case.language, country) | {"case_id": case.id}


def _outside_tellers(settings: GatewaySettings, services: Services) -> list[Teller]:
    """Return who tells people outside the desk of cases, as far as the operator named any."""
    tellers = []
    if settings.webhook_url is not None and settings.webhook_secret is not None:
        secret = settings.webhook_secret.get_secret_value()
        webhook = Webhook(settings.webhook_url, secret, public_url=settings.public_url, clock=services.clock)
        tellers.append(Teller(services.cases, "webhook", webhook.tell, again_after_s=OUTSIDE_AGAIN_S))
    if settings.smtp_host:
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
        mailer = Mailer(
            MailServer(settings.smtp_host, settings.smtp_port, settings.smtp_security, settings.smtp_user, password),
            sender=settings.mail_from[0],
            to=settings.mail_to,
            to_leads=settings.mail_to_leads,
            public_url=settings.public_url,
            clock=services.clock,
        )
        tellers.append(Teller(services.cases, "mail", mailer.tell, again_after_s=OUTSIDE_AGAIN_S))
    return tellers


async def _load_rails() -> None:
    await asyncio.to_thread(prepare_rails)


async def _run_telegram(settings: GatewaySettings, services: Services) -> None:
    assert settings.telegram_token is not None
    key = settings.data_key.get_secret_value()
    bot = telegram_bot(settings.telegram_token.get_secret_value(), settings.telegram_base_url)
    channel = TelegramChannel(services, bot, Vault(key), key.encode())
    delivery = PushDelivery(services.outbox, services.conversations, services.background, channel)
    async with started(bot), asyncio.TaskGroup() as group:
        group.create_task(channel.run())
        group.create_task(delivery.run())


class SecurityHeaders:
    """Adds the headers that keep a page from loading or leaking anything it need not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; headers that a page set itself stay."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"] == "/widget.js":
                    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            await send(message)

        await self._app(scope, receive, with_headers)


def _watched(work: Callable[[], Awaitable[None]], name: str) -> asyncio.Task[None]:
    """Run what must never end; when it does, end the process, so that it is started afresh."""

    async def run() -> None:
        await work()

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            error = task.exception()
            log.critical("the %s ended: %s; the process stops", name, type(error).__name__)
            signal.raise_signal(signal.SIGTERM)

    task = asyncio.create_task(run(), name=name)
    task.add_done_callback(ended)
    return task


async def _demo_page(_: Request) -> Response:
    return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})


async def _to_desk(_: Request) -> Response:
    return RedirectResponse("/desk/", status_code=308)


async def _alive(_: Request) -> Response:
    return JSONResponse({"status": "alive"})


def _ready_route(services: Services, redis: Redis) -> Callable[[Request], Awaitable[Response]]:
    async def ready(_: Request) -> Response:
        """Ready means: messages are stored and red flags are seen. Without dialogue we are degraded, not away."""
        try:
            await redis.ping()
            store = True
        except (RedisError, OSError):
            store = False
        dialogue, actions = await asyncio.gather(services.dialogue.is_ready(), services.answering.is_ready())
        parts = {"store": store, "dialogue": dialogue, "actions": actions}
        status = "ready" if all(parts.values()) else "degraded" if store else "down"
        # Told beside: without meaning the wordings see red flags, so nobody waits for it.
        told = parts | {"meanings": services.meanings.reader is not None}
        body = {"status": status} | {name: "up" if up else "down" for name, up in told.items()}
        return JSONResponse(body, status_code=200 if store else 503)

    return ready


def _metrics_route(services: Services) -> Callable[[Request], Awaitable[Response]]:
    async def metrics(_: Request) -> Response:
        with contextlib.suppress(RedisError, OSError):
            for level, count in (await services.cases.counts()).items():
                services.metrics.waiting_cases.labels(level.value).set(count)
        return Response(generate_latest(services.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return metrics


def main() -> int:
    """Run the gateway; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        settings = load_settings(GatewaySettings)
        app = create_app(settings)
    except (BedsideError, CareguardError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    # Guards run in threads; the loop, on which an emergency travels, must get the interpreter back at once.
    sys.setswitchinterval(SWITCH_S)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        proxy_headers=settings.trust_proxy,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
