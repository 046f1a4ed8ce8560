"""Who is signed in: server-side sessions, the step between password and code, and the lock after wrong ones.

Before every page of the desk. The cookie holds a random token; the store holds only the token's hash, so that a copy
of the store opens no session. A session ends by idleness, by age, by signing out, by being ended from another one, or
when its account is disabled.

Keys, all under `bedside:desk:`:

    session:<hash>     hash: staff id, CSRF token, when, where and how it began; expires with idleness
    sessions:<staff>   set of the hashes of a person's sessions
    here               sorted set: staff id -> until when the person counts as being at the desk
    step:<hash>        hash: staff id, where to go; a right password, or its like, that still waits for its code
    failed:<hash>      how often a sign-in name or an address has failed lately
    locked:<hash>      the door is closed for that name or address until this expires
    locks:<hash>       how often it was closed in the last day; each time it stays closed twice as long
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

_PREFIX = "bedside:desk:"

FAILURES_PER_NAME_AND_ADDRESS = 5
FAILURES_PER_ADDRESS = 30
"""More: a whole clinic may share one address."""
FAILURES_PER_NAME = 50
"""Many more: a stranger elsewhere must not be able to lock a nurse out by typing her name."""
LOCKED_FOR_S = 15 * 60
LONGEST_LOCK_S = 4 * 3600
_LOCKS_REMEMBERED_S = 24 * 3600
STEP_S = 5 * 60
"""How long a right password waits for its code."""

BY_PASSWORD = "password"  # noqa: S105  (what it is called)
BY_OPEN_ID = "open_id"

_HERE = _PREFIX + "here"
_ID_LENGTH = 16
_LONGEST_AGENT = 200
_LONGEST_PATH = 300


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser."""

    token: str
    staff_id: str
    csrf: str
    began_at: float
    address: str = ""
    """The address that the sign-in came from."""
    agent: str = ""
    """What the browser called itself."""
    by: str = BY_PASSWORD
    """Who vouched for the person: their password here, or the organisation's own sign-in."""
    strong: bool = False
    """Whether more than one factor was asked for."""

    @property
    def id(self) -> str:
        """What names this session in lists and in the audit log; opens nothing."""
        return session_id(self.token)

    def owns_form(self, csrf: str) -> bool:
        """Return whether the form was made for this session."""
        return hmac.compare_digest(self.csrf.encode(), csrf.encode("utf-8", "replace"))


