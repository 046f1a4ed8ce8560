"""The people of the care team as leads and administrators see them: who is there, who may do what, and the log.

After the gate: leads look, administrators change. What is changed here is in the audit log before it happens.
"""

from __future__ import annotations

import time
from typing import Any

from starlette.responses import RedirectResponse, Response

from actions.handoff.case import CaseState
from bot.desk.access import Visit
from bot.desk.audit import AuditRecord
from bot.desk.errors import StaffError
from bot.desk.presence import TAKES_CASES, Presence, PresenceBoard
from bot.desk.render import Renderer
from bot.desk.second_factor import SecondFactors
from bot.desk.services import DeskServices
from bot.desk.session import SessionStore
from bot.desk.staff import MOST_CAPACITY, Role, Staff, new_password
from bot.desk.tongue import t

_DONE = {
    "changed": "Saved.",
    "disabled": "The account is closed and its sessions have ended.",
    "enabled": "The account is open again.",
    "factor": "The second factor is removed and the sessions have ended.",
    "sessions": "The sessions have ended.",
}
_MOST_CASES = 1000
_RECORDS = 200


class PeoplePages:
    """The list of people, one person, and the log."""

    def __init__(self, services: DeskServices, sessions: SessionStore, renderer: Renderer) -> None:
        self._services = services
        self._sessions = sessions
        self._renderer = renderer
        self._factors = SecondFactors(services.redis, services.vault)
        self._presence = PresenceBoard(services.redis, sessions)
        self._base = services.settings.base_path

    async def show(self, visit: Visit) -> Response:
        """Everyone with role, presence, load, languages and skills."""
        return await self._people(visit)

    async def add(self, visit: Visit) -> Response:
        """There is a new account; its first password is shown this once."""
        password = new_password()
        try:
            added = await self._services.staff.add(
                visit.form.get("sign_in", ""),
                password,
                name=visit.form.get("name", "").strip() or None,
                must_change_password=True,
                **_traits(visit),
            )
        except StaffError as error:
            return await self._people(visit, problem=str(error))
        await self._services.audit.record(visit.actor, "people.added", about=added.id, detail=added.role.value)
        return await self._people(visit, shown=(added, password))

    async def one(self, visit: Visit) -> Response:
        """One account with everything that can be changed."""
        return await self._person(visit, done=_DONE.get(visit.request.query_params.get("done", ""), ""))

    async def change(self, visit: Visit) -> Response:
        """The account has the traits of the form."""
        staff = await self._existing(visit)
        if staff is None:
            return self._gone()
        traits = _traits(visit)
        if traits["role"] is not Role.ADMIN and await self._services.staff.is_last_admin(staff):
            return await self._person(visit, problem=t("This is the only administrator: make another one first."))
        try:
            name = visit.form.get("name", "").strip() or staff.name
            await self._services.staff.change(staff.sign_in, name=name, **traits)
        except StaffError as error:
            return await self._person(visit, problem=str(error))
        if traits["role"] is not staff.role or traits.get("open_id", staff.open_id) != staff.open_id:
            await self._sessions.end_all(staff.id, but=visit.session.id)
        return self._to(staff, "changed")

    async def disable(self, visit: Visit) -> Response:
        """The account cannot sign in any more, and its sessions have ended."""
        staff = await self._existing(visit)
        if staff is None:
            return self._gone()
        if await self._services.staff.is_last_admin(staff):
            return await self._person(visit, problem=t("This is the only administrator: make another one first."))
        await self._services.staff.disable(staff.sign_in)
        await self._sessions.end_all(staff.id)
        return self._to(staff, "disabled")

    async def enable(self, visit: Visit) -> Response:
        """The account can sign in again."""
        staff = await self._existing(visit)
        if staff is None:
            return self._gone()
        await self._services.staff.enable(staff.sign_in)
        return self._to(staff, "enabled")

    async def password(self, visit: Visit) -> Response:
        """The account has a new first password, shown this once; its sessions have ended."""
        staff = await self._existing(visit)
        if staff is None:
            return self._gone()
        password = new_password()
        changed = await self._services.staff.set_password(staff.sign_in, password, must_change=True)
        await self._sessions.end_all(staff.id)
        return await self._person(visit, shown=(changed, password))

    async def remove_factor(self, visit: Visit) -> Response:
        """Signing in asks the person for no code any more; their sessions have ended."""
        staff = await self._existing(visit)
        if staff is None:
            return self._gone()
        await self._factors.remove(staff.id)
        await self._sessions.end_all(staff.id)
        return self._to(staff, "factor")

    async def end_sessions(self, visit: Visit) -> Response:
        """The person must sign in again."""
        staff = await self._existing(visit)
        if staff is None:
            return self._gone()
        await self._sessions.end_all(staff.id)
        return self._to(staff, "sessions")

    async def log(self, visit: Visit) -> Response:
        """The newest records of the audit log, of everything or of one case or person."""
        case, who = visit.request.query_params.get("case", ""), visit.request.query_params.get("who", "")
        records: list[AuditRecord] = [
            record
            async for record in self._services.audit.records(newest=_RECORDS * (25 if case or who else 1))
            if case in ("", record.case_id) and who in ("", record.who)
        ]
        people = await self._services.staff.list()
        return self._page(
            "audit.html",
            visit,
            records=records[: -_RECORDS - 1 : -1],
            names={staff.id: staff.name for staff in people},
            people=people,
            case=case,
            who=who,
        )

    # Parts

    async def _people(self, visit: Visit, *, problem: str = "", shown: tuple[Staff, str] | None = None) -> Response:
        people = await self._services.staff.list()
        claimed = await self._services.queue.list_cases(CaseState.CLAIMED, limit=_MOST_CASES, with_words=False)
        present = await self._presence.all()
        return self._page(
            "people.html",
            visit,
            problem,
            people=people,
            presence={staff.id: present.get(staff.id, Presence.AWAY).value for staff in people},
            load={staff.id: sum(case.claimed_by == staff.id for case in claimed) for staff in people},
            takes_cases=TAKES_CASES,
            may_change=visit.staff.role is Role.ADMIN,
            all_roles=list(Role),
            most_capacity=MOST_CAPACITY,
            open_id=self._services.settings.open_id,
            shown=shown,
            typed=visit.form if problem else {},
        )

    async def _person(
        self, visit: Visit, *, done: str = "", problem: str = "", shown: tuple[Staff, str] | None = None
    ) -> Response:
        staff = await self._existing(visit)
        if staff is None:
            return self._gone()
        return self._page(
            "person.html",
            visit,
            problem,
            done=done,
            person=staff,
            factor=await self._factors.is_set_up(staff.id),
            sessions=await self._sessions.open_sessions(staff.id),
            all_roles=list(Role),
            most_capacity=MOST_CAPACITY,
            open_id=self._services.settings.open_id,
            shown=shown,
        )

    async def _existing(self, visit: Visit) -> Staff | None:
        return await self._services.staff.get(str(visit.request.path_params["staff_id"]))

    def _page(self, template: str, visit: Visit, problem: str = "", **values: Any) -> Response:
        return self._renderer.page(
            template,
            409 if problem else 200,
            **visit.for_every_page,
            idle_s=self._services.settings.session_idle_s,
            problem=problem,
            now=time.time(),
            **values,
        )

    def _gone(self) -> Response:
        return self._renderer.page("refused.html", 404, problem="no_person")

    def _to(self, staff: Staff, done: str) -> Response:
        return RedirectResponse(f"{self._base}/people/{staff.id}?done={done}", status_code=303)


def _traits(visit: Visit) -> dict[str, Any]:
    """Return what the form says of role, languages, skills, teams and capacity."""
    form = visit.form
    role, capacity = form.get("role", ""), form.get("capacity", "")
    return {
        # The lowest role for one that does not exist: a form that was tampered with gains nothing.
        "role": Role(role) if role in set(Role) else Role.NURSE,
        "capacity": int(capacity) if capacity.isascii() and capacity.isdigit() and len(capacity) < 4 else -1,
        **{name: _words(form.get(name, "")) for name in ("languages", "skills", "teams")},
        **({"open_id": form["open_id"]} if "open_id" in form else {}),
    }


def _words(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
