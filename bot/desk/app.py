"""The care desk: its routes, to be mounted by the gateway at `DeskSettings.base_path`.

Start reading here: every address of the desk with what answers it. Who may use each, and what the audit log says of
it, stands in `bot.desk.roles`; a route without a rule there is denied to everyone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import parse_qsl

from redis.exceptions import RedisError
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.desk.access import Access
from bot.desk.account import AccountPages
from bot.desk.answers_page import AnswerPages, ContentReader
from bot.desk.gaps_page import GapPages
from bot.desk.gate import Gate
from bot.desk.glass_page import GlassPage
from bot.desk.lead import LeadPages
from bot.desk.news import LiveEvents
from bot.desk.open_id_door import OpenIdDoor
from bot.desk.pages import DeskPages
from bot.desk.people import PeoplePages
from bot.desk.presence import PresenceBoard
from bot.desk.queue_page import QueuePage
from bot.desk.render import FOLDER, Renderer
from bot.desk.safety import SafetyPages
from bot.desk.services import DeskServices
from bot.desk.session import SessionStore
from bot.desk.sign_in import SignIn
from bot.desk.tongue import begin

_log = logging.getLogger(__name__)

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def desk_routes(services: DeskServices) -> list[BaseRoute]:
    """Return the routes of the desk, with their headers and their answer to a store that is away."""
    renderer = Renderer(services.settings.base_path)
    sessions = SessionStore(
        services.redis, idle_s=services.settings.session_idle_s, longest_s=services.settings.session_longest_s
    )
    access = Access(services, sessions, renderer)
    sign_in = SignIn(services, sessions, renderer)
    open_id = OpenIdDoor(services, sessions, sign_in)
    board = PresenceBoard(services.redis, sessions)
    queue = QueuePage(services, renderer, board)
    pages = DeskPages(services, renderer, board)
    account = AccountPages(services, sessions, renderer)
    people = PeoplePages(services, sessions, renderer)
    glass = GlassPage(services, renderer)
    reader = ContentReader(services)
    answers = AnswerPages(services, renderer, reader)
    gaps = GapPages(services, renderer, reader)
    lead = LeadPages(services, renderer, gaps)
    safety = SafetyPages(services, renderer)
    live = LiveEvents(services, access)

    async def unknown(request: Request) -> Response:
        return renderer.page("trouble.html", 404, problem="no_page", typed="")

    routes: Sequence[BaseRoute] = [
        Route("/", access.page(queue.show), methods=["GET"]),
        Route("/views", access.action(queue.save_view), methods=["POST"]),
        Route("/views/remove", access.action(queue.remove_view), methods=["POST"]),
        Route("/sign-in", sign_in.show, methods=["GET"]),
        Route("/sign-in", sign_in.submit, methods=["POST"]),
        Route("/sign-in/code", sign_in.show_code, methods=["GET"]),
        Route("/sign-in/code", sign_in.submit_code, methods=["POST"]),
        Route("/sign-in/open-id", open_id.begin, methods=["GET"]),
        Route("/sign-in/open-id/back", open_id.back, methods=["GET"]),
        Route("/sign-out", access.action(sign_in.sign_out), methods=["POST"]),
        Route("/cases/{case_id}", access.page(pages.case), methods=["GET"]),
        Route("/cases/{case_id}/claim", access.action(pages.claim), methods=["POST"]),
        Route("/cases/{case_id}/release", access.action(pages.release), methods=["POST"]),
        Route("/cases/{case_id}/transfer", access.action(pages.transfer), methods=["POST"]),
        Route("/cases/{case_id}/reply", access.action(pages.reply), methods=["POST"]),
        Route("/cases/{case_id}/undo", access.action(pages.undo), methods=["POST"]),
        Route("/cases/{case_id}/suggest", access.action(pages.suggest), methods=["POST"]),
        Route("/cases/{case_id}/tags", access.action(pages.tags), methods=["POST"]),
        Route("/cases/{case_id}/follow-up", access.action(pages.follow_up), methods=["POST"]),
        Route("/cases/{case_id}/note", access.action(pages.note), methods=["POST"]),
        Route("/cases/{case_id}/resolve", access.action(pages.resolve), methods=["POST"]),
        Route("/present", access.action(pages.present), methods=["POST"]),
        Route("/events", live.stream, methods=["GET"]),
        Route("/account", access.page(account.show), methods=["GET"]),
        Route("/account/settings", access.action(account.settings), methods=["POST"]),
        Route("/account/presence", access.action(account.presence), methods=["POST"]),
        Route("/account/password", access.page(account.show_password), methods=["GET"]),
        Route("/account/password", access.action(account.set_password), methods=["POST"]),
        Route("/account/second-factor", access.page(account.show_factor), methods=["GET"]),
        Route("/account/second-factor", access.action(account.begin_factor), methods=["POST"]),
        Route("/account/second-factor/confirm", access.action(account.confirm_factor), methods=["POST"]),
        Route("/account/second-factor/remove", access.action(account.remove_factor), methods=["POST"]),
        Route("/account/recovery-codes", access.action(account.renew_codes), methods=["POST"]),
        Route("/account/sessions/end", access.action(account.end_sessions), methods=["POST"]),
        Route("/cases/{case_id}/break-glass", access.page(glass.show), methods=["GET"]),
        Route("/cases/{case_id}/break-glass", access.action(glass.break_it), methods=["POST"]),
        Route("/people", access.page(people.show), methods=["GET"]),
        Route("/people", access.action(people.add), methods=["POST"]),
        Route("/people/{staff_id}", access.page(people.one), methods=["GET"]),
        Route("/people/{staff_id}", access.action(people.change), methods=["POST"]),
        Route("/people/{staff_id}/disable", access.action(people.disable), methods=["POST"]),
        Route("/people/{staff_id}/enable", access.action(people.enable), methods=["POST"]),
        Route("/people/{staff_id}/password", access.action(people.password), methods=["POST"]),
        Route("/people/{staff_id}/second-factor", access.action(people.remove_factor), methods=["POST"]),
        Route("/people/{staff_id}/sessions", access.action(people.end_sessions), methods=["POST"]),
        Route("/audit", access.page(people.log), methods=["GET"]),
        Route("/lead", access.page(lead.show), methods=["GET"]),
        Route("/lead/cases.csv", access.page(lead.export), methods=["GET"]),
        Route("/safety", access.page(safety.show), methods=["GET"]),
        Route("/safety", access.action(safety.test), methods=["POST"]),
        Route("/answers", access.page(answers.show), methods=["GET"]),
        Route("/answers", access.action(answers.add), methods=["POST"]),
        Route("/answers/new", access.page(answers.new), methods=["GET"]),
        Route("/answers/{answer_id}", access.page(answers.one), methods=["GET"]),
        Route("/answers/{answer_id}", access.action(answers.change), methods=["POST"]),
        Route("/answers/{answer_id}/retire", access.action(answers.retire), methods=["POST"]),
        Route("/gaps", access.page(gaps.show), methods=["GET"]),
        Route("/gaps/drop", access.action(gaps.drop), methods=["POST"]),
        Mount("/static", StaticFiles(directory=FOLDER / "static")),
        Route("/{path:path}", unknown),
    ]
    around = [
        Middleware(DeskHeaders),
        Middleware(StoreWatch, renderer=renderer),
        Middleware(Gate, routes=routes, services=services, access=access, renderer=renderer),
    ]
    return [Mount("", routes=routes, middleware=around)]


class DeskHeaders:
    """Adds to each response what keeps the desk's pages to themselves."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to what comes back."""
        if scope["type"] == "http":
            begin(Headers(scope=scope).get("accept-language", ""))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", _cache_control(scope))
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class StoreWatch:
    """Answers with a page that says what is going on when the store does not answer."""

    def __init__(self, app: ASGIApp, renderer: Renderer) -> None:
        self._app = app
        self._renderer = renderer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; a store that is away becomes a 503 in words, with the typed text given back."""
        started = False
        body = bytearray()

        async def noting_body() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                body.extend(message.get("body", b""))
            return message

        async def noting_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, noting_body, noting_start)
        except RedisError as error:
            _log.error("the desk's store does not answer: %s", type(error).__name__)
            if started or scope["type"] != "http":
                raise
            response = self._renderer.page("trouble.html", 503, problem="no_store", typed=_typed(bytes(body)))
            response.headers["Retry-After"] = "5"
            await response(scope, receive, send)


def _typed(body: bytes) -> str:
    """Return the text that a reply or note form carried."""
    try:
        return dict(parse_qsl(body.decode("ascii", "replace"), max_num_fields=20)).get("text", "")
    except ValueError:
        return ""


def _cache_control(scope: Scope) -> str:
    """Pages hold what patients wrote and are kept nowhere; static files carry their version in the address."""
    return "public, max-age=31536000, immutable" if "/static/" in scope["path"] else "no-store"
