"""The case queue: opens, orders, claims and closes cases in the store.

The only module that knows the case keys. Every change is one transaction on the case's document and its indexes
(WATCH, MULTI, EXEC), so two people can never hold one case and a case can never be in two lists.

Keys, all under `bedside:case:`:

    doc:<case>              the case as JSON; what people wrote is sealed
    waiting, claimed        sorted sets: level first, then age
    resolved                sorted set: newest first
    open:<conversation>     id of the one unresolved case
    of:<conversation>       sorted set of all its cases by age
    opened:<conversation>   hash: message id -> the case it opened or joined
    waits                   list of how long recently claimed cases waited
    changes                 pub/sub channel
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import WatchError

from actions.errors import VaultError
from actions.handoff.case import Case, CaseAct, CaseNote, CaseOpening, CaseReason, CaseState, Outcome, open_from
from actions.handoff.errors import (
    AlreadyClaimedError,
    CannotLeaveError,
    CaseClosedError,
    CaseNotFoundError,
    NotHolderError,
)
from actions.vault import Vault
from careguard.verdict import Level

_log = logging.getLogger(__name__)

_PREFIX = "bedside:case:"
_WAITS = _PREFIX + "waits"
_CHANGES = _PREFIX + "changes"
_SEALED_FIELDS = ("summary", "matched", "notes")

_LEVEL_STEP = 1e11
"""Wide enough that no time crosses a level; small enough that a double still keeps tenths of a millisecond apart."""

_ID_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No 0/O, 1/I/L, U: people read case ids to each other on the telephone."""
_ID_LENGTH = 8

_WAITS_KEPT = 200
_WAITS_USED = 20
_WAITS_NEEDED = 3
"""Fewer recent claims than this say nothing honest about the next one."""
_WAITS_RECENT_S = 24 * 3600.0

_NEVER_LEAVES = frozenset({CaseReason.EMERGENCY, CaseReason.CRISIS})


@dataclass(frozen=True, slots=True)
class CaseChange:
    """What live views are told; holds no words of the patient."""

    case_id: str
    act: CaseAct
    state: CaseState
    level: Level
    category: str | None


