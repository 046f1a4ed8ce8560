"""The door of the desk: signing in and out."""

from __future__ import annotations

import hmac
import secrets

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.desk.access import COOKIE, FormTooLargeError, Visit, read_form
from bot.desk.render import Renderer
from bot.desk.services import DeskServices
from bot.desk.session import SessionStore, SignInGuard
from bot.desk.words import duration

_DOOR_COOKIE = "bedside_desk_door"
"""Ties the sign-in form to the browser it was shown in, so that nobody else can sign a nurse in as somebody else."""


class SignIn:
    """The sign-in page and its form."""

    def __init__(self, services: DeskServices, sessions: SessionStore, renderer: Renderer) -> None:
        self._services = services
        self._sessions = sessions
        self._renderer = renderer
        self._guard = SignInGuard(services.redis)
        self._base = services.settings.base_path

    async def show(self, request: Request) -> Response:
        """The empty form."""
        why = "idle" if request.query_params.get("why") == "idle" else ""
        return self._form(request, next_path=request.query_params.get("next", ""), notice=why)

    async def submit(self, request: Request) -> Response:
        """Check name and password; the right ones lead to where the person wanted to go."""
        try:
            form = await read_form(request)
        except FormTooLargeError:
            return self._renderer.page("trouble.html", 413, problem="too_large", typed="")
        sign_in, next_path, address = form.get("sign_in", ""), form.get("next", ""), _address(request)
        if not self._same_browser(request, form.get("csrf", "")):
            return self._form(request, sign_in=sign_in, next_path=next_path, problem="strange_form", status=403)
        locked_s = await self._guard.locked_for_s(sign_in, address)
        if locked_s:
            return self._form(
                request, sign_in=sign_in, next_path=next_path, problem="locked", locked=duration(locked_s), status=429
            )
        staff = await self._services.staff.check_password(sign_in, form.get("password", ""))
        if staff is None:
            await self._guard.note_failure(sign_in, address)
            return self._form(request, sign_in=sign_in, next_path=next_path, problem="wrong", status=401)
        await self._guard.note_success(sign_in, address)
        session = await self._sessions.begin(staff.id)
        response = RedirectResponse(self._inside(next_path), status_code=303)
        self._set_cookie(request, response, COOKIE, session.token)
        response.delete_cookie(_DOOR_COOKIE, path=self._base)
        return response

    async def sign_out(self, visit: Visit) -> Response:
        """The session is over."""
        await self._sessions.end(visit.session.token)
        response = RedirectResponse(f"{self._base}/sign-in", status_code=303)
        response.delete_cookie(COOKIE, path=self._base)
        return response

    def _form(
        self,
        request: Request,
        *,
        sign_in: str = "",
        next_path: str = "",
        problem: str = "",
        notice: str = "",
        locked: str = "",
        status: int = 200,
    ) -> Response:
        csrf = request.cookies.get(_DOOR_COOKIE) or secrets.token_urlsafe(24)
        response = self._renderer.page(
            "sign_in.html",
            status,
            csrf=csrf,
            sign_in=sign_in,
            next=next_path,
            problem=problem,
            notice=notice,
            locked=locked,
        )
        self._set_cookie(request, response, _DOOR_COOKIE, csrf)
        return response

    def _same_browser(self, request: Request, csrf: str) -> bool:
        cookie = request.cookies.get(_DOOR_COOKIE, "")
        return bool(cookie) and hmac.compare_digest(cookie.encode(), csrf.encode("utf-8", "replace"))

    def _inside(self, path: str) -> str:
        """Return the path when it leads into the desk, else the queue; never another site."""
        safe = path.startswith(f"{self._base}/") and "\\" not in path and "//" not in path and path.isprintable()
        return path if safe else f"{self._base}/"

    def _set_cookie(self, request: Request, response: Response, name: str, value: str) -> None:
        response.set_cookie(
            name,
            value,
            path=self._base,
            httponly=True,
            samesite="lax",
            secure=self._services.settings.secure_cookies or request.url.scheme == "https",
        )


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
