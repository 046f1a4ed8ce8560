"""The organisation's own sign-in at the door of the desk: whose account is it who came.

After `bot.desk.open_id`, which knows who came, before `bot.desk.sign_in`, which lets them in. Nobody is let in by a
guess: the account is the one whose person came before, or the one for which an administrator wrote down the name that
the provider has verified, or, where a setting says so, a new one with the role of the person's group.
"""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.desk.access import address_of
from bot.desk.audit import Actor
from bot.desk.errors import AuditError, ProviderAwayError, ProviderRefusedError, StaffError
from bot.desk.open_id import JOURNEY_S, Identity, Journey, OpenIdProvider, OpenIdSettings
from bot.desk.second_factor import SecondFactors
from bot.desk.services import DeskServices
from bot.desk.session import BY_OPEN_ID, SessionStore, SignInGuard
from bot.desk.sign_in import SignIn, actor_of
from bot.desk.staff import Role, Staff, new_password
from bot.desk.words import duration

_log = logging.getLogger(__name__)

_JOURNEY_COOKIE = "bedside_desk_journey"


class _TurnedAwayError(Exception):
    """Somebody whom the provider knows has no business here."""

    def __init__(self, problem: str, why: str, about: str = "") -> None:
        super().__init__(why)
        self.problem = problem
        self.why = why
        self.about = about


class OpenIdDoor:
    """Sends browsers to the organisation's sign-in, and lets in who comes back."""

    def __init__(self, services: DeskServices, sessions: SessionStore, sign_in: SignIn) -> None:
        self._services = services
        self._sessions = sessions
        self._sign_in = sign_in
        self._guard = SignInGuard(services.redis)
        self._factors = SecondFactors(services.redis, services.vault)
        self._base = services.settings.base_path
        settings = services.settings.open_id
        self._provider = None if settings is None else OpenIdProvider(settings, clock=services.clock)

    async def begin(self, request: Request) -> Response:
        """The browser is on its way to the organisation's sign-in."""
        if self._provider is None:
            return RedirectResponse(f"{self._base}/sign-in", status_code=303)
        next_path = request.query_params.get("next", "")
        try:
            url, journey = await self._provider.begin(next_path)
        except ProviderAwayError:
            return self._sign_in.form(request, next_path=next_path, problem="provider_away", status=503)
        response = RedirectResponse(url, status_code=303)
        sealed = journey.sealed(self._services.vault)
        self._sign_in.set_cookie(request, response, _JOURNEY_COOKIE, sealed, max_age=JOURNEY_S)
        return response

    async def back(self, request: Request) -> Response:
        """Who came back is let in, or told in words why not. The journey is over either way."""
        if self._provider is None:
            return RedirectResponse(f"{self._base}/sign-in", status_code=303)
        response = await self._arrived(request, self._provider)
        response.delete_cookie(_JOURNEY_COOKIE, path=self._base)
        return response

    async def _arrived(self, request: Request, provider: OpenIdProvider) -> Response:
        query, now = request.query_params, self._services.clock()
        journey = Journey.opened(request.cookies.get(_JOURNEY_COOKIE, ""), self._services.vault, now=now)
        if journey is None or not journey.is_of(query.get("state", "")):
            return self._sign_in.form(request, problem="provider_strange", status=403)
        address = address_of(request)
        door = f"open_id {address}"  # one for each address: no stranger elsewhere can close it
        try:
            locked_s = await self._guard.locked_for_s(door, address)
            if locked_s:
                return self._sign_in.form(request, problem="locked", locked=duration(locked_s), status=429)
            if "code" not in query:  # they changed their mind there, or were not believed
                raise _TurnedAwayError("provider_refused", "refused")
            try:
                identity = await provider.identity(query["code"], journey)
            except ProviderRefusedError:
                await self._failed(address, "open_id:strange")
                if await self._guard.note_failure(door, address):
                    await self._services.audit.record(Actor("nobody", address=address), "sign_in.locked")
                problem = "provider_refused"
                return self._sign_in.form(request, next_path=journey.next_path, problem=problem, status=401)
            await self._guard.note_success(door, address)
            staff = await self._staff_of(identity, provider.settings, address)
            return await self._let_in(request, staff, journey.next_path, self._is_strong(identity, provider.settings))
        except _TurnedAwayError as turned:
            await self._failed(address, f"open_id:{turned.why}", turned.about)
            return self._sign_in.form(request, next_path=journey.next_path, problem=turned.problem, status=403)
        except ProviderAwayError:
            return self._sign_in.form(request, next_path=journey.next_path, problem="provider_away", status=503)
        except AuditError:
            return self._sign_in.not_recorded()

    async def _let_in(self, request: Request, staff: Staff, next_path: str, strong: bool) -> Response:
        if not strong and await self._factors.is_set_up(staff.id):
            await self._services.audit.record(actor_of(staff, address_of(request)), "sign_in.open_id")
            return await self._sign_in.to_code(request, staff, next_path, by=BY_OPEN_ID)
        return await self._sign_in.let_in(request, staff, next_path, "open_id", by=BY_OPEN_ID, strong=strong)

    # Whose account it is

    async def _staff_of(self, identity: Identity, settings: OpenIdSettings, address: str) -> Staff:
        """Return the open account of whoever came.

        Raises:
            _TurnedAwayError: There is none, or they may not come in.
        """
        if settings.mail_domains and identity.mail.partition("@")[2] not in settings.mail_domains:
            raise _TurnedAwayError("provider_unknown", "domain")
        role = settings.role_of(identity.groups) if settings.role_claim else None
        if settings.role_claim and role is None:
            raise _TurnedAwayError("provider_no_role", "role")
        staff = await self._services.staff.by_open_id(identity.subject, identity.account)
        if staff is None and settings.creates_accounts and role is not None and identity.account:
            return await self._added(identity, role, address)
        if staff is None:
            raise _TurnedAwayError("provider_unknown", "unknown")
        if staff.disabled:
            raise _TurnedAwayError("provider_unknown", "closed", staff.id)
        return staff if role is None or staff.role is role else await self._with_role(staff, role, address)

    async def _added(self, identity: Identity, role: Role, address: str) -> Staff:
        """Return a new account; its password is known to nobody."""
        try:
            staff = await self._services.staff.add(
                identity.account,
                new_password(),
                name=identity.name[:80] or None,
                role=role,
                languages=self._services.languages[:1] or ("en",),
                open_id=identity.account,
                open_id_subject=identity.subject,
            )
        except StaffError:  # an account with that sign-in name is somebody's, and we do not guess whose
            raise _TurnedAwayError("provider_unknown", "taken") from None
        await self._services.audit.record(actor_of(staff, address), "people.added", about=staff.id, detail=role.value)
        return staff

    async def _with_role(self, staff: Staff, role: Role, address: str) -> Staff:
        """Return the account with the role of the person's group; the last administrator stays one."""
        if await self._services.staff.is_last_admin(staff):
            return staff
        await self._services.audit.record(actor_of(staff, address), "people.change", about=staff.id, detail=role.value)
        await self._sessions.end_all(staff.id)
        return await self._services.staff.change(staff.sign_in, role=role)

    # Parts

    def _is_strong(self, identity: Identity, settings: OpenIdSettings) -> bool:
        """Return whether the provider's own second factor counts here."""
        return settings.second_factor == "trust" or (settings.second_factor == "amr" and identity.is_strong)

    async def _failed(self, address: str, why: str, about: str = "") -> None:
        await self._services.audit.record(Actor("nobody", address=address), "sign_in.failed", about=about, detail=why)