class CaseQueue:
    """All cases of one installation."""

    def __init__(
        self,
        redis: Redis,
        vault: Vault,
        *,
        keep_resolved_s: float = 30 * 24 * 3600.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take a client with `decode_responses=True`; resolved cases vanish by themselves after `keep_resolved_s`."""
        self._redis = redis
        self._vault = vault
        self._keep_resolved_s = keep_resolved_s
        self._clock = clock

    # Opening

    async def open_case(self, opening: CaseOpening) -> Case:
        """Return the case of this opening; afterwards it is in the store.

        The same message never opens a second case. While the conversation has an unresolved case, that one is
        returned, with the level and category raised if the opening is more pressing, and the reason added.
        """
        opened_key, open_key = _opened_key(opening.conversation_id), _open_key(opening.conversation_id)
        while True:
            async with self._redis.pipeline(transaction=True) as pipe:
                await pipe.watch(opened_key, open_key)
                known = await self._load_watched(pipe, await _get_field(pipe, opened_key, opening.opened_by_message))
                if known is not None and opening.level.rank <= known.level.rank:
                    return known
                current = await self._load_watched(pipe, await _get(pipe, open_key))
                case = self._next_case(opening, current)
                _begin(pipe)
                pipe.hset(opened_key, opening.opened_by_message, case.id)
                pipe.persist(opened_key)
                pipe.set(open_key, case.id)
                pipe.zadd(_of_key(case.conversation_id), {case.id: case.opened_at})
                pipe.persist(_of_key(case.conversation_id))
                self._write(pipe, case, changed=current is None or case.events != current.events)
                if await _executed(pipe):
                    return case

    def _next_case(self, opening: CaseOpening, current: Case | None) -> Case:
        now = self._clock()
        if current is None:
            return open_from(opening, _new_id(), now)
        return current.joined_by(opening, now)

    # Reading

    async def get(self, case_id: str) -> Case:
        """Return the case.

        Raises:
            CaseNotFoundError: there is none of that id.
        """
        cases = await self._read([case_id])
        if not cases:
            raise CaseNotFoundError(case_id)
        return cases[0]

    async def open_case_of(self, conversation_id: str) -> Case | None:
        """Return the conversation's unresolved case, if it has one."""
        case_id = cast("str | None", await self._redis.get(_open_key(conversation_id)))
        if case_id is None:
            return None
        cases = await self._read([case_id])
        return cases[0] if cases else None

    async def cases_of(self, conversation_id: str) -> list[Case]:
        """Return every case of the conversation, newest first."""
        ids = cast("list[str]", await self._redis.zrevrange(_of_key(conversation_id), 0, -1))
        return await self._read(ids)

    async def waiting(self, limit: int = 500) -> list[Case]:
        """Return the waiting cases: emergencies first, the longest waiting first within a level."""
        return await self.list_cases(CaseState.WAITING, limit=limit)

    async def list_cases(
        self, state: CaseState, *, limit: int = 500, offset: int = 0, with_words: bool = True
    ) -> list[Case]:
        """Return the cases in that state; open ones by level, then age; resolved ones newest first.

        Args:
            state: Which cases.
            limit: At most so many.
            offset: After leaving out so many.
            with_words: Whether to open what people wrote; a list that does not show it is several times faster without.
        """
        ids = cast("list[str]", await self._redis.zrange(_state_key(state), offset, offset + limit - 1))
        return await self._read(ids, with_words=with_words)

    async def counts(self, state: CaseState = CaseState.WAITING) -> dict[Level, int]:
        """Return how many waiting or claimed cases there are of each level, the most pressing level first."""
        levels = sorted(Level, key=lambda level: -level.rank)
        async with self._redis.pipeline(transaction=False) as pipe:
            for level in levels:
                base = _level_base(level)
                pipe.zcount(_state_key(state), base, f"({base + _LEVEL_STEP}")
            counted = await pipe.execute()
        return dict(zip(levels, counted, strict=True))

    async def place_in_line(self, case_id: str) -> int | None:
        """Return how many cases are served up to and with this one (1 = next); None when it does not wait."""
        rank = cast("int | None", await self._redis.zrank(_state_key(CaseState.WAITING), case_id))
        return None if rank is None else rank + 1

    async def expected_wait_s(self, level: Level | None = None) -> float | None:
        """Return the median wait in seconds of the last claims (of that level), or None when too few are known."""
        lines = cast("list[str]", await self._redis.lrange(_WAITS, 0, _WAITS_KEPT - 1))
        oldest = self._clock() - _WAITS_RECENT_S
        claims = (json.loads(line) for line in lines)
        waits = [c["wait_s"] for c in claims if c["at"] >= oldest and level in (None, Level(c["level"]))][:_WAITS_USED]
        return float(median(waits)) if len(waits) >= _WAITS_NEEDED else None

    # Work

    async def claim(self, case_id: str, staff_id: str) -> Case:
        """Return the case, now held by `staff_id` and by nobody else. Claiming what one holds changes nothing.

        Raises:
            AlreadyClaimedError: another person was first; names the holder.
            CaseClosedError: it is resolved.
            CaseNotFoundError: there is no such case.
        """

        def step(case: Case) -> Case:
            if case.claimed_by == staff_id:
                return case
            if case.claimed_by is not None:
                raise AlreadyClaimedError(case.id, case.claimed_by)
            now = self._clock()
            claimed = replace(case, state=CaseState.CLAIMED, claimed_by=staff_id, claimed_at=now)
            return claimed.with_event(now, CaseAct.CLAIMED, by=staff_id)

        return await self._change(case_id, step)

    async def release(self, case_id: str, staff_id: str, *, any_holder: bool = False) -> Case:
        """Return the case, now waiting again with its old place in line. Releasing a waiting case changes nothing.

        Args:
            any_holder: let `staff_id` release what another person holds.

        Raises:
            NotHolderError: another person holds it.
            CaseClosedError: it is resolved.
            CaseNotFoundError: there is no such case.
        """

        def step(case: Case) -> Case:
            if case.claimed_by is None:
                return case
            if case.claimed_by != staff_id and not any_holder:
                raise NotHolderError(case.id, case.claimed_by)
            released = replace(case, state=CaseState.WAITING, claimed_by=None, claimed_at=None)
            return released.with_event(self._clock(), CaseAct.RELEASED, by=staff_id)

        return await self._change(case_id, step)

    async def resolve(self, case_id: str, staff_id: str, outcome: Outcome) -> Case:
        """Return the case, now resolved by its holder.

        Raises:
            NotHolderError: `staff_id` does not hold it.
            CaseClosedError: it was resolved before.
            CaseNotFoundError: there is no such case.
        """

        def step(case: Case) -> Case:
            if case.claimed_by != staff_id:
                raise NotHolderError(case.id, case.claimed_by)
            return self._resolved(case, outcome, CaseAct.RESOLVED, by=staff_id)

        return await self._change(case_id, step)

    async def leave(self, case_id: str) -> Case:
        """Return the case after its patient left the queue: resolved, with the outcome `left_queue`.

        Raises:
            CannotLeaveError: an emergency or crisis waits for people, whatever the patient taps; or a person holds it.
            CaseClosedError: it is resolved.
            CaseNotFoundError: there is no such case.
        """

        def step(case: Case) -> Case:
            if case.level is Level.EMERGENCY or not _NEVER_LEAVES.isdisjoint(case.reasons):
                raise CannotLeaveError(case.id, "an emergency stays in the queue")
            if case.claimed_by is not None:
                raise CannotLeaveError(case.id, "a person holds it")
            return self._resolved(case, Outcome.LEFT_QUEUE, CaseAct.LEFT)

        return await self._change(case_id, step)

    async def add_note(self, case_id: str, staff_id: str, text: str) -> Case:
        """Return the case with one more note; anyone of the care team may add one, also after it is resolved.

        Raises:
            CaseNotFoundError: there is no such case.
        """

        def step(case: Case) -> Case:
            now = self._clock()
            noted = replace(case, notes=(*case.notes, CaseNote(at=now, staff_id=staff_id, text=text)))
            return noted.with_event(now, CaseAct.NOTE_ADDED, by=staff_id)

        return await self._change(case_id, step, resolved_too=True)

    async def mark_replied(self, case_id: str, staff_id: str) -> Case:
        """Return the case with the reply of its holder among its events.

        Raises:
            NotHolderError: `staff_id` does not hold it.
            CaseClosedError: it is resolved.
            CaseNotFoundError: there is no such case.
        """

        def step(case: Case) -> Case:
            if case.claimed_by != staff_id:
                raise NotHolderError(case.id, case.claimed_by)
            return case.with_event(self._clock(), CaseAct.REPLIED, by=staff_id)

        return await self._change(case_id, step)

    async def erase(self, conversation_id: str) -> int:
        """Return how many keys were deleted; afterwards nothing of the conversation is left in any case key."""
        of_key, opened_key, open_key = (
            _of_key(conversation_id),
            _opened_key(conversation_id),
            _open_key(conversation_id),
        )
        while True:
            async with self._redis.pipeline(transaction=True) as pipe:
                await pipe.watch(of_key, opened_key, open_key)
                ids = cast("list[str]", await pipe.zrange(of_key, 0, -1))
                _begin(pipe)
                pipe.delete(of_key, opened_key, open_key, *(_doc_key(case_id) for case_id in ids))
                for case_id in ids:
                    for state in CaseState:
                        pipe.zrem(_state_key(state), case_id)
                    pipe.publish(_CHANGES, _change_line(case_id, CaseAct.ERASED))
                try:
                    done = await pipe.execute()
                except WatchError:
                    continue
                return cast("int", done[0])

    # Live views

    async def changes(self) -> AsyncIterator[CaseChange]:
        """Yield each change of any case from the first `anext` on; ends only with its consumer or the connection."""
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(_CHANGES)
            while True:
                message = await subscription.get_message(ignore_subscribe_messages=True, timeout=5.0)
                if message is not None:
                    yield _read_change(message["data"])

    # The store

    async def _change(self, case_id: str, step: Callable[[Case], Case], *, resolved_too: bool = False) -> Case:
        while True:
            async with self._redis.pipeline(transaction=True) as pipe:
                await pipe.watch(_doc_key(case_id))
                case = await self._load_watched(pipe, case_id)
                if case is None:
                    raise CaseNotFoundError(case_id)
                if not case.is_open and not resolved_too:
                    raise CaseClosedError(case_id)
                changed = step(case)
                if changed is case:
                    return case
                _begin(pipe)
                self._write(pipe, changed)
                if case.is_open and not changed.is_open:
                    self._close_conversation(pipe, changed)
                self._note_wait(pipe, case, changed)
                if await _executed(pipe):
                    return changed

    def _write(self, pipe: Pipeline, case: Case, *, changed: bool = True) -> None:
        """Queue the document, its place in exactly one list, and the news."""
        pipe.set(_doc_key(case.id), self._as_document(case), ex=self._kept_for_s(case))
        for state in CaseState:
            if state is not case.state:
                pipe.zrem(_state_key(state), case.id)
        pipe.zadd(_state_key(case.state), {case.id: _score(case)})
        if changed:
            pipe.publish(_CHANGES, _change_line(case.id, case.events[-1].act, case))

    def _kept_for_s(self, case: Case) -> int | None:
        """Return how long the document is kept from now on; None while people still have to do with the case."""
        if case.resolved_at is None:
            return None
        return max(1, int(case.resolved_at + self._keep_resolved_s - self._clock()))

    def _close_conversation(self, pipe: Pipeline, case: Case) -> None:
        """Queue the end of the conversation's open case, and let what points to it vanish when the case does."""
        pipe.delete(_open_key(case.conversation_id))
        pipe.expire(_of_key(case.conversation_id), int(self._keep_resolved_s))
        pipe.expire(_opened_key(case.conversation_id), int(self._keep_resolved_s))
        oldest = self._clock() - self._keep_resolved_s
        pipe.zremrangebyscore(_state_key(CaseState.RESOLVED), f"({-oldest}", "+inf")

    async def _load_watched(self, pipe: Pipeline, case_id: str | None) -> Case | None:
        if case_id is None:
            return None
        await pipe.watch(_doc_key(case_id))
        document = await _get(pipe, _doc_key(case_id))
        return None if document is None else self._from_document(document)

    async def _read(self, case_ids: Sequence[str], *, with_words: bool = True) -> list[Case]:
        """Return the cases of those ids that still are there, in that order."""
        if not case_ids:
            return []
        keys = [_doc_key(case_id) for case_id in case_ids]
        documents = cast("list[str | None]", await self._redis.mget(keys))
        read = self._from_document_leniently if with_words else _without_words
        return [read(document) for document in documents if document is not None]

    def _note_wait(self, pipe: Pipeline, before: Case, after: Case) -> None:
        """Remember how long the case waited, at its first claim only."""
        if after.events[-1].act is not CaseAct.CLAIMED or any(e.act is CaseAct.CLAIMED for e in before.events):
            return
        claimed_at = after.events[-1].at
        line = {"at": claimed_at, "level": after.level.value, "wait_s": max(0.0, claimed_at - after.waiting_since)}
        pipe.lpush(_WAITS, json.dumps(line))
        pipe.ltrim(_WAITS, 0, _WAITS_KEPT - 1)

    def _resolved(self, case: Case, outcome: Outcome, act: CaseAct, *, by: str | None = None) -> Case:
        now = self._clock()
        resolved = replace(case, state=CaseState.RESOLVED, resolved_at=now, outcome=outcome)
        return resolved.with_event(now, act, by=by, detail=outcome.value)

    def _as_document(self, case: Case) -> str:
        data = case.as_json()
        words = {name: data.pop(name) for name in _SEALED_FIELDS}
        return json.dumps(data | {"sealed": self._vault.seal(json.dumps(words))})

    def _from_document(self, document: str) -> Case:
        data: dict[str, Any] = json.loads(document)
        words = json.loads(self._vault.open(data.pop("sealed")))
        return Case.from_json(data | words)

    def _from_document_leniently(self, document: str) -> Case:
        """Return the case; words that cannot be opened are left empty rather than hide an emergency."""
        try:
            return self._from_document(document)
        except VaultError:
            case = _without_words(document)
            _log.error("case %s: its words cannot be opened with the vault keys at hand", case.id)
            return case


def _without_words(document: str) -> Case:
    data: dict[str, Any] = json.loads(document)
    del data["sealed"]
    return Case.from_json(data | {"summary": "", "matched": [], "notes": []})


def _new_id() -> str:
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))


