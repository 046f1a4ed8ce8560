"""Who did what at the desk, when, and from where: an append-only log whose records are chained by a secret key.

Beside every page and every act of the desk. A record holds ids only, never what anybody wrote: each of its fields must
look like an identifier, or it is refused.

Each record carries its number, the mark of the record before it, and its own mark: an HMAC-SHA-256 over both and over
what it says, with a key derived from the data key. The head says how many records there are and what the last mark is,
and is signed likewise. One script in the store adds the record and moves the head, and only if the head is still the
one that the record was chained to, so two gateways cannot fork the chain.

What `verify` finds: a record that was changed, removed (also at the end), added, repeated or moved. What it cannot find
by itself: a store that was put back, log and head together, to an earlier state. `bedside audit verify` finds that too:
it remembers outside the store how far the log had come.

Keys, all under `bedside:audit:`:

    log     list: one record as JSON each, the oldest first
    head    hash: first, base, last, mark, kept, signature
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, cast

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from redis.asyncio import Redis

from bot.desk.errors import AuditError

_log = logging.getLogger(__name__)

_PREFIX = "bedside:audit:"
LOG_KEY = _PREFIX + "log"
HEAD_KEY = _PREFIX + "head"

BROKEN = "audit.broken"
"""Written by the log itself when it finds, before writing, that its head or length was tampered with."""

_ACTION = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)*")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:,=@/+-]{0,96}")
_LONGEST_ACTION = 48
_PAGE = 500
_TRIES = 200

_APPEND: Final = """
local head = redis.call('HMGET', KEYS[2], 'mark', 'signature')
if (head[1] or '') ~= ARGV[1] or (head[2] or '') ~= ARGV[2] then return 0 end
if redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[3]) then return -1 end
redis.call('RPUSH', KEYS[1], ARGV[4])
redis.call('HSET', KEYS[2], unpack(ARGV, 5))
return 1
"""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, and from where."""

    staff_id: str
    """An account's id, `system` for Bedside itself, or `operator` for whoever runs a command on the machine."""
    role: str = ""
    address: str = ""
    """The address that the request came from."""
    sign_in: str = ""
    """Which of the person's open sign-ins; not its token."""


SYSTEM = Actor("system")
OPERATOR = Actor("operator", address="command")
NOBODY = Actor("nobody")


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One thing that was done. Holds ids only."""

    number: int
    at: float
    who: str
    role: str
    action: str
    case_id: str
    about: str
    """Another account or thing that the action was about, by its id."""
    detail: str
    """An outcome or reason by its name."""
    address: str
    sign_in: str
    key: str
    """Which key made the marks."""
    previous: str
    """The mark of the record before."""
    mark: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values, without its mark."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "mark"}

    @classmethod
    def read(cls, line: str) -> AuditRecord:
        """Return the record of a line of the log.

        Raises:
            ValueError: the line is no record.
        """
        data = json.loads(line)
        try:
            record = cls(**data)
        except TypeError as error:
            raise ValueError("not a record") from error
        if type(record.number) is not int or not isinstance(record.mark, str):
            raise ValueError("not a record")
        return record


class Fault(StrEnum):
    """What can be wrong with the log."""

    CHANGED = "changed"
    MISSING = "missing"
    MOVED = "moved"
    REPEATED = "repeated"
    ADDED = "added"
    UNCHAINED = "unchained"
    UNKNOWN_KEY = "unknown_key"
    HEAD = "head"
    FOUND_BROKEN = "found_broken"
    PUT_BACK = "put_back"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of the log, at a record."""

    fault: Fault
    number: int
    """Number of the record; 0 for the head."""
    last: int = 0
    """Number of the last record of a gap."""

    def __str__(self) -> str:
        several = f"records {self.number} to {self.last}" if self.last > self.number else f"record {self.number}"
        are = "are" if self.last > self.number else "is"
        return {
            Fault.CHANGED: f"{several} {are} not what was written",
            Fault.MISSING: f"{several} {are} missing",
            Fault.MOVED: f"{several} {are} not at its place",
            Fault.REPEATED: f"{several} {are} there more than once",
            Fault.ADDED: f"{several} came after the signed end of the log",
            Fault.UNCHAINED: f"{several} does not follow the record before it",
            Fault.UNKNOWN_KEY: f"{several} was marked with a key that is not at hand",
            Fault.HEAD: "the signed end of the log is gone or was changed",
            Fault.FOUND_BROKEN: f"before {several} was written, the log was found tampered with",
            Fault.PUT_BACK: f"the log once reached {several} and now ends before it or with another one in its place",
        }[self.fault]


