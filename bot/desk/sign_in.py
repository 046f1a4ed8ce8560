"""The door of the desk: signing in with a password, then with a code where one was set up, and signing out.

The organisation's own sign-in is `bot.desk.open_id_door`; whoever comes by it is let in here.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.desk.access import COOKIE, FormTooLargeError, Visit, address_of, read_form
from bot.desk.audit import Actor
from bot.desk.errors import AuditError
from bot.desk.render import Renderer
from bot.desk.roles import home_of
from bot.desk.second_factor import SecondFactors
from bot.desk.services import DeskServices
from bot.desk.session import BY_PASSWORD, SessionStore, SignInGuard, SignInSteps
from bot.desk.staff import Staff
from bot.desk.words import duration

_DOOR_COOKIE = "bedside_desk_door"
"""Ties the sign-in form to the browser it was shown in, so that nobody else can sign a nurse in as somebody else."""
_STEP_COOKIE = "bedside_desk_step"
"""That the password was right; the code is still to come."""


class SignIn:
    """The sign-in pages and their forms."""

    def __init__(self, services: DeskServices, sessions: SessionStore, renderer: Renderer) -> None:
        self._services = services
        self._sessions = sessions
        self._renderer = renderer
        self._guard = SignInGuard(services.redis)
        self._steps = SignInSteps(services.redis)
        self._factors = SecondFactors(services.redis, services.vault)
        self._base = services.settings.base_path

    # Password

    async def show(self, request: Request) -> Response:
        """The empty form."""
        why = "idle" if request.query_params.get("why") == "idle" else ""
        return self.form(request, next_path=request.query_params.get("next", ""), notice=why)

    async def submit(self, request: Request) -> Response:
        """Check name and password; the right ones lead to the code, or to where the person wanted to go."""
        try:
            form = await read_form(request)
        except FormTooLargeError:
            return self._renderer.page("trouble.html", 413, problem="too_large", typed="")
        sign_in, next_path, address = form.get("sign_in", ""), form.get("next", ""), address_of(request)
        if not self._same_browser(request, form.get("csrf", "")):
            return self.form(request, sign_in=sign_in, next_path=next_path, problem="strange_form", status=403)
        locked_s = await self._guard.locked_for_s(sign_in, address)
        if locked_s:
            return self.form(
                request, sign_in=sign_in, next_path=next_path, problem="locked", locked=duration(locked_s), status=429
            )
        staff = await self._services.staff.check_password(sign_in, form.get("password", ""))
        try:
            if staff is None:
                await self._failed(sign_in, await self._services.staff.find(sign_in), address, "password")
                return self.form(request, sign_in=sign_in, next_path=next_path, problem="wrong", status=401)
            if await self._factors.is_set_up(staff.id):
                await self._services.audit.record(actor_of(staff, address), "sign_in.password")
                return await self.to_code(request, staff, next_path)
            await self._guard.note_success(sign_in, address)
            return await self.let_in(request, staff, next_path, "password")
        except AuditError:
            return self.not_recorded()

    # Code

    async def show_code(self, request: Request) -> Response:
        """The form for the code; without a right password before it, the first form."""
        step = await self._steps.find(request.cookies.get(_STEP_COOKIE, ""))
        if step is None:
            return RedirectResponse(f"{self._base}/sign-in", status_code=303)
        return self._code_form(request)

    async def submit_code(self, request: Request) -> Response:
        """Check the code or recovery code; the right one leads to where the person wanted to go."""
        try:
            form = await read_form(request)
        except FormTooLargeError:
            return self._renderer.page("trouble.html", 413, problem="too_large", typed="")
        step = await self._steps.find(request.cookies.get(_STEP_COOKIE, ""))
        staff = None if step is None else await self._services.staff.get(step.staff_id)
        if step is None or staff is None or staff.disabled:
            return RedirectResponse(f"{self._base}/sign-in", status_code=303)
        if not self._same_browser(request, form.get("csrf", "")):
            return self._code_form(request, problem="strange_form", status=403)
        address, door = address_of(request), f"code:{staff.id}"
        locked_s = await self._guard.locked_for_s(door, address)
        if locked_s:
            await self._steps.end(step.token)
            return self.form(request, problem="locked", locked=duration(locked_s), status=429)
        code = form.get("code", "").strip()
        try:
            how = await self._right_code(staff, code)
            if not how:
                await self._failed(door, staff, address, "code")
                return self._code_form(request, problem="wrong_code", status=401)
            if not await self._steps.end(step.token):
                return RedirectResponse(f"{self._base}/sign-in", status_code=303)
            await self._guard.note_success(door, address)
            await self._guard.note_success(staff.sign_in, address)
            response = await self.let_in(request, staff, step.next_path, how, by=step.by, strong=True)
        except AuditError:
            return self.not_recorded()
        response.delete_cookie(_STEP_COOKIE, path=self._base)
        return response

    # Out

    async def sign_out(self, visit: Visit) -> Response:
        """The session is over."""
        await self._sessions.end(visit.session.token)
        response = RedirectResponse(f"{self._base}/sign-in", status_code=303)
        response.delete_cookie(COOKIE, path=self._base)
        return response

    # Parts

    async def _right_code(self, staff: Staff, code: str) -> str:
        """Return which kind of code it was, or nothing when it is wrong."""
        if await self._factors.check(staff.id, code):
            return "code"
        return "recovery_code" if await self._factors.use_recovery_code(staff.id, code) else ""

    async def _failed(self, door: str, staff: Staff | None, address: str, what: str) -> None:
        """Count and record a failure. The name that was typed is not recorded: it may be a password."""
        who = Actor("nobody", address=address)
        about = staff.id if staff is not None else ""
        await self._services.audit.record(who, "sign_in.failed", about=about, detail=what)
        if await self._guard.note_failure(door, address):
            await self._services.audit.record(who, "sign_in.locked", about=about, detail=what)

    # Letting in, also for whoever came by the organisation's own sign-in

    async def to_code(self, request: Request, staff: Staff, next_path: str, *, by: str = BY_PASSWORD) -> Response:
        """The person is asked for the code of their second factor."""
        step = await self._steps.begin(staff.id, next_path, by)
        response = RedirectResponse(f"{self._base}/sign-in/code", status_code=303)
        self.set_cookie(request, response, _STEP_COOKIE, step.token)
        return response

    async def let_in(
        self,
        request: Request,
        staff: Staff,
        next_path: str,
        how: str,
        *,
        by: str = BY_PASSWORD,
        strong: bool = False,
    ) -> Response:
        """The person is signed in, on the way to where they wanted to go.

        Raises:
            AuditError: It could not be recorded; then they are not.
        """
        address = address_of(request)
        await self._services.audit.record(actor_of(staff, address), "sign_in", detail=how)
        session = await self._sessions.begin(
            staff.id, address=address, agent=request.headers.get("user-agent", ""), by=by, strong=strong
        )
        response = RedirectResponse(self._inside(next_path, staff), status_code=303)
        self.set_cookie(request, response, COOKIE, session.token)
        response.delete_cookie(_DOOR_COOKIE, path=self._base)
        return response

    def not_recorded(self) -> Response:
        """What cannot be recorded does not happen, and the page says so."""
        return self._renderer.page("refused.html", 503, problem="not_recorded")

    def form(
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
        """The sign-in page, with what went wrong in words."""
        values: dict[str, Any] = {"sign_in": sign_in, "next": next_path, "notice": notice, "locked": locked}
        values["open_id"] = self._services.settings.open_id
        return self._door("sign_in.html", request, status, problem=problem, **values)

    def _code_form(self, request: Request, *, problem: str = "", status: int = 200) -> Response:
        return self._door("sign_in_code.html", request, status, problem=problem)

    def _door(self, template: str, request: Request, status: int, **values: Any) -> Response:
        csrf = request.cookies.get(_DOOR_COOKIE) or secrets.token_urlsafe(24)
        response = self._renderer.page(template, status, csrf=csrf, **values)
        self.set_cookie(request, response, _DOOR_COOKIE, csrf)
        return response

    def _same_browser(self, request: Request, csrf: str) -> bool:
        cookie = request.cookies.get(_DOOR_COOKIE, "")
        return bool(cookie) and hmac.compare_digest(cookie.encode(), csrf.encode("utf-8", "replace"))

    def _inside(self, path: str, staff: Staff) -> str:
        """Return the path when it leads into the desk, else the person's first page; never another site."""
        safe = path.startswith(f"{self._base}/") and "\\" not in path and "//" not in path and path.isprintable()
        return path if safe else self._base + home_of(staff.role)

    def set_cookie(
        self, request: Request, response: Response, name: str, value: str, max_age: int | None = None
    ) -> None:
        """The browser keeps the value out of reach of scripts and other sites, and brings it to the desk only."""
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path=self._base,
            httponly=True,
            samesite="lax",
            secure=self._services.settings.secure_cookies or request.url.scheme == "https",
        )


def actor_of(staff: Staff, address: str) -> Actor:
    """Return the person at the door as the audit log names them."""
    return Actor(staff.id, staff.role.value, address)
