"""Who asks: the session and the account of a request, and the check that a form is theirs.

Between the gate, which decides who may use a route, and the pages of the desk. A page that was not reached through the
gate shows nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from bot.desk.audit import Actor
from bot.desk.render import Renderer
from bot.desk.services import DeskServices
from bot.desk.session import Session, SessionStore
from bot.desk.staff import Staff
from bot.desk.tongue import speak

COOKIE = "bedside_desk"
BACKGROUND_HEADER = "x-desk-background"
"""Set by the desk's script when it refreshes by itself; such a request keeps no session alive."""

VISITOR: Final = "bedside.desk.visitor"
"""Where the gate leaves the visitor in the scope of a request."""

FORM_BYTES = 64 * 1024
_FORM_FIELDS = 20

Form = dict[str, str]


class FormTooLargeError(Exception):
    """A form is larger than any page of the desk sends."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is signed in, in one of their browsers."""

    session: Session
    staff: Staff
    address: str = ""
    """The address that the request comes from."""

    @property
    def actor(self) -> Actor:
        """The visitor as the audit log names them."""
        return Actor(self.staff.id, self.staff.role.value, self.address, self.session.id)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a signed-in person."""

    request: Request
    session: Session
    staff: Staff
    form: Form

    @property
    def for_every_page(self) -> dict[str, Any]:
        """What each page shows of the person, and the token of its forms."""
        return {"me": self.staff, "csrf": self.session.csrf}

    @property
    def actor(self) -> Actor:
        """The person as the audit log names them: `await services.audit.record(visit.actor, "case.undo", …)`."""
        return Visitor(self.session, self.staff, address_of(self.request)).actor


PageOf = Callable[[Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Access:
    """Hands the gate's visitor to a page."""

    def __init__(self, services: DeskServices, sessions: SessionStore, renderer: Renderer) -> None:
        self._services = services
        self._sessions = sessions
        self._renderer = renderer

    def page(self, show: PageOf) -> Endpoint:
        """Return the endpoint that shows the page to its visitor."""

        async def endpoint(request: Request) -> Response:
            visitor: Visitor | None = request.scope.get(VISITOR)
            if visitor is None:
                return Response(status_code=403)
            return await show(Visit(request, visitor.session, visitor.staff, form={}))

        return endpoint

    def action(self, act: PageOf) -> Endpoint:
        """Return the endpoint that acts on a form of its visitor; what another typed is shown back, never lost."""

        async def endpoint(request: Request) -> Response:
            visitor: Visitor | None = request.scope.get(VISITOR)
            if visitor is None:
                return Response(status_code=403)
            try:
                form = await read_form(request)
            except FormTooLargeError:
                return self._renderer.page("trouble.html", 413, problem="too_large", typed="")
            if not visitor.session.owns_form(form.get("csrf", "")):
                return self._renderer.page("trouble.html", 403, problem="strange_form", typed=form.get("text", ""))
            return await act(Visit(request, visitor.session, visitor.staff, form))

        return endpoint

    async def find(self, request: Request, *, active: bool) -> tuple[Session, Staff] | None:
        """Return the open session of the request and its account; an account that was disabled has none."""
        session = await self._sessions.find(request.cookies.get(COOKIE, ""), active=active)
        if session is None:
            return None
        staff = await self._services.staff.get(session.staff_id)
        if staff is None or staff.disabled:
            await self._sessions.end(session.token)
            return None
        speak(staff.reads)
        return session, staff


def address_of(request: Request) -> str:
    """Return the address that the request comes from, without an IPv6 zone."""
    return request.client.host.partition("%")[0] if request.client else "unknown"


async def read_form(request: Request) -> Form:
    """Return the fields of a urlencoded form.

    Raises:
        FormTooLargeError: it has more than 64 kB or 20 fields.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES:
            raise FormTooLargeError
    try:
        fields = parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=_FORM_FIELDS)
    except ValueError as error:
        raise FormTooLargeError from error
    return dict(fields)