@dataclass(frozen=True, slots=True)
class Seen:
    """How far the log had come when it was last verified."""

    number: int
    mark: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found."""

    records: int
    findings: tuple[Finding, ...]
    seen: Seen | None
    """The last record, to be remembered outside the store; None for an empty log."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class _Head:
    first: int
    base: str
    """The mark before the first record that is kept here."""
    last: int
    mark: str
    kept: int
    """How many records are kept here; fewer than from first to last once some were removed by force."""
    signature: str = ""

    def signed_text(self) -> str:
        return f"head {self.first} {self.base} {self.last} {self.mark} {self.kept}"


_HEAD_FIELDS = ("first", "base", "last", "mark", "kept", "signature")
_EMPTY = _Head(first=1, base="", last=0, mark="", kept=0)


class AuditLog:
    """The log of one installation. Writing it is part of the act: what cannot be recorded does not happen."""

    def __init__(self, redis: Redis, *data_keys: str | bytes, clock: Callable[[], float] = time.time) -> None:
        """Take a client with `decode_responses=True` and the data keys, the newest first; older ones still verify."""
        self._redis = redis
        self._keys = dict(map(_derived, data_keys))
        if not self._keys:
            raise AuditError("the audit log needs a key")
        self._key = next(iter(self._keys))
        self._clock = clock
        self._turn = asyncio.Lock()
        self._known: _Head | None = None
        self._highest = 0

    async def record(
        self, actor: Actor, action: str, *, case_id: str = "", about: str = "", detail: str = ""
    ) -> AuditRecord:
        """Return the record; afterwards it is in the log.

        Args:
            actor: Who did it, and from where.
            action: What was done, such as `case.claim`.
            case_id: The case that it was done to.
            about: Another account or thing, by its id.
            detail: An outcome or reason, by its name. Never free text.

        Raises:
            AuditError: a field is no identifier, or the log could not be written.
            RedisError: the store does not answer.
        """
        _check(actor, action, case_id, about, detail)
        async with self._turn:
            for _ in range(_TRIES):
                head = self._known or await self._read_head()
                if head is None:
                    await self._note_broken()
                    continue
                written = await self._append(head, actor, action, case_id, about, detail)
                if isinstance(written, AuditRecord):
                    return written
                self._known = None
                if written < 0:
                    await self._note_broken()
            raise AuditError("the audit log could not be written: too many others write it")

    async def records(self, *, newest: int | None = None) -> AsyncIterator[AuditRecord]:
        """Yield the readable records, the oldest first; only the newest so many if a number is given."""
        length = await self._redis.llen(LOG_KEY)
        start = 0 if newest is None else max(0, length - newest)
        for offset in range(start, length, _PAGE):
            lines = cast("list[str]", await self._redis.lrange(LOG_KEY, offset, offset + _PAGE - 1))
            for line in lines:
                try:
                    yield AuditRecord.read(line)
                except ValueError:
                    continue
            await asyncio.sleep(0)

    async def verify(self, seen: Seen | None = None) -> Verification:
        """Return what is wrong with the log, or that nothing is.

        Args:
            seen: How far the log had come when it was verified before, remembered outside the store.
        """
        reading = _Reading(self, seen)
        async with self._redis.pipeline(transaction=True) as pipe:  # the log goes on while it is read
            pipe.hgetall(HEAD_KEY)
            pipe.llen(LOG_KEY)
            stored, length = await pipe.execute()
        head = _as_head(stored)
        signed = None if head is None or not self._is_signed(head) else head
        reading.begin(signed)
        for offset in range(0, length, _PAGE):
            for line in cast("list[str]", await self._redis.lrange(LOG_KEY, offset, min(offset + _PAGE, length) - 1)):
                reading.read(line)
            await asyncio.sleep(0)
        nothing = not stored and not length
        return reading.end(signed or (_EMPTY if nothing else None))

    # Writing

    async def _append(
        self, head: _Head, actor: Actor, action: str, case_id: str, about: str, detail: str
    ) -> AuditRecord | int:
        """Return the record, or 0 when the head moved meanwhile, or -1 when the log has another length than it says."""
        record = self._marked(
            AuditRecord(
                number=head.last + 1,
                at=round(self._clock(), 3),
                who=actor.staff_id,
                role=actor.role,
                action=action,
                case_id=case_id,
                about=about,
                detail=detail,
                address=actor.address,
                sign_in=actor.sign_in,
                key=self._key,
                previous=head.mark,
            )
        )
        after = self._signed(replace(head, last=record.number, mark=record.mark, kept=head.kept + 1))
        fields = [text for name in _HEAD_FIELDS for text in (name, str(getattr(after, name)))]
        done = await cast(
            "Any",
            self._redis.eval(
                _APPEND, 2, LOG_KEY, HEAD_KEY, head.mark, head.signature, str(head.kept), _line(record), *fields
            ),
        )
        if int(done) != 1:
            return int(done)
        self._known = after
        self._highest = max(self._highest, after.last)
        return record

    async def _note_broken(self) -> None:
        """Go on after tampering, and leave a record of it that nobody can take back: nurses must be able to work."""
        _log.critical("the audit log was tampered with: run `bedside audit verify`")
        stored = await self._stored()
        signed = _as_head(stored)
        signed = signed if signed is not None and self._is_signed(signed) else None
        first, last = await self._end_of_log(0), await self._end_of_log(-1)
        kept = await self._redis.llen(LOG_KEY)
        number = max(signed.last if signed else 0, last.number if last else 0, kept, self._highest)
        head = _Head(
            first=signed.first if signed else first.number if first else number + 1,
            base=signed.base if signed else first.previous if first else stored.get("mark", ""),
            last=number,
            mark=stored.get("mark", ""),
            kept=kept,
            signature=stored.get("signature", ""),
        )
        await self._append(head, SYSTEM, BROKEN, "", "", "")

    async def _end_of_log(self, index: int) -> AuditRecord | None:
        line = cast("str | None", await self._redis.lindex(LOG_KEY, index))
        try:
            record = None if line is None else AuditRecord.read(line)
        except ValueError:
            return None
        return record if record is not None and self.is_unchanged(record) else None

    async def _read_head(self) -> _Head | None:
        """Return the head to chain to; None when it is not what this log signed, or was signed before what we know."""
        stored = await self._stored()
        if not stored:
            head = None if await self._redis.exists(LOG_KEY) else _EMPTY
        else:
            head = _as_head(stored)
            head = head if head is not None and self._is_signed(head) else None
        return head if head is not None and head.last >= self._highest else None

    async def _stored(self) -> dict[str, str]:
        return cast("dict[str, str]", await self._redis.hgetall(HEAD_KEY))

    # Marks

    def _marked(self, record: AuditRecord) -> AuditRecord:
        return replace(record, mark=_mac(self._keys[record.key], _said(record)))

    def has_key(self, record: AuditRecord) -> bool:
        """Return whether the key that the record names is at hand."""
        return record.key in self._keys

    def is_unchanged(self, record: AuditRecord) -> bool:
        """Return whether the record says what it said when it was written."""
        key = self._keys.get(record.key)
        return key is not None and hmac.compare_digest(_mac(key, _said(record)).encode(), record.mark.encode())

    def _signed(self, head: _Head) -> _Head:
        signature = f"{self._key}.{_mac(self._keys[self._key], head.signed_text())}"
        return replace(head, signature=signature)

    def _is_signed(self, head: _Head) -> bool:
        key_id, _, signature = head.signature.partition(".")
        key = self._keys.get(key_id)
        return key is not None and hmac.compare_digest(_mac(key, head.signed_text()).encode(), signature.encode())


