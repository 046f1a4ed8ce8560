"""Who may use which route of the desk, and what the audit log says of it: one line for each route.

Read by the gate in `bot.desk.gate`, before anything else happens. A route that is not here is denied to everyone, and a
test says which one it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from starlette.routing import BaseRoute, Mount, Route

from bot.desk.staff import Role

EVERYONE = frozenset(Role)
CARE = frozenset({Role.NURSE, Role.LEAD, Role.ADMIN})
"""Those who work on cases."""
LEADING = frozenset({Role.LEAD, Role.ADMIN})
ADMIN = frozenset({Role.ADMIN})
SAFETY = frozenset({Role.CLINICAL_SAFETY, Role.LEAD, Role.ADMIN})
SIGNING = frozenset({Role.CLINICAL_SAFETY})
"""Those who sign what patients read."""
NOBODY: frozenset[Role] = frozenset()


class Unrecorded(Enum):
    """Why the audit log says nothing of a route."""

    SHOWS_NOTHING = "shows nothing of anybody"
    RECORDS_ITSELF = "writes its own records, because only it knows what to write"
    SIGN_OF_LIFE = "says only that somebody is there, or that something changed"
    OWN_ACCOUNT = "shows the person their own account"


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for one route."""

    allows: frozenset[Role]
    records: str | Unrecorded
    """The action's name in the audit log, or why there is none."""
    signed_in: bool = True
    """False for the door: whoever has not signed in may use it."""
    passive: bool = False
    """The browser asks for it by itself; it keeps no session alive."""
    always: bool = False
    """Also while a new password or a second factor must be chosen first."""
    glass: frozenset[Role] = NOBODY
    """Who may use it only after breaking the glass."""


def _door(records: Unrecorded) -> Rule:
    return Rule(NOBODY, records, signed_in=False)


_LOOKING = frozenset({Role.CLINICAL_SAFETY})

RULES: Mapping[str, Rule] = {
    # The door
    "GET /sign-in": _door(Unrecorded.SHOWS_NOTHING),
    "POST /sign-in": _door(Unrecorded.RECORDS_ITSELF),
    "GET /sign-in/code": _door(Unrecorded.SHOWS_NOTHING),
    "POST /sign-in/code": _door(Unrecorded.RECORDS_ITSELF),
    "GET /sign-in/open-id": _door(Unrecorded.SHOWS_NOTHING),
    "GET /sign-in/open-id/back": _door(Unrecorded.RECORDS_ITSELF),
    "* /static": _door(Unrecorded.SHOWS_NOTHING),
    "GET /{path:path}": _door(Unrecorded.SHOWS_NOTHING),
    "POST /sign-out": Rule(EVERYONE, "sign_out", always=True),
    # Cases
    "GET /": Rule(CARE, "queue.view"),
    "POST /views": Rule(CARE, Unrecorded.OWN_ACCOUNT),
    "POST /views/remove": Rule(CARE, Unrecorded.OWN_ACCOUNT),
    "GET /cases/{case_id}": Rule(CARE, "case.view", glass=_LOOKING),
    "POST /cases/{case_id}/claim": Rule(CARE, "case.claim"),
    "POST /cases/{case_id}/release": Rule(CARE, "case.release"),
    "POST /cases/{case_id}/transfer": Rule(CARE, "case.transfer"),
    "POST /cases/{case_id}/reply": Rule(CARE, "case.reply"),
    "POST /cases/{case_id}/undo": Rule(CARE, "case.undo"),
    "POST /cases/{case_id}/suggest": Rule(CARE, "case.suggest"),
    "POST /cases/{case_id}/tags": Rule(CARE, "case.tags"),
    "POST /cases/{case_id}/follow-up": Rule(CARE, "case.follow_up"),
    "POST /cases/{case_id}/note": Rule(CARE, "case.note", glass=_LOOKING),
    "POST /cases/{case_id}/resolve": Rule(CARE, "case.resolve"),
    "GET /cases/{case_id}/break-glass": Rule(EVERYONE, Unrecorded.SHOWS_NOTHING),
    "POST /cases/{case_id}/break-glass": Rule(EVERYONE, Unrecorded.RECORDS_ITSELF),
    "POST /present": Rule(EVERYONE, Unrecorded.SIGN_OF_LIFE, always=True),
    "GET /events": Rule(EVERYONE, Unrecorded.SIGN_OF_LIFE, passive=True, always=True),
    # One's own account
    "GET /account": Rule(EVERYONE, Unrecorded.OWN_ACCOUNT),
    "POST /account/settings": Rule(EVERYONE, "account.settings"),
    "POST /account/presence": Rule(EVERYONE, "account.presence"),
    "GET /account/password": Rule(EVERYONE, Unrecorded.OWN_ACCOUNT, always=True),
    "POST /account/password": Rule(EVERYONE, "account.password", always=True),
    "GET /account/second-factor": Rule(EVERYONE, Unrecorded.OWN_ACCOUNT, always=True),
    "POST /account/second-factor": Rule(EVERYONE, "account.second_factor.begin", always=True),
    "POST /account/second-factor/confirm": Rule(EVERYONE, "account.second_factor.confirm", always=True),
    "POST /account/second-factor/remove": Rule(EVERYONE, "account.second_factor.remove"),
    "POST /account/recovery-codes": Rule(EVERYONE, "account.recovery_codes"),
    "POST /account/sessions/end": Rule(EVERYONE, "account.sessions.end"),
    # The people
    "GET /people": Rule(LEADING, "people.view"),
    "POST /people": Rule(ADMIN, "people.add"),
    "GET /people/{staff_id}": Rule(ADMIN, "people.view_one"),
    "POST /people/{staff_id}": Rule(ADMIN, "people.change"),
    "POST /people/{staff_id}/disable": Rule(ADMIN, "people.disable"),
    "POST /people/{staff_id}/enable": Rule(ADMIN, "people.enable"),
    "POST /people/{staff_id}/password": Rule(ADMIN, "people.password"),
    "POST /people/{staff_id}/second-factor": Rule(ADMIN, "people.second_factor.remove"),
    "POST /people/{staff_id}/sessions": Rule(ADMIN, "people.sessions.end"),
    # For the lead
    "GET /lead": Rule(LEADING, "lead.view"),
    "GET /lead/cases.csv": Rule(LEADING, "lead.export"),
    "GET /audit": Rule(LEADING, "audit.view"),
    # For clinical safety
    "GET /safety": Rule(SAFETY, "safety.view"),
    "POST /safety": Rule(SAFETY, "safety.test"),
    "GET /answers": Rule(SAFETY, "answers.view"),
    "POST /answers": Rule(SIGNING, "answers.approve"),
    "GET /answers/new": Rule(SIGNING, "answers.begin"),
    "GET /answers/{answer_id}": Rule(SAFETY, "answers.view_one"),
    "POST /answers/{answer_id}": Rule(SIGNING, "answers.edit"),
    "POST /answers/{answer_id}/retire": Rule(SIGNING, "answers.retire"),
    "GET /gaps": Rule(SAFETY, "gaps.view"),
    "POST /gaps/drop": Rule(SIGNING, "gaps.drop"),
}


def route_name(route: BaseRoute, method: str) -> str:
    """Return how the rules name the route when it is used with that method."""
    if isinstance(route, Mount):
        return f"* {route.path}"
    path = route.path if isinstance(route, Route) else ""
    return f"{'GET' if method == 'HEAD' else method} {path}"


def home_of(role: Role) -> str:
    """Return the first page of a role, below the desk's address."""
    return "/safety" if role is Role.CLINICAL_SAFETY else "/"
