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
    due                     sorted set: when time will next do something to a case
    notices                 stream of what somebody may have to be told; without a word of anybody
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
from redis.exceptions import ResponseError, WatchError

from actions.errors import VaultError
from actions.handoff.case import (
    Case,
    CaseAct,
    CaseEvent,
    CaseNote,
    CaseOpening,
    CaseReason,
    CaseState,
    Outcome,
    OutgoingReply,
    ReplyState,
    Suggestion,
    open_from,
)
from actions.handoff.errors import (
    AlreadyClaimedError,
    CannotLeaveError,
    CaseClosedError,
    CaseNotFoundError,
    NotHolderError,
    ReplyGoneError,
)
from actions.handoff.timing import Timing, next_due, pass_time
from actions.vault import Vault
from careguard.verdict import Level

_log = logging.getLogger(__name__)

_PREFIX = "bedside:case:"
_WAITS = _PREFIX + "waits"
_DUE = _PREFIX + "due"
_NOTICES = _PREFIX + "notices"
_CHANGES = _PREFIX + "changes"
_SEALED_FIELDS = ("summary", "matched", "notes", "outgoing", "suggestion")

_NOTICES_KEPT = 2000
_NOTICED = frozenset(
    {
        CaseAct.OPENED,
        CaseAct.RAISED,
        CaseAct.REOPENED,
        CaseAct.RELEASED,
        CaseAct.TRANSFERRED,
        CaseAct.RETURNED,
        CaseAct.HOLDER_WARNED,
        CaseAct.LATE,
        CaseAct.ASKED,
        CaseAct.SILENT,
    }
)
"""What somebody may have to be told; everything else is only for whoever looks at the case."""

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
    language: str = ""
    holder: str | None = None
    """Staff id of who holds it now."""
    detail: str = ""
    """Of the event: a tier, a staff id, a reason."""


@dataclass(frozen=True, slots=True)
class CaseNotice:
    """Something that somebody may have to be told; kept until each group of tellers is done with it."""

    id: str
    case_id: str
    act: CaseAct
    at: float
    level: Level
    category: str | None
    language: str
    country: str | None
    channel: str
    team: str | None
    holder: str | None
    by: str | None
    detail: str