class _Reading:
    """One pass over the log, from its first record to its last."""

    def __init__(self, log: AuditLog, seen: Seen | None) -> None:
        self._log = log
        self._seen = seen
        self._findings: list[Finding] = []
        self._met: set[int] = set()
        self._before: AuditRecord | None = None
        self._place = 0
        self._place_of_first = 1
        self._base: str | None = None
        self._count = 0
        self._seen_again = False

    def begin(self, head: _Head | None) -> None:
        """Know where the log begins, if its head can be trusted."""
        if head is not None:
            self._place_of_first, self._base = head.first, head.base
        self._place = self._place_of_first

    def read(self, line: str) -> None:
        """Take the next line."""
        place, self._place = self._place, self._place + 1
        self._count += 1
        try:
            record = AuditRecord.read(line)
        except ValueError:
            self._changed(self._free_number(place))
            return
        if not self._log.has_key(record):
            self._met.add(record.number)
            self._found(Fault.UNKNOWN_KEY, record.number)
            self._before = None
            return
        if not self._log.is_unchanged(record):
            self._changed(self._free_number(record.number if record.number == place else place))
            return
        self._intact(record)

    def end(self, head: _Head | None) -> Verification:
        """Return everything that was found."""
        last = max(self._met, default=0)
        if head is None:
            self._found(Fault.HEAD, 0)
        else:
            self._findings += [Finding(Fault.ADDED, number) for number in sorted(self._met) if number > head.last]
            last = max(last, head.last)
        self._findings += _gaps(self._met, self._place_of_first, last)
        if self._seen is not None and not self._seen_again and self._seen.number >= self._place_of_first:
            self._found(Fault.PUT_BACK, self._seen.number)
        seen = Seen(self._before.number, self._before.mark) if self._before is not None else None
        findings = sorted(dict.fromkeys(self._findings), key=lambda each: (each.number, each.fault.value))
        return Verification(self._count, tuple(findings), seen)

    def _intact(self, record: AuditRecord) -> None:
        before, self._before = self._before, record
        if self._seen is not None and (record.number, record.mark) == (self._seen.number, self._seen.mark):
            self._seen_again = True
        if record.number in self._met:
            self._found(Fault.REPEATED, record.number)
            return
        self._met.add(record.number)
        if record.action == BROKEN:
            self._found(Fault.FOUND_BROKEN, record.number)
        if before is None:
            if record.number == self._place_of_first and self._base is not None and record.previous != self._base:
                self._found(Fault.UNCHAINED, record.number)
        elif record.number < before.number:
            self._found(Fault.MOVED, record.number)
        elif record.number == before.number + 1 and record.previous != before.mark and record.action != BROKEN:
            self._found(Fault.UNCHAINED, record.number)

    def _changed(self, number: int) -> None:
        self._met.add(number)
        self._found(Fault.CHANGED, number)
        self._before = None

    def _free_number(self, wanted: int) -> int:
        while wanted in self._met:
            wanted += 1
        return wanted

    def _found(self, fault: Fault, number: int) -> None:
        self._findings.append(Finding(fault, number))