class SessionStore:
    """All open sessions."""

    def __init__(
        self, redis: Redis, *, idle_s: float, longest_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._redis = redis
        self._idle_s = int(idle_s)
        self._longest_s = longest_s
        self._clock = clock

    async def begin(
        self, staff_id: str, *, address: str = "", agent: str = "", by: str = BY_PASSWORD, strong: bool = False
    ) -> Session:
        """Return a new session for that account."""
        session = Session(
            token=secrets.token_urlsafe(32),
            staff_id=staff_id,
            csrf=secrets.token_urlsafe(24),
            began_at=self._clock(),
            address=address,
            agent=agent[:_LONGEST_AGENT],
            by=by,
            strong=strong,
        )
        key = _session_key(session.token)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(
                key,
                mapping={
                    "staff_id": staff_id,
                    "csrf": session.csrf,
                    "began_at": str(session.began_at),
                    "address": session.address,
                    "agent": session.agent,
                    "by": session.by,
                    "strong": "1" if session.strong else "",
                },
            )
            pipe.expire(key, self._idle_s)
            pipe.sadd(_sessions_key(staff_id), _hashed(session.token))
            pipe.expire(_sessions_key(staff_id), int(self._longest_s) + self._idle_s)
            pipe.zadd(_HERE, {staff_id: self._clock() + self._idle_s})
            await pipe.execute()
        return session

    async def find(self, token: str, *, active: bool) -> Session | None:
        """Return the open session of that token.

        Args:
            token: From the cookie.
            active: Whether a person did something; only that keeps a session from going idle.
        """
        if not token:
            return None
        key = _session_key(token)
        fields = cast("dict[str, str]", await self._redis.hgetall(key))
        if not fields:
            return None
        session = Session(
            token,
            fields["staff_id"],
            fields["csrf"],
            float(fields["began_at"]),
            fields.get("address", ""),
            fields.get("agent", ""),
            fields.get("by", BY_PASSWORD),
            bool(fields.get("strong")),
        )
        if self._clock() - session.began_at > self._longest_s:
            await self.end(token)
            return None
        if active:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.expire(key, self._idle_s)
                pipe.zadd(_HERE, {session.staff_id: self._clock() + self._idle_s})
                await pipe.execute()
        return session

    async def end(self, token: str) -> None:
        """The session is over."""
        staff_id = cast("str | None", await self._redis.hget(_session_key(token), "staff_id"))
        await self._redis.delete(_session_key(token))
        if staff_id is not None:
            await self._forget(staff_id, [_hashed(token)])

    async def open_sessions(self, staff_id: str) -> list[OpenSession]:
        """Return the person's open sessions, the newest first."""
        hashes = cast("set[str]", await self._redis.smembers(_sessions_key(staff_id)))
        found, gone = [], []
        for hashed in sorted(hashes):
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.hgetall(f"{_PREFIX}session:{hashed}")
                pipe.ttl(f"{_PREFIX}session:{hashed}")
                fields, left_s = await pipe.execute()
            if not fields or self._clock() - float(fields["began_at"]) > self._longest_s:
                gone.append(hashed)
                continue
            found.append(
                OpenSession(
                    id=hashed[:_ID_LENGTH],
                    began_at=float(fields["began_at"]),
                    active_at=self._clock() - max(0, self._idle_s - left_s),
                    address=fields.get("address", ""),
                    agent=fields.get("agent", ""),
                )
            )
        if gone:
            await self._forget(staff_id, gone)
        return sorted(found, key=lambda each: -each.began_at)

    async def end_one(self, staff_id: str, wanted: str) -> bool:
        """Return whether the person had an open session of that id; it is over now."""
        hashes = cast("set[str]", await self._redis.smembers(_sessions_key(staff_id)))
        return await self._end(staff_id, [hashed for hashed in hashes if hashed[:_ID_LENGTH] == wanted]) > 0

    async def end_all(self, staff_id: str, *, but: str = "") -> int:
        """Return how many of the person's sessions were ended: all, or all but the one of that id."""
        hashes = cast("set[str]", await self._redis.smembers(_sessions_key(staff_id)))
        return await self._end(staff_id, [hashed for hashed in hashes if hashed[:_ID_LENGTH] != but])

    async def here(self) -> set[str]:
        """Return the ids of those who did something at the desk before their session would have gone idle."""
        return set(cast("list[str]", await self._redis.zrangebyscore(_HERE, self._clock(), "+inf")))

    async def _end(self, staff_id: str, hashes: list[str]) -> int:
        if not hashes:
            return 0
        ended = await self._redis.delete(*(f"{_PREFIX}session:{hashed}" for hashed in hashes))
        await self._forget(staff_id, hashes)
        return int(ended)

    async def _forget(self, staff_id: str, hashes: list[str]) -> None:
        await self._redis.srem(_sessions_key(staff_id), *hashes)
        if not await self._redis.exists(_sessions_key(staff_id)):
            await self._redis.zrem(_HERE, staff_id)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One signed-in browser, as its person may see it."""

    id: str
    began_at: float
    active_at: float
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Step:
    """A right password, or its like, that still waits for its code."""

    token: str
    staff_id: str
    next_path: str
    by: str = BY_PASSWORD


class SignInSteps:
    """All sign-ins between password and code."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def begin(self, staff_id: str, next_path: str, by: str = BY_PASSWORD) -> Step:
        """Return a new step; it is forgotten after five minutes."""
        step = Step(secrets.token_urlsafe(32), staff_id, next_path[:_LONGEST_PATH], by)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(_step_key(step.token), mapping={"staff_id": staff_id, "next_path": step.next_path, "by": by})
            pipe.expire(_step_key(step.token), STEP_S)
            await pipe.execute()
        return step

    async def find(self, token: str) -> Step | None:
        """Return the step of that token, from its cookie."""
        fields = cast("dict[str, str]", await self._redis.hgetall(_step_key(token))) if token else {}
        if not fields:
            return None
        return Step(token, fields["staff_id"], fields["next_path"], fields.get("by", BY_PASSWORD))

    async def end(self, token: str) -> bool:
        """Return whether the step was there until now: it leads in once."""
        return await self._redis.delete(_step_key(token)) == 1


class SignInGuard:
    """Counts wrong passwords and codes by name and by address, and closes the door: each time for twice as long."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def locked_for_s(self, sign_in: str, address: str) -> int:
        """Return for how many more seconds nobody may try that name from there; 0 when the door is open."""
        left = [await self._redis.ttl(_door_key("locked", door)) for door, _ in _doors(sign_in, address)]
        return max(0, *left)

    async def note_failure(self, sign_in: str, address: str) -> bool:
        """Return whether this failure closed the door: for a quarter of an hour, the next time for twice as long."""
        closed = False
        for door, limit in _doors(sign_in, address):
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.incr(_door_key("failed", door))
                pipe.expire(_door_key("failed", door), LOCKED_FOR_S, nx=True)
                count = cast("int", (await pipe.execute())[0])
            if count >= limit:
                closed = await self._close(door) or closed
        return closed

    async def note_success(self, sign_in: str, address: str) -> None:
        """What was right clears what was counted for the name, not for the address."""
        name, pair, _ = (door for door, _ in _doors(sign_in, address))
        await self._redis.delete(_door_key("failed", name), _door_key("failed", pair), _door_key("locks", pair))

    async def _close(self, door: str) -> bool:
        times = int(cast("str | None", await self._redis.get(_door_key("locks", door))) or 0)
        for_s = min(LONGEST_LOCK_S, LOCKED_FOR_S * 2**times)
        if not await self._redis.set(_door_key("locked", door), "1", ex=for_s, nx=True):
            return False
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.incr(_door_key("locks", door))
            pipe.expire(_door_key("locks", door), _LOCKS_REMEMBERED_S)
            pipe.delete(_door_key("failed", door))
            await pipe.execute()
        return True


def session_id(token: str) -> str:
    """Return what names the session of that token; opens nothing."""
    return _hashed(token)[:_ID_LENGTH]


def _doors(sign_in: str, address: str) -> tuple[tuple[str, int], ...]:
    return (
        (f"name:{sign_in}", FAILURES_PER_NAME),
        (f"pair:{sign_in} {address}", FAILURES_PER_NAME_AND_ADDRESS),
        (f"address:{address}", FAILURES_PER_ADDRESS),
    )


def _door_key(kind: str, door: str) -> str:
    plain = " ".join(door.casefold().split())
    return f"{_PREFIX}{kind}:{_hashed(plain)}"


def _session_key(token: str) -> str:
    return f"{_PREFIX}session:{_hashed(token)}"


def _sessions_key(staff_id: str) -> str:
    return f"{_PREFIX}sessions:{staff_id}"


def _step_key(token: str) -> str:
    return f"{_PREFIX}step:{_hashed(token)}"


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
