"""The gate of the desk: every request passes it before its route, and what the rules do not allow goes no further.

Between the headers and the routes. In this order: which route, who asks, may they, must something else come first, may
they see this case, and then the audit log. Only what is in the log reaches its route; what cannot be recorded does not
happen.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actions.handoff.errors import CaseNotFoundError
from bot.desk.access import (
    BACKGROUND_HEADER,
    FORM_BYTES,
    VISITOR,
    Access,
    FormTooLargeError,
    Visitor,
    address_of,
    read_form,
)
from bot.desk.errors import AuditError
from bot.desk.glass import GlassBox
from bot.desk.render import Renderer
from bot.desk.roles import RULES, Rule, Unrecorded, home_of, route_name
from bot.desk.second_factor import SecondFactors
from bot.desk.services import DeskServices
from bot.desk.session import BY_PASSWORD

_log = logging.getLogger(__name__)

_SEEN_KEY = "bedside:desk:seen"
_SEEN_S = 15 * 60
"""A page that refreshes by itself is recorded once in this time, so that the log tells of people, not of timers."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_./-]")


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request for a route that is only for the signed-in."""

    request: Request
    name: str
    rule: Rule
    visitor: Visitor
    case_id: str
    about: str

    @property
    def background(self) -> bool:
        return BACKGROUND_HEADER in self.request.headers


class Gate:
    """Lets a request through to its route, or answers it."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Sequence[BaseRoute],
        services: DeskServices,
        access: Access,
        renderer: Renderer,
    ) -> None:
        self._app = app
        self._routes = routes
        self._services = services
        self._access = access
        self._renderer = renderer
        self._factors = SecondFactors(services.redis, services.vault)
        self._glass = GlassBox(services.redis, services.vault)
        self._base = services.settings.base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its rule allows it."""
        if scope["type"] != "http":
            return
        found = self._route(scope)
        if found is None:  # no route, or none for this method: the router says so
            await self._app(scope, receive, send)
            return
        name, params = found
        rule = RULES.get(name)
        if rule is None:
            _log.error("the route %r has no rule in bot/desk/roles.py: it is denied to everyone", name)
            await self._page(403, "no_rule")(scope, receive, send)
            return
        if not rule.signed_in:
            await self._app(scope, receive, send)
            return
        if scope["method"] not in {"GET", "HEAD"}:
            # Read before anything can fail: what was typed is shown back, whatever happens.
            receive = await _kept(receive)
        request = Request(scope, receive)
        visitor = await self._visitor(request, rule)
        if visitor is None:
            await (await self._to_sign_in(request, rule))(scope, receive, send)
            return
        scope[VISITOR] = visitor
        asked = _Asked(request, name, rule, visitor, _id(params, "case_id"), _id(params, "staff_id"))
        refusal = await self._refusal(asked)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        try:
            recorded = await self._record(asked)
        except AuditError:
            _log.exception("the audit log could not be written; %s did not happen", name)
            await self._page(503, "not_recorded")(scope, receive, send)
            return
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if recorded and status >= 400:
                    # The record says that it was asked for; what came of it is a record of its own.
                    await self._note_refused(asked, status, recorded)
            await send(message)

        await self._app(scope, receive, noting)

    def _route(self, scope: Scope) -> tuple[str, dict[str, str]] | None:
        for route in self._routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                return route_name(route, scope["method"]), child.get("path_params", {})
        return None

    async def _visitor(self, request: Request, rule: Rule) -> Visitor | None:
        active = not rule.passive and BACKGROUND_HEADER not in request.headers
        found = await self._access.find(request, active=active)
        return None if found is None else Visitor(*found, address=address_of(request))

    async def _to_sign_in(self, request: Request, rule: Rule) -> Response:
        if request.method not in {"GET", "HEAD"}:
            try:
                typed = (await read_form(request)).get("text", "")
            except FormTooLargeError:
                return self._renderer.page("trouble.html", 413, problem="too_large", typed="")
            return self._renderer.page("trouble.html", 401, problem="signed_out", typed=typed)
        if rule.passive or BACKGROUND_HEADER in request.headers:
            return Response(status_code=401)
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{self._base}/sign-in?next={quote(wanted)}", status_code=303)

    async def _refusal(self, asked: _Asked) -> Response | None:
        """Return the answer to a request that must not go on; None when it may."""
        staff, rule = asked.visitor.staff, asked.rule
        if staff.role not in rule.allows | rule.glass:
            if asked.name == "GET /" and not asked.background:
                return RedirectResponse(self._base + home_of(staff.role), status_code=303)
            return await self._denied(asked, "denied.role", "not_your_role")
        if not rule.always:
            first = await self._must_come_first(asked)
            if first:
                return self._instead(asked, f"/account/{first}", first)
        if asked.case_id and "break-glass" not in asked.name and not await self._may_see_case(asked):
            if asked.request.method in {"GET", "HEAD"} and not asked.background:
                return RedirectResponse(f"{self._base}/cases/{asked.case_id}/break-glass", status_code=303)
            return await self._denied(asked, "denied.case", "not_your_case")
        return None

    async def _must_come_first(self, asked: _Asked) -> str:
        staff = asked.visitor.staff
        session = asked.visitor.session
        if staff.must_change_password and session.by == BY_PASSWORD:
            return "password"
        required = self._services.settings.second_factor_required
        if not required or session.strong or await self._factors.is_set_up(staff.id):
            return ""
        return "second-factor"

    def _instead(self, asked: _Asked, path: str, problem: str) -> Response:
        if asked.request.method in {"GET", "HEAD"} and not asked.background:
            return RedirectResponse(self._base + path, status_code=303)
        return self._page(403, problem.replace("-", "_"))

    async def _may_see_case(self, asked: _Asked) -> bool:
        """Return whether the case is of the person's role and team, or they broke the glass of this one lately."""
        staff = asked.visitor.staff
        if staff.role in asked.rule.allows and await self._is_of_team(asked):
            return True
        return await self._glass.is_broken(staff.id, asked.case_id)

    async def _is_of_team(self, asked: _Asked) -> bool:
        staff = asked.visitor.staff
        if not staff.teams:
            return True
        try:
            case = await self._services.queue.get(asked.case_id)
        except CaseNotFoundError:
            return True  # the page says that it is gone
        return case.team is None or case.team in staff.teams or case.claimed_by == staff.id

    async def _denied(self, asked: _Asked, action: str, problem: str) -> Response:
        detail = _NOT_IN_ID.sub("", asked.name.replace(" ", "."))[:90]
        await self._services.audit.record(
            asked.visitor.actor, action, case_id=asked.case_id, about=asked.about, detail=detail
        )
        return self._page(403, problem)

    async def _record(self, asked: _Asked) -> str:
        """Return the number of the record that says what is about to happen, or nothing when none is kept."""
        if isinstance(asked.rule.records, Unrecorded):
            return ""
        if asked.request.method in {"GET", "HEAD"}:
            page = hashlib.sha256(asked.request.url.path.encode()).hexdigest()[:16]
            key = f"{_SEEN_KEY}:{asked.visitor.session.id}:{page}"
            fresh = await self._services.redis.set(key, "1", ex=_SEEN_S, nx=asked.background)
            if asked.background and not fresh:
                return ""
        record = await self._services.audit.record(
            asked.visitor.actor, asked.rule.records, case_id=asked.case_id, about=asked.about
        )
        return str(record.number)

    async def _note_refused(self, asked: _Asked, status: int, number: str) -> None:
        await self._services.audit.record(
            asked.visitor.actor,
            f"{asked.rule.records}.refused",
            case_id=asked.case_id,
            about=asked.about,
            detail=f"{status}:{number}",
        )

    def _page(self, status: int, problem: str) -> Response:
        return self._renderer.page("refused.html", status, problem=problem)


async def _kept(receive: Receive) -> Receive:
    """Return a `receive` that gives the body that was read here, and then what comes after it."""
    messages: list[Message] = []
    size = 0
    while True:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if not message.get("more_body", False) or size > FORM_BYTES:
            break

    async def again() -> Message:
        return messages.pop(0) if messages else await receive()

    return again


def _id(params: dict[str, str], name: str) -> str:
    """Return an id of the address; one that cannot be an id is named so, and leads nowhere."""
    if name not in params:
        return ""
    return params[name] if _ID.fullmatch(params[name]) else "unreadable"
