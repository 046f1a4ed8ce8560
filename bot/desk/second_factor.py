"""The second factor: codes of an authenticator app (RFC 6238), and recovery codes for the day the telephone is lost.

Between the right password and the desk. The secret is sealed with the data key, recovery codes are hashed with
argon2id, and every code opens the door once.

Keys, all under `bedside:staff:`:

    factor:<staff>         hash: the sealed secret, the sealed secret that is being set up
    recovery:<staff>       set of hashes of the recovery codes that are left
    used:<staff>:<step>    that this time step's code was used
"""

from __future__ import annotations

import asyncio
import base64
import io
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import segno
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from redis.asyncio import Redis

from actions.vault import Vault

_PREFIX = "bedside:staff:"
_ISSUER = "Bedside care desk"

_SECRET_BYTES = 20
_DIGITS = 6
_STEP_S = 30
_DRIFT_STEPS = 1
"""A telephone's clock may be half a minute off. Source: RFC 6238, section 5.2: at most one step is recommended."""

RECOVERY_CODES = 10
_CODE_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the authenticator app needs to know."""

    secret: str
    """In base 32, in groups of four, for typing."""
    address: str
    """The same as an `otpauth://` address."""

    @property
    def picture(self) -> str:
        """The address as a QR code: an SVG without style or script, for a page whose words say the same."""
        drawn = io.BytesIO()
        segno.make_qr(self.address, error="m").save(
            drawn, kind="svg", xmldecl=False, svgns=False, omitsize=True, svgclass="qr", lineclass=None, light="#fff"
        )
        return drawn.getvalue().decode("utf-8")


class SecondFactors:
    """The second factors of all accounts."""

    def __init__(
        self,
        redis: Redis,
        vault: Vault,
        *,
        hasher: PasswordHasher | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._vault = vault
        self._hasher = hasher or PasswordHasher()
        self._clock = clock

    async def is_set_up(self, staff_id: str) -> bool:
        """Return whether signing in asks the person for a code."""
        return bool(await self._redis.hexists(_factor_key(staff_id), "secret"))

    async def begin(self, staff_id: str, sign_in: str) -> Enrolment:
        """Return a new secret; it counts only once `confirm` has seen a code of it."""
        secret = secrets.token_bytes(_SECRET_BYTES)
        await self._redis.hset(_factor_key(staff_id), "coming", self._vault.seal(secret.hex()))
        return _enrolment(secret, sign_in)

    async def coming(self, staff_id: str, sign_in: str) -> Enrolment | None:
        """Return what is being set up, to be shown again."""
        secret = await self._secret(staff_id, "coming")
        return None if secret is None else _enrolment(secret, sign_in)

    async def confirm(self, staff_id: str, code: str) -> list[str] | None:
        """Return fresh recovery codes, to be shown once, when the code is right; from now on signing in asks for one.

        None when the code is wrong or nothing is being set up; then nothing has changed.
        """
        secret = await self._secret(staff_id, "coming")
        if secret is None or self._step_of(secret, code) is None:
            return None
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(_factor_key(staff_id), "secret", self._vault.seal(secret.hex()))
            pipe.hdel(_factor_key(staff_id), "coming")
            await pipe.execute()
        return await self.renew_recovery_codes(staff_id)

    async def check(self, staff_id: str, code: str) -> bool:
        """Return whether the code is right and was not used before; it is used now."""
        secret = await self._secret(staff_id, "secret")
        step = None if secret is None else self._step_of(secret, code)
        if step is None:
            return False
        lasts_s = _STEP_S * (2 * _DRIFT_STEPS + 2)
        return bool(await self._redis.set(f"{_PREFIX}used:{staff_id}:{step}", "1", nx=True, ex=lasts_s))

    async def use_recovery_code(self, staff_id: str, code: str) -> bool:
        """Return whether the recovery code is right and was not used before; it is used now."""
        plain = _plain(code)
        if len(plain) != _PLAIN_LENGTH:
            return False
        for hashed in cast("set[str]", await self._redis.smembers(_recovery_key(staff_id))):
            if await self._fits(hashed, plain):
                return await self._redis.srem(_recovery_key(staff_id), hashed) == 1
        return False

    async def renew_recovery_codes(self, staff_id: str) -> list[str]:
        """Return fresh recovery codes, to be shown once; the older ones open nothing any more."""
        codes = [_new_code() for _ in range(RECOVERY_CODES)]
        hashes = [await asyncio.to_thread(self._hasher.hash, _plain(code)) for code in codes]
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(_recovery_key(staff_id))
            pipe.sadd(_recovery_key(staff_id), *hashes)
            await pipe.execute()
        return codes

    async def recovery_codes_left(self, staff_id: str) -> int:
        """Return how many recovery codes were not used yet."""
        return await self._redis.scard(_recovery_key(staff_id))

    async def remove(self, staff_id: str) -> None:
        """From now on signing in asks the person for no code."""
        await self._redis.delete(_factor_key(staff_id), _recovery_key(staff_id))

    async def _secret(self, staff_id: str, name: str) -> bytes | None:
        sealed = cast("str | None", await self._redis.hget(_factor_key(staff_id), name))
        return None if sealed is None else bytes.fromhex(self._vault.open(sealed))

    def _step_of(self, secret: bytes, code: str) -> int | None:
        """Return the time step whose code this is, None when it is none of those that count now."""
        typed = "".join(code.split())
        if len(typed) != _DIGITS or not typed.isascii() or not typed.isdigit():
            return None
        totp, now = _totp(secret), int(self._clock()) // _STEP_S
        for step in range(now - _DRIFT_STEPS, now + _DRIFT_STEPS + 1):
            try:
                totp.verify(typed.encode(), step * _STEP_S)
            except InvalidToken:
                continue
            return step
        return None

    async def _fits(self, hashed: str, plain: str) -> bool:
        try:
            return await asyncio.to_thread(self._hasher.verify, hashed, plain)
        except (VerificationError, InvalidHashError):
            return False


def _totp(secret: bytes) -> TOTP:
    # Authenticator apps agree on SHA-1 only, and HMAC does not need the hash to be free of collisions.
    return TOTP(secret, _DIGITS, SHA1(), _STEP_S)  # noqa: S303


def _enrolment(secret: bytes, sign_in: str) -> Enrolment:
    letters = base64.b32encode(secret).decode("ascii")
    grouped = " ".join(letters[start : start + 4] for start in range(0, len(letters), 4))
    return Enrolment(secret=grouped, address=_totp(secret).get_provisioning_uri(sign_in, _ISSUER))


def _new_code() -> str:
    return "-".join("".join(secrets.choice(_CODE_LETTERS) for _ in range(4)) for _ in range(3))


_PLAIN_LENGTH = 12


def _plain(code: str) -> str:
    return "".join(letter for letter in code.casefold() if letter.isalnum())


def _factor_key(staff_id: str) -> str:
    return f"{_PREFIX}factor:{staff_id}"


def _recovery_key(staff_id: str) -> str:
    return f"{_PREFIX}recovery:{staff_id}"
