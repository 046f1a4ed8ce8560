"""One's own account: password, second factor, open sessions, presence, and the language of the desk.

After the gate. Whatever opens the account asks for the password again: a desk left open for a minute must not be enough
to take it over.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import RedirectResponse, Response

from bot.desk.access import Visit
from bot.desk.audit import AuditLog
from bot.desk.presence import TAKES_CASES, Presence, PresenceBoard
from bot.desk.render import Renderer
from bot.desk.roles import home_of
from bot.desk.second_factor import SecondFactors
from bot.desk.services import DeskServices
from bot.desk.session import BY_PASSWORD, SessionStore, SignInGuard
from bot.desk.staff import LONGEST_PASSWORD, SHORTEST_PASSWORD
from bot.desk.tongue import languages

_DONE = {
    "password": "Your password is new. Your other sessions have ended.",
    "settings": "Saved.",
    "presence": "Saved.",
    "factor_removed": "Your second factor is removed. Signing in asks for no code any more.",
    "sessions": "The session has ended.",
}
_WRONG_PASSWORD = "That is not your password. Nothing was changed."  # noqa: S105  (words, not a password)


class AccountPages:
    """The pages of one's own account."""

    def __init__(self, services: DeskServices, sessions: SessionStore, renderer: Renderer) -> None:
        self._services = services
        self._sessions = sessions
        self._renderer = renderer
        self._factors = SecondFactors(services.redis, services.vault)
        self._presence = PresenceBoard(services.redis, sessions)
        self._guard = SignInGuard(services.redis)
        self._base = services.settings.base_path

    @property
    def _audit(self) -> AuditLog:
        return self._services.audit

    # The account

    async def show(self, visit: Visit) -> Response:
        """Everything about one's account on one page."""
        done = _DONE.get(visit.request.query_params.get("done", ""), "")
        return await self._account(visit, done=done)

    async def settings(self, visit: Visit) -> Response:
        """The desk speaks another language from now on."""
        reads = visit.form.get("reads", "")
        if reads and reads not in languages():
            return await self._account(visit, problem="The desk does not speak that language.")
        await self._services.staff.change(visit.staff.sign_in, reads=reads)
        return self._to_account("settings")

    async def presence(self, visit: Visit) -> Response:
        """New cases come to the person, or do not for now."""
        chosen = Presence.BUSY if visit.form.get("presence") == Presence.BUSY.value else Presence.HERE
        await self._presence.choose(visit.staff.id, chosen)
        return self._to_account("presence")

    async def end_sessions(self, visit: Visit) -> Response:
        """One of the person's sessions, or all the others, are over."""
        wanted = visit.form.get("session", "")
        if wanted:
            ended = await self._sessions.end_one(visit.staff.id, wanted)
            if not ended:
                return await self._account(visit, problem="That session had ended already.")
        else:
            await self._sessions.end_all(visit.staff.id, but=visit.session.id)
        return self._to_account("sessions")

    # Password

    async def show_password(self, visit: Visit) -> Response:
        """The form for a new password."""
        return self._password(visit)

    async def set_password(self, visit: Visit) -> Response:
        """The account opens with the new password only, and every other session has ended."""
        staff, fresh = visit.staff, visit.form.get("new", "")
        problem = ""
        first = staff.must_change_password and visit.session.by == BY_PASSWORD
        if not first and not await self._knows_password(visit):
            problem = _WRONG_PASSWORD
        elif fresh != visit.form.get("again", ""):
            problem = "The two new passwords are not the same. Nothing was changed."
        elif not SHORTEST_PASSWORD <= len(fresh) <= LONGEST_PASSWORD:
            problem = "A password has 12 to 256 characters. Nothing was changed."
        elif fresh.casefold() in {staff.sign_in.casefold(), staff.name.casefold()}:
            problem = "Your name is no password. Nothing was changed."
        elif await self._services.staff.has_password(staff, fresh):
            problem = "That is the password you have. Choose a new one."
        if problem:
            return self._password(visit, problem)
        await self._services.staff.set_password(staff.sign_in, fresh)
        await self._sessions.end_all(staff.id, but=visit.session.id)
        if staff.must_change_password:
            return RedirectResponse(self._base + home_of(staff.role), status_code=303)
        return self._to_account("password")

    # Second factor

    async def show_factor(self, visit: Visit) -> Response:
        """What is set up, or what to do to set it up."""
        return await self._factor(visit)

    async def begin_factor(self, visit: Visit) -> Response:
        """A secret for the authenticator app is shown; it counts once a code of it was typed."""
        if not await self._knows_password(visit):
            return await self._factor(visit, problem=_WRONG_PASSWORD)
        await self._factors.begin(visit.staff.id, visit.staff.sign_in)
        return RedirectResponse(f"{self._base}/account/second-factor", status_code=303)

    async def confirm_factor(self, visit: Visit) -> Response:
        """From now on signing in asks for a code; the recovery codes are shown this once."""
        codes = await self._factors.confirm(visit.staff.id, visit.form.get("code", ""))
        if codes is None:
            return await self._factor(visit, problem="That code does not fit. Check the clock of your telephone.")
        await self._sessions.end_all(visit.staff.id, but=visit.session.id)
        return await self._factor(visit, codes=codes)

    async def renew_codes(self, visit: Visit) -> Response:
        """Fresh recovery codes are shown this once; the older ones open nothing."""
        if not await self._knows_password(visit):
            return await self._factor(visit, problem=_WRONG_PASSWORD)
        if not await self._factors.is_set_up(visit.staff.id):
            return await self._factor(visit, problem="There is no second factor yet.")
        return await self._factor(visit, codes=await self._factors.renew_recovery_codes(visit.staff.id))

    async def remove_factor(self, visit: Visit) -> Response:
        """Signing in asks for no code any more; not where everyone must have one."""
        if self._services.settings.second_factor_required:
            return await self._factor(visit, problem="This installation asks everyone for a second factor.")
        if not await self._knows_password(visit):
            return await self._factor(visit, problem=_WRONG_PASSWORD)
        await self._factors.remove(visit.staff.id)
        return self._to_account("factor_removed")

    # Parts

    async def _knows_password(self, visit: Visit) -> bool:
        """Return whether the form holds the person's password; guesses count, and too many end the session."""
        door = f"account:{visit.staff.id}"
        address = visit.actor.address
        if await self._guard.locked_for_s(door, address):
            return False
        if await self._services.staff.has_password(visit.staff, visit.form.get("password", "")):
            await self._guard.note_success(door, address)
            return True
        if await self._guard.note_failure(door, address):
            await self._audit.record(visit.actor, "account.locked")
            await self._sessions.end_all(visit.staff.id)
        return False

    async def _account(self, visit: Visit, *, done: str = "", problem: str = "") -> Response:
        return self._page(
            "account.html",
            visit,
            problem,
            done=done,
            sessions=await self._sessions.open_sessions(visit.staff.id),
            this_session=visit.session.id,
            factor=await self._factors.is_set_up(visit.staff.id),
            presence=await self._presence.of(visit.staff.id),
            takes_cases=visit.staff.role in TAKES_CASES,
            desk_languages=languages(),
        )

    def _password(self, visit: Visit, problem: str = "") -> Response:
        return self._page(
            "account_password.html",
            visit,
            problem,
            shortest=SHORTEST_PASSWORD,
            longest=LONGEST_PASSWORD,
            first=visit.staff.must_change_password and visit.session.by == BY_PASSWORD,
        )

    async def _factor(self, visit: Visit, *, problem: str = "", codes: list[str] | None = None) -> Response:
        factor = await self._factors.is_set_up(visit.staff.id)
        return self._page(
            "account_factor.html",
            visit,
            problem,
            factor=factor,
            coming=None if codes else await self._factors.coming(visit.staff.id, visit.staff.sign_in),
            codes=codes or [],
            codes_left=await self._factors.recovery_codes_left(visit.staff.id) if factor else 0,
            required=self._services.settings.second_factor_required,
        )

    def _page(self, template: str, visit: Visit, problem: str, **values: Any) -> Response:
        return self._renderer.page(
            template,
            409 if problem else 200,
            **visit.for_every_page,
            idle_s=self._services.settings.session_idle_s,
            problem=problem,
            **values,
        )

    def _to_account(self, done: str) -> Response:
        return RedirectResponse(f"{self._base}/account?done={done}", status_code=303)