def _score(case: Case) -> float:
    if case.resolved_at is not None:
        return -case.resolved_at
    return _level_base(case.level) + case.waiting_since


def _level_base(level: Level) -> float:
    return (Level.EMERGENCY.rank - level.rank) * _LEVEL_STEP


def _doc_key(case_id: str) -> str:
    return f"{_PREFIX}doc:{case_id}"


def _state_key(state: CaseState) -> str:
    return f"{_PREFIX}{state.value}"


def _open_key(conversation_id: str) -> str:
    return f"{_PREFIX}open:{conversation_id}"


def _of_key(conversation_id: str) -> str:
    return f"{_PREFIX}of:{conversation_id}"


def _opened_key(conversation_id: str) -> str:
    return f"{_PREFIX}opened:{conversation_id}"


async def _get(pipe: Pipeline, key: str) -> str | None:
    """Read at once, in a pipeline that watches."""
    return cast("str | None", await pipe.get(key))


async def _get_field(pipe: Pipeline, key: str, name: str) -> str | None:
    return cast("str | None", await pipe.hget(key, name))


def _begin(pipe: Pipeline) -> None:
    """From here on, commands are queued for the transaction."""
    pipe.multi()  # type: ignore[no-untyped-call]


async def _executed(pipe: Pipeline) -> bool:
    """Return whether the transaction was carried out; it is not when a watched key changed meanwhile."""
    try:
        await pipe.execute()
    except WatchError:
        return False
    return True


def _change_line(case_id: str, act: CaseAct, case: Case | None = None) -> str:
    return json.dumps(
        {
            "case_id": case_id,
            "act": act.value,
            "state": (case.state if case else CaseState.RESOLVED).value,
            "level": (case.level if case else Level.NONE).value,
            "category": case.category if case else None,
        }
    )


def _read_change(line: str) -> CaseChange:
    data = json.loads(line)
    return CaseChange(
        case_id=data["case_id"],
        act=CaseAct(data["act"]),
        state=CaseState(data["state"]),
        level=Level(data["level"]),
        category=data["category"],
    )
