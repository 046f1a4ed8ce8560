"""Who may see a page: finds the session of a request, checks forms, and keeps the rest out.

Around every page of the desk but the sign-in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.desk.render import Renderer
from bot.desk.services import DeskServices
from bot.desk.session import Session, SessionStore
from bot.desk.staff import Staff
from bot.desk.tongue import speak

COOKIE = "bedside_desk"
BACKGROUND_HEADER = "x-desk-background"
"""Set by the desk's script when it refreshes by itself; such a request keeps no session alive."""

_FORM_BYTES = 64 * 1024
_FORM_FIELDS = 20

Form = dict[str, str]


class FormTooLargeError(Exception):
    """A form is larger than any page of the desk sends."""


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


PageOf = Callable[[Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Access:
    """Lets the signed-in in."""

    def __init__(self, services: DeskServices, sessions: SessionStore, renderer: Renderer) -> None:
        self._services = services
        self._sessions = sessions
        self._renderer = renderer
        self._base = services.settings.base_path

    def page(self, show: PageOf) -> Endpoint:
        """Return the endpoint that shows the page to the signed-in and sends others to the sign-in."""

        async def endpoint(request: Request) -> Response:
            background = BACKGROUND_HEADER in request.headers
            found = await self.find(request, active=not background)
            if found is None:
                return Response(status_code=401) if background else self._to_sign_in(request)
            return await show(Visit(request, *found, form={}))

        return endpoint

    def action(self, act: PageOf) -> Endpoint:
        """Return the endpoint that acts on a form of the signed-in; what another typed is shown back, never lost."""

        async def endpoint(request: Request) -> Response:
            try:
                form = await read_form(request)
            except FormTooLargeError:
                return self._renderer.page("trouble.html", 413, problem="too_large", typed="")
            found = await self.find(request, active=True)
            if found is None:
                return self._renderer.page("trouble.html", 401, problem="signed_out", typed=form.get("text", ""))
            session, staff = found
            if not session.owns_form(form.get("csrf", "")):
                return self._renderer.page("trouble.html", 403, problem="strange_form", typed=form.get("text", ""))
            return await act(Visit(request, session, staff, form))

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

    def _to_sign_in(self, request: Request) -> Response:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{self._base}/sign-in?next={quote(wanted)}", status_code=303)


async def read_form(request: Request) -> Form:
    """Return the fields of a urlencoded form.

    Raises:
        FormTooLargeError: it has more than 64 kB or 20 fields.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _FORM_BYTES:
            raise FormTooLargeError
    try:
        fields = parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=_FORM_FIELDS)
    except ValueError as error:
        raise FormTooLargeError from error
    return dict(fields)
