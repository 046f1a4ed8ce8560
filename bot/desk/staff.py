"""The people of the care team: their accounts and passwords.

Before the desk's pages. Passwords are hashed with argon2id and off the event loop, so that a sign-in never delays an
emergency reply of the same process.

Keys, all under `bedside:staff:`:

    names          hash: sign-in name -> id
    doc:<id>       the account as JSON
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from redis.asyncio import Redis

from bot.desk.errors import StaffError, StaffExistsError, StaffNotFoundError, WeakPasswordError

_PREFIX = "bedside:staff:"
_NAMES = _PREFIX + "names"

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256

DEFAULT_CAPACITY = 5
MOST_CAPACITY = 50
LONGEST_OPEN_ID = 200

_FIRST_SIGN_IN = "care"
_FIRST_NAME = "Care team"
_PASSWORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # noqa: S105  (the letters, not a password)

_LISTS = frozenset({"languages", "skills", "teams"})
_TRAITS = _LISTS | {"role", "name", "capacity", "reads", "open_id"}
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Role(StrEnum):
    """What a person of the care team may do."""

    NURSE = "nurse"
    LEAD = "lead"
    CLINICAL_SAFETY = "clinical_safety"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Staff:
    """One account."""

    id: str
    sign_in: str
    """What the person types to sign in; unique, compared without regard to case."""
    name: str
    """What colleagues and patients read."""
    role: Role
    password_hash: str = field(repr=False)
    languages: tuple[str, ...] = ()
    """BCP 47 tags of the languages the person can write."""
    disabled: bool = False
    skills: tuple[str, ...] = ()
    """Names of what the person knows best, such as `pregnancy`; cases of that kind are offered to them first."""
    capacity: int = DEFAULT_CAPACITY
    """How many cases the person holds at most before others are asked first."""
    teams: tuple[str, ...] = ()
    """Names of the teams whose cases the person works on; none means all."""
    reads: str = ""
    """The language of the desk's own words for this person; empty follows the browser."""
    must_change_password: bool = False
    """True while the password is one that somebody else has seen."""
    open_id: str = ""
    """What the organisation's own sign-in calls the person, such as their mail address; an administrator says it."""
    open_id_subject: str = ""
    """Whom that sign-in has named so, since they first came by it; from then on only they come in."""

    def as_json(self) -> dict[str, Any]:
        """Return the account as plain JSON values, with the hash."""
        return {
            "id": self.id,
            "sign_in": self.sign_in,
            "name": self.name,
            "role": self.role.value,
            "password_hash": self.password_hash,
            "languages": list(self.languages),
            "disabled": self.disabled,
            "skills": list(self.skills),
            "capacity": self.capacity,
            "teams": list(self.teams),
            "reads": self.reads,
            "must_change_password": self.must_change_password,
            "open_id": self.open_id,
            "open_id_subject": self.open_id_subject,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Staff:
        """Return the account that `as_json` wrote, or that an older Bedside wrote: without a role it is a nurse's.

        Raises:
            KeyError, TypeError, ValueError: the data is not an account.
        """
        lists = {name: tuple(data.get(name) or ()) for name in ("languages", "skills", "teams")}
        return cls(**data | lists | {"role": Role(data.get("role") or Role.NURSE)})


class StaffRegistry:
    """All accounts of one installation."""

    def __init__(self, redis: Redis, hasher: PasswordHasher | None = None) -> None:
        """Take a client with `decode_responses=True`; `hasher` only to make tests fast."""
        self._redis = redis
        self._hasher = hasher or PasswordHasher()
        self._stand_in: str | None = None

    async def add(
        self,
        sign_in: str,
        password: str,
        *,
        name: str | None = None,
        role: Role = Role.NURSE,
        languages: Sequence[str] = ("en",),
        skills: Sequence[str] = (),
        capacity: int = DEFAULT_CAPACITY,
        teams: Sequence[str] = (),
        must_change_password: bool = False,
        open_id: str = "",
        open_id_subject: str = "",
    ) -> Staff:
        """Return the new account; afterwards its person can sign in.

        Args:
            sign_in: What the person types to sign in.
            password: The first password.
            name: What colleagues and patients read; the sign-in name if none is given.
            role: What the person may do.
            languages: BCP 47 tags of the languages that the person can write.
            skills: Names of what the person knows best.
            capacity: How many cases the person holds at most before others are asked first.
            teams: Names of the teams whose cases the person works on; none means all.
            must_change_password: Whether the first sign-in asks for a new password.
            open_id: What the organisation's own sign-in calls the person.
            open_id_subject: Whom it has named so, if the person came by it already.

        Raises:
            StaffExistsError: the sign-in name is taken.
            WeakPasswordError: the password is shorter than 12 or longer than 256 characters.
            StaffError: the sign-in name is empty or too long, or another value is out of its range.
        """
        sign_in = sign_in.strip()
        if not 1 <= len(sign_in) <= 64:
            raise StaffError("a sign-in name has 1 to 64 characters")
        _check_traits(languages=languages, skills=skills, capacity=capacity, teams=teams, open_id=open_id)
        staff = Staff(
            id=secrets.token_hex(6),
            sign_in=sign_in,
            name=(name or sign_in).strip(),
            role=role,
            password_hash=await self._hash(password),
            languages=tuple(languages),
            skills=tuple(skills),
            capacity=capacity,
            teams=tuple(teams),
            must_change_password=must_change_password,
            open_id=open_id.strip(),
            open_id_subject=open_id_subject,
        )
        # The account first: a name that leads nowhere would lock its person out for good.
        await self._save(staff)
        if not await self._redis.hsetnx(_NAMES, _folded(sign_in), staff.id):
            await self._redis.delete(_doc_key(staff.id))
            raise StaffExistsError(f"the sign-in name {sign_in!r} is taken")
        return staff

    async def list(self) -> list[Staff]:
        """Return all accounts by name, disabled ones too."""
        ids = cast("list[str]", await self._redis.hvals(_NAMES))
        if not ids:
            return []
        documents = cast("list[str | None]", await self._redis.mget([_doc_key(staff_id) for staff_id in ids]))
        accounts = [Staff.from_json(json.loads(document)) for document in documents if document is not None]
        return sorted(accounts, key=lambda staff: staff.name.casefold())

    async def get(self, staff_id: str) -> Staff | None:
        """Return the account of that id, disabled or not."""
        document = cast("str | None", await self._redis.get(_doc_key(staff_id)))
        return None if document is None else Staff.from_json(json.loads(document))

    async def find(self, sign_in: str) -> Staff | None:
        """Return the account with that sign-in name, disabled or not."""
        staff_id = cast("str | None", await self._redis.hget(_NAMES, _folded(sign_in)))
        return None if staff_id is None else await self.get(staff_id)

    async def disable(self, sign_in: str) -> Staff:
        """Return the account; afterwards its person cannot sign in, and open sessions end with their next request.

        Raises:
            StaffNotFoundError: there is no such account.
        """
        return await self._replace(await self._existing(sign_in), disabled=True)

    async def enable(self, sign_in: str) -> Staff:
        """Return the account; afterwards its person can sign in again.

        Raises:
            StaffNotFoundError: there is no such account.
        """
        return await self._replace(await self._existing(sign_in), disabled=False)

    async def set_password(self, sign_in: str, password: str, *, must_change: bool = False) -> Staff:
        """Return the account, which from now on opens with `password` only.

        Args:
            sign_in: The account's sign-in name.
            password: The new password.
            must_change: Whether the next sign-in asks for another one, because somebody else has seen this one.

        Raises:
            StaffNotFoundError: there is no such account.
            WeakPasswordError: the password is shorter than 12 or longer than 256 characters.
        """
        staff = await self._existing(sign_in)
        return await self._replace(staff, password_hash=await self._hash(password), must_change_password=must_change)

    async def change(self, sign_in: str, **traits: Any) -> Staff:
        """Return the account with other traits: role, name, languages, skills, capacity, teams, reads, open_id.

        With another `open_id`, whoever came by the one before comes in by it no more.

        Raises:
            StaffNotFoundError: there is no such account.
            StaffError: a value is out of its range.
        """
        if unknown := traits.keys() - _TRAITS:
            raise StaffError(f"an account has no {', '.join(sorted(unknown))} that can be changed")
        _check_traits(**traits)
        lists = {name: tuple(value) for name, value in traits.items() if name in _LISTS}
        staff, changes = await self._existing(sign_in), traits | lists
        if "open_id" in changes:
            changes["open_id"] = str(changes["open_id"]).strip()
            if _folded(changes["open_id"]) != _folded(staff.open_id):
                changes["open_id_subject"] = ""
        return await self._replace(staff, **changes)

    async def by_open_id(self, subject: str, account: str) -> Staff | None:
        """Return the one account of whoever the organisation's own sign-in names, disabled or not.

        Who came before is known by `subject`. Who comes for the first time is known by what an administrator wrote
        into one account, and into one only; from then on that account is theirs.
        """
        accounts = await self.list()
        known = [staff for staff in accounts if staff.open_id_subject == subject]
        if known:
            return known[0] if len(known) == 1 else None
        named = [staff for staff in accounts if account and _folded(staff.open_id) == _folded(account)]
        if len(named) != 1 or named[0].open_id_subject:
            return None
        return await self._replace(named[0], open_id_subject=subject)

    async def is_last_admin(self, staff: Staff) -> bool:
        """Return whether nobody else could add, change and close accounts."""
        admins = [each.id for each in await self.list() if each.role is Role.ADMIN and not each.disabled]
        return admins == [staff.id]

    async def has_password(self, staff: Staff, password: str) -> bool:
        """Return whether the password is that of the account."""
        return await self._verify(staff.password_hash, password)

    async def check_password(self, sign_in: str, password: str) -> Staff | None:
        """Return the account when the password is right and the account is not disabled, else None.

        Takes as long for a name that does not exist, so that names cannot be found out by time.
        """
        staff = await self.find(sign_in)
        right = await self._verify(staff.password_hash if staff else await self._stand_in_hash(), password)
        if staff is None or not right or staff.disabled:
            return None
        if self._hasher.check_needs_rehash(staff.password_hash) and len(password) >= SHORTEST_PASSWORD:
            return await self._replace(staff, password_hash=await self._hash(password))
        return staff

    async def ensure_first_account(self) -> tuple[str, str] | None:
        """Return sign-in name and password of the first account when none existed before; else None."""
        if await self._redis.hlen(_NAMES):
            return None
        password = new_password()
        try:
            staff = await self.add(
                _FIRST_SIGN_IN,
                password,
                name=_FIRST_NAME,
                role=Role.ADMIN,
                languages=("en", "es"),
                must_change_password=True,
            )
        except StaffExistsError:
            return None
        return staff.sign_in, password

    async def _existing(self, sign_in: str) -> Staff:
        staff = await self.find(sign_in)
        if staff is None:
            raise StaffNotFoundError(f"there is no account with the sign-in name {sign_in!r}")
        return staff

    async def _replace(self, staff: Staff, **changes: Any) -> Staff:
        changed = replace(staff, **changes)
        await self._save(changed)
        return changed

    async def _save(self, staff: Staff) -> None:
        await self._redis.set(_doc_key(staff.id), json.dumps(staff.as_json()))

    async def _hash(self, password: str) -> str:
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise WeakPasswordError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
        return await asyncio.to_thread(self._hasher.hash, _normal(password))

    async def _verify(self, password_hash: str, password: str) -> bool:
        if len(password) > LONGEST_PASSWORD:
            return False
        try:
            return await asyncio.to_thread(self._hasher.verify, password_hash, _normal(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _stand_in_hash(self) -> str:
        if self._stand_in is None:
            self._stand_in = await self._hash(new_password())
        return self._stand_in


def _check_traits(
    *,
    role: Role | None = None,
    name: str | None = None,
    languages: Sequence[str] = (),
    skills: Sequence[str] = (),
    teams: Sequence[str] = (),
    capacity: int = DEFAULT_CAPACITY,
    reads: str = "",
    open_id: str = "",
) -> None:
    """Raise `StaffError` when a value is out of its range."""
    if not 0 <= capacity <= MOST_CAPACITY:
        raise StaffError(f"a person holds 0 to {MOST_CAPACITY} cases")
    if name is not None and not 1 <= len(name.strip()) <= 80:
        raise StaffError("a name has 1 to 80 characters")
    if len(open_id) > LONGEST_OPEN_ID or not open_id.isprintable():
        raise StaffError(f"the name at the organisation's sign-in has at most {LONGEST_OPEN_ID} characters")
    for tag in (*languages, *([reads] if reads else [])):
        if not _LANGUAGE.fullmatch(tag):
            raise StaffError(f"{tag!r} is not a language tag, such as en or es")
    for word in (*skills, *teams):
        if not _WORD.fullmatch(word):
            raise StaffError(f"{word!r} is no name of a skill or team: small letters, digits and _ only")


def new_password() -> str:
    """Return a random password that can be read out loud: four groups of four, about 79 bits."""
    return "-".join("".join(secrets.choice(_PASSWORD_LETTERS) for _ in range(4)) for _ in range(4))


def _normal(password: str) -> bytes:
    """The same password typed on another keyboard gives the same bytes."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _folded(sign_in: str) -> str:
    return unicodedata.normalize("NFKC", sign_in.strip()).casefold()


def _doc_key(staff_id: str) -> str:
    return f"{_PREFIX}doc:{staff_id}"