def _gaps(met: set[int], first: int, last: int) -> Iterator[Finding]:
    """Yield each run of numbers that should be there and is not."""
    start: int | None = None
    for number in range(first, last + 2):
        absent = number <= last and number not in met
        if absent and start is None:
            start = number
        elif not absent and start is not None:
            yield Finding(Fault.MISSING, start, number - 1)
            start = None


def _derived(data_key: str | bytes) -> tuple[str, bytes]:
    """Return the id and the key that marks records, made of a data key; neither tells anything of the data key."""
    secret = data_key.encode() if isinstance(data_key, str) else data_key
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"bedside audit log").derive(secret)
    return hashlib.sha256(b"bedside audit key id" + key).hexdigest()[:8], key


def _said(record: AuditRecord) -> str:
    return json.dumps(record.as_json(), sort_keys=True, separators=(",", ":"))


def _line(record: AuditRecord) -> str:
    return json.dumps(record.as_json() | {"mark": record.mark}, separators=(",", ":"))


def _mac(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _check(actor: Actor, action: str, *values: str) -> None:
    if len(action) > _LONGEST_ACTION or not _ACTION.fullmatch(action):
        raise AuditError("an action is named in small letters with points between its parts")
    for value in (actor.staff_id, actor.role, actor.address, actor.sign_in, *values):
        if not _IDENTIFIER.fullmatch(value):
            raise AuditError(f"a record of {action} holds ids only, no text")


def _as_head(stored: dict[str, str]) -> _Head | None:
    try:
        return _Head(
            first=int(stored["first"]),
            base=stored["base"],
            last=int(stored["last"]),
            mark=stored["mark"],
            kept=int(stored["kept"]),
            signature=stored["signature"],
        )
    except (KeyError, ValueError):
        return None