class CaseQueue:
    """All cases of one installation."""

    def __init__(
        self,
        redis: Redis,
        vault: Vault,
        *,
        keep_resolved_s: float = 30 * 24 * 3600.0,
        reopen_within_s: float = 24 * 3600.0,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take a client with `decode_responses=True`.

        Args:
            redis: The store.
            vault: Seals what people wrote.
            keep_resolved_s: Resolved cases vanish by themselves after this.
            reopen_within_s: Whoever asks again so soon after a case was resolved gets the same case, not a new one.
            timing: How long what may take.
            clock: Unix seconds.
        """
        self._redis = redis
        self._vault = vault
        self._keep_resolved_s = keep_resolved_s
        self._reopen_within_s = reopen_within_s
        self.timing = timing or Timing()
        self._clock = clock

    # Opening

    async def open_case(self, opening: CaseOpening) -> Case:
        """Return the case of this opening; afterwards it is in the store.

        The same message never opens a second case. While the conversation has an unresolved case, that one is
        returned, with the level and category raised if the opening is more pressing, and the reason added. A case that
        was resolved only lately opens again.
        """
        case = await self._open(opening, only_again=False)
        assert case is not None
        return case

    async def reopen(self, opening: CaseOpening) -> Case | None:
        """Return the lately resolved case of the conversation, waiting again; None when there is none to reopen.

        An unresolved case is left alone, and so is one that the patient left.
        """
        return await self._open(opening, only_again=True)

    async def _open(self, opening: CaseOpening, *, only_again: bool) -> Case | None:
        opened_key, open_key = _opened_key(opening.conversation_id), _open_key(opening.conversation_id)
        of_key = _of_key(opening.conversation_id)
        while True:
            async with self._redis.pipeline(transaction=True) as pipe:
                await pipe.watch(opened_key, open_key, of_key)
                known = await self._load_watched(pipe, await _get_field(pipe, opened_key, opening.opened_by_message))
                if known is not None and opening.level.rank <= known.level.rank:
                    return known
                current = await self._load_watched(pipe, await _get(pipe, open_key))
                last = await self._load_watched(pipe, await _newest(pipe, of_key)) if current is None else None
                last = last if last is not None and self._may_reopen(last) else None
                if only_again and last is None:
                    return None
                case = self._next_case(opening, current, last)
                _begin(pipe)
                pipe.hset(opened_key, opening.opened_by_message, case.id)
                pipe.persist(opened_key)
                pipe.set(open_key, case.id)
                pipe.zadd(of_key, {case.id: case.opened_at})
                pipe.persist(of_key)
                self._write(pipe, case, before=current or last)
                if await _executed(pipe):
                    return case

    def _next_case(self, opening: CaseOpening, current: Case | None, last: Case | None) -> Case:
        now = self._clock()
        if current is not None:
            return current.joined_by(opening, now)
        if last is not None:
            return last.reopened_by(opening, now)
        return open_from(opening, _new_id(), now)

    def _may_reopen(self, case: Case) -> bool:
        """Return whether the case was resolved by a person, and lately."""
        if case.resolved_at is None or case.outcome is Outcome.LEFT_QUEUE:
            return False
        return self._clock() - case.resolved_at < self._reopen_within_s

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
            return case.claimed(staff_id, now).with_event(now, CaseAct.CLAIMED, by=staff_id)

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
            return case.released().with_event(self._clock(), CaseAct.RELEASED, by=staff_id)

        return await self._change(case_id, step)

    async def transfer(
        self,
        case_id: str,
        staff_id: str,
        *,
        to_staff: str | None = None,
        to_team: str | None = None,
        any_holder: bool = False,
    ) -> Case:
        """Return the case, now in the hands of `to_staff`, or waiting for `to_team` at its old place in line.

        A case that nobody holds may be passed on by anyone.

        Args:
            any_holder: let `staff_id` pass on what another person holds.

        Raises:
            NotHolderError: another person holds it.
            CaseClosedError: it is resolved.
            CaseNotFoundError: there is no such case.
        """

        def step(case: Case) -> Case:
            if case.claimed_by not in (None, staff_id) and not any_holder:
                raise NotHolderError(case.id, case.claimed_by)
            now = self._clock()
            moved = case.claimed(to_staff, now) if to_staff else case.released(team=to_team)
            return moved.with_event(now, CaseAct.TRANSFERRED, by=staff_id, detail=to_staff or to_team or "")

        return await self._change(case_id, step)

    async def set_tags(self, case_id: str, staff_id: str, tags: Sequence[str]) -> Case:
        """Return the case with these tags and no others; also after it is resolved.

        Raises:
            CaseNotFoundError: there is no such case.
        """

        def step(case: Case) -> Case:
            chosen = tuple(dict.fromkeys(tags))
            if chosen == case.tags:
                return case
            return replace(case, tags=chosen).with_event(self._clock(), CaseAct.TAGGED, by=staff_id)

        return await self._change(case_id, step, resolved_too=True)

    async def set_follow_up(self, case_id: str, staff_id: str, day: str | None) -> Case:
        """Return the case with the day on which somebody should ask how it went, or without one.

        Raises:
            CaseNotFoundError: there is no such case.
        """

        def step(case: Case) -> Case:
            if day == case.follow_up_on:
                return case
            changed = replace(case, follow_up_on=day)
            return changed.with_event(self._clock(), CaseAct.FOLLOW_UP, by=staff_id, detail=day or "")

        return await self._change(case_id, step, resolved_too=True)

    async def keep_suggestion(self, case_id: str, staff_id: str, suggestion: Suggestion) -> Case:
        """Return the case with what the answering line proposed to its holder.

        Raises:
            NotHolderError: `staff_id` does not hold it.
            CaseClosedError: it is resolved.
            CaseNotFoundError: there is no such case.
        """

        def step(case: Case) -> Case:
            if case.claimed_by != staff_id:
                raise NotHolderError(case.id, case.claimed_by)
            return replace(case, suggestion=suggestion)

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
            answered = replace(case, unanswered_since=None, warned_at=None)
            return answered.with_event(self._clock(), CaseAct.REPLIED, by=staff_id)

        return await self._change(case_id, step)

    # Replies on their way

    async def hold_reply(self, case_id: str, reply: OutgoingReply) -> Case:
        """Return the case with the holder's reply, which leaves the desk at its time; the same id is held once.

        Raises:
            NotHolderError: its writer does not hold the case.
            CaseClosedError: it is resolved.
            CaseNotFoundError: there is no such case.
        """

        def step(case: Case) -> Case:
            if case.claimed_by != reply.staff_id:
                raise NotHolderError(case.id, case.claimed_by)
            if any(each.id == reply.id for each in case.outgoing):
                return case
            return replace(case.with_reply(reply), unanswered_since=None, warned_at=None, suggestion=None)

        return await self._change(case_id, step, announced=CaseAct.REPLY_HELD)

    async def withdraw_reply(self, case_id: str, staff_id: str, reply_id: str) -> OutgoingReply:
        """Return the reply, which will not reach the patient any more.

        Raises:
            ReplyGoneError: it has left the desk, or is another person's.
            CaseNotFoundError: there is no such case.
        """
        taken: list[OutgoingReply] = []

        def step(case: Case) -> Case:
            taken[:] = [
                reply
                for reply in case.outgoing
                if reply.id == reply_id and reply.staff_id == staff_id and reply.state is ReplyState.HELD
            ]
            if not taken:
                raise ReplyGoneError(case.id)
            owed = self._clock() if case.claimed_by == staff_id else case.unanswered_since
            others = tuple(reply for reply in case.outgoing if reply.id != reply_id)
            return replace(case, outgoing=others, unanswered_since=owed)

        await self._change(case_id, step, resolved_too=True, announced=CaseAct.REPLY_WITHDRAWN)
        return taken[0]

    async def let_replies_go(self, case_id: str) -> Case:
        """Return the case; its replies can no longer be taken back and leave at once.

        Raises:
            CaseNotFoundError: there is no such case.
        """

        def step(case: Case) -> Case:
            now = self._clock()
            for reply in case.outgoing:
                if reply.state is ReplyState.HELD:
                    case = case.with_reply(replace(reply, state=ReplyState.LEAVING, leaves_at=now))
            return case

        return await self._change(case_id, step, resolved_too=True)

    async def reply_left(self, case_id: str, reply_id: str, *, failed: bool = False) -> Case:
        """Return the case; the reply is in the patient's chat, or there is no chat any more. A second time is no news.

        Raises:
            CaseNotFoundError: there is no such case.
        """

        def step(case: Case) -> Case:
            reply = next((each for each in case.outgoing if each.id == reply_id and each.is_under_way), None)
            if reply is None:
                return case
            if failed:
                return case.with_reply(replace(reply, state=ReplyState.FAILED))
            stored = case.with_reply(replace(reply, state=ReplyState.STORED, text="", sources=()))
            return stored.with_event(self._clock(), CaseAct.REPLIED, by=reply.staff_id)

        return await self._change(case_id, step, resolved_too=True)

    # The waiting patient

    async def heard(self, conversation_id: str) -> Case | None:
        """Return the conversation's unresolved case after its patient wrote; None when it has none."""
        case = await self.open_case_of(conversation_id)
        if case is None:
            return None
        try:
            return await self._change(case.id, lambda known: known.heard(self._clock()))
        except (CaseNotFoundError, CaseClosedError):
            return None

    async def says_fine(self, case_id: str) -> Case:
        """Return the case after its patient said that they are still all right.

        Raises:
            CaseClosedError: it is resolved.
            CaseNotFoundError: there is no such case.
        """
        return await self._change(
            case_id, lambda case: case.heard(self._clock()).with_event(self._clock(), CaseAct.FINE)
        )

    # Time

    async def due(self, limit: int = 200) -> list[str]:
        """Return the ids of cases to which time has something to do, the longest overdue first."""
        return cast("list[str]", await self._redis.zrangebyscore(_DUE, "-inf", self._clock(), start=0, num=limit))

    async def pass_time(self, case_id: str) -> Case | None:
        """Return the case as time has made it; None when it is gone. However many gateways do it, it happens once."""
        try:
            return await self._change(
                case_id, lambda case: pass_time(case, self._clock(), self.timing), resolved_too=True, always=True
            )
        except CaseNotFoundError:
            await self._redis.zrem(_DUE, case_id)
            return None

    async def put_off(self, case_id: str, seconds: float) -> None:
        """Time does nothing to the case for so long; for one that cannot be read, so that it is not tried all along."""
        await self._redis.zadd(_DUE, {case_id: self._clock() + seconds}, xx=True)

    async def index_due(self) -> None:
        """Every unresolved case is due when the present timing says; needed once after the timing changed."""
        for state in (CaseState.WAITING, CaseState.CLAIMED):
            for case_id in cast("list[str]", await self._redis.zrange(_state_key(state), 0, -1)):
                try:
                    await self._change(case_id, lambda case: case, always=True)
                except (CaseNotFoundError, CaseClosedError, VaultError):
                    continue  # gone meanwhile, or its words are sealed with a key that is lost: the others go on

    # What somebody may have to be told

    async def join_notices(self, group: str) -> None:
        """From now on notices are kept for this group of tellers."""
        try:
            await self._redis.xgroup_create(_NOTICES, group, id="$", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def next_notices(
        self, group: str, teller: str, *, wait_s: float, again_after_s: float, count: int = 20
    ) -> list[CaseNotice]:
        """Return notices that this teller must see to, oldest first; none after `wait_s` of silence.

        What another teller took and did not finish within `again_after_s` comes again.
        """
        again = await self._redis.xautoclaim(
            _NOTICES, group, teller, min_idle_time=int(again_after_s * 1000), start_id="0-0", count=count
        )
        entries = [(entry, fields) for entry, fields in again[1] if fields]
        if not entries:
            found = cast(
                "list[tuple[str, list[tuple[str, dict[str, str]]]]]",
                await self._redis.xreadgroup(
                    group, teller, {_NOTICES: ">"}, count=count, block=max(1, int(wait_s * 1000))
                ),
            )
            entries = found[0][1] if found else []
        return [_read_notice(entry, fields["n"]) for entry, fields in entries]

    async def notice_done(self, group: str, notice_id: str) -> None:
        """The group has seen to the notice."""
        await self._redis.xack(_NOTICES, group, notice_id)

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
                    pipe.zrem(_DUE, case_id)
                    pipe.publish(_CHANGES, _change_line(case_id, CaseAct.ERASED))
                try:
                    done = await pipe.execute()
                except WatchError:
                    continue
                await self._erase_notices(set(ids))
                return cast("int", done[0])

    async def _erase_notices(self, case_ids: set[str]) -> None:
        entries = cast("list[tuple[str, dict[str, str]]]", await self._redis.xrange(_NOTICES)) if case_ids else []
        of_them = [entry for entry, fields in entries if json.loads(fields["n"])["case_id"] in case_ids]
        if of_them:
            await self._redis.xdel(_NOTICES, *of_them)

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

    async def _change(
        self,
        case_id: str,
        step: Callable[[Case], Case],
        *,
        resolved_too: bool = False,
        announced: CaseAct | None = None,
        always: bool = False,
    ) -> Case:
        """Make one change stick.

        Args:
            announced: What live views are told when the change adds no event to the case.
            always: Write also what is unchanged, for the sake of when it is next due.
        """
        while True:
            async with self._redis.pipeline(transaction=True) as pipe:
                await pipe.watch(_doc_key(case_id))
                case = await self._load_watched(pipe, case_id)
                if case is None:
                    raise CaseNotFoundError(case_id)
                if not case.is_open and not resolved_too:
                    raise CaseClosedError(case_id)
                changed = step(case)
                if changed is case and not always:
                    return case
                _begin(pipe)
                self._write(pipe, changed, before=case, announced=announced if changed is not case else None)
                if case.is_open and not changed.is_open:
                    self._close_conversation(pipe, changed)
                self._note_wait(pipe, case, changed)
                if await _executed(pipe):
                    return changed

    def _write(self, pipe: Pipeline, case: Case, *, before: Case | None, announced: CaseAct | None = None) -> None:
        """Queue the document, its place in exactly one list, when it is next due, and the news."""
        pipe.set(_doc_key(case.id), self._as_document(case), ex=self._kept_for_s(case))
        for state in CaseState:
            if state is not case.state:
                pipe.zrem(_state_key(state), case.id)
        pipe.zadd(_state_key(case.state), {case.id: _score(case)})
        due = next_due(case, self.timing)
        if due is None:
            pipe.zrem(_DUE, case.id)
        else:
            pipe.zadd(_DUE, {case.id: due})
        events = case.events[len(before.events) if before else 0 :]
        for event in events:
            if event.act in _NOTICED:
                pipe.xadd(_NOTICES, {"n": _notice_line(case, event)}, maxlen=_NOTICES_KEPT, approximate=True)
        if events or announced:
            act = announced if announced and not events else case.events[-1].act
            pipe.publish(_CHANGES, _change_line(case.id, act, case))

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
        new = after.events[len(before.events) :]
        if not new or new[-1].act is not CaseAct.CLAIMED or any(e.act is CaseAct.CLAIMED for e in before.events):
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
    return Case.from_json(data | {"summary": "", "matched": [], "notes": [], "outgoing": [], "suggestion": None})


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


async def _newest(pipe: Pipeline, key: str) -> str | None:
    found = cast("list[str]", await pipe.zrevrange(key, 0, 0))
    return found[0] if found else None


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
            "language": case.language if case else "",
            "holder": case.claimed_by if case else None,
            "detail": case.events[-1].detail if case and case.events[-1].act is act else "",
        }
    )


def _read_change(line: str) -> CaseChange:
    data = json.loads(line)
    return CaseChange(
        **data | {"act": CaseAct(data["act"]), "state": CaseState(data["state"]), "level": Level(data["level"])}
    )


def _notice_line(case: Case, event: CaseEvent) -> str:
    return json.dumps(
        {
            "case_id": case.id,
            "act": event.act.value,
            "at": event.at,
            "level": case.level.value,
            "category": case.category,
            "language": case.language,
            "country": case.country,
            "channel": case.channel,
            "team": case.team,
            "holder": case.claimed_by,
            "by": event.by,
            "detail": event.detail,
        }
    )


def _read_notice(entry: str, line: str) -> CaseNotice:
    data = json.loads(line)
    return CaseNotice(id=entry, **data | {"act": CaseAct(data["act"]), "level": Level(data["level"])})
