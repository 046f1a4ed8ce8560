"""Who is signed in: server-side sessions, and the lock after repeated wrong passwords.

Before every page of the desk. The cookie holds a random token; the store holds only the token's hash, so that a copy
of the store opens no session. A session ends by idleness, by age, by signing out, or when its account is disabled.

Keys, all under `bedside:desk:`:

    session:<hash>     hash: staff id, CSRF token, when it began; expires with idleness
    failed:<hash>      how often a sign-in name or an address has failed lately
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


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser."""

    token: str
    staff_id: str
    csrf: str
    began_at: float

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

    async def begin(self, staff_id: str) -> Session:
        """Return a new session for that account."""
        session = Session(
            token=secrets.token_urlsafe(32), staff_id=staff_id, csrf=secrets.token_urlsafe(24), began_at=self._clock()
        )
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(
                _session_key(session.token),
                mapping={"staff_id": staff_id, "csrf": session.csrf, "began_at": str(session.began_at)},
            )
            pipe.expire(_session_key(session.token), self._idle_s)
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
        session = Session(token, fields["staff_id"], fields["csrf"], float(fields["began_at"]))
        if self._clock() - session.began_at > self._longest_s:
            await self.end(token)
            return None
        if active:
            await self._redis.expire(key, self._idle_s)
        return session

    async def end(self, token: str) -> None:
        """The session is over."""
        await self._redis.delete(_session_key(token))


class SignInGuard:
    """Counts wrong passwords by name and by address, and closes the door for a while."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def locked_for_s(self, sign_in: str, address: str) -> int:
        """Return for how many more seconds nobody may try that name from there; 0 when the door is open."""
        longest = 0
        for key, limit in self._doors(sign_in, address):
            count = cast("str | None", await self._redis.get(key))
            if count is not None and int(count) >= limit:
                longest = max(longest, await self._redis.ttl(key), 1)
        return longest

    async def note_failure(self, sign_in: str, address: str) -> None:
        """One more wrong password; each wait begins with the first of its failures and ends by itself."""
        async with self._redis.pipeline(transaction=True) as pipe:
            for key, _ in self._doors(sign_in, address):
                pipe.incr(key)
                pipe.expire(key, LOCKED_FOR_S, nx=True)
            await pipe.execute()

    async def note_success(self, sign_in: str, address: str) -> None:
        """The right password clears what was counted for the name, not for the address."""
        await self._redis.delete(_failed_key("name", sign_in), _failed_key("pair", f"{sign_in} {address}"))

    @staticmethod
    def _doors(sign_in: str, address: str) -> tuple[tuple[str, int], ...]:
        return (
            (_failed_key("pair", f"{sign_in} {address}"), FAILURES_PER_NAME_AND_ADDRESS),
            (_failed_key("name", sign_in), FAILURES_PER_NAME),
            (_failed_key("address", address), FAILURES_PER_ADDRESS),
        )


def _session_key(token: str) -> str:
    return f"{_PREFIX}session:{_hashed(token)}"


def _failed_key(kind: str, value: str) -> str:
    plain = " ".join(value.casefold().split())
    return f"{_PREFIX}failed:{_hashed(f'{kind}:{plain}')}"


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
