"""The case queue on a real store."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from actions.handoff import queue as queue_module
from actions.handoff.case import (
    Case,
    CaseAct,
    CaseOpening,
    CaseReason,
    CaseState,
    CitedSource,
    Outcome,
    OutgoingReply,
    ReplyState,
    Suggestion,
)
from actions.handoff.errors import (
    AlreadyClaimedError,
    CannotLeaveError,
    CaseClosedError,
    CaseNotFoundError,
    NotHolderError,
    ReplyGoneError,
)
from actions.handoff.queue import CaseChange, CaseQueue
from actions.handoff.timing import Timing
from actions.vault import Vault
from careguard.verdict import Level
from tests.store import until_watched
from tests.unit.handoff.clock import FakeClock

_message_ids = itertools.count()

SECRET = "the canary sings at dawn"
DAY_S = 24 * 3600.0


def opening(
    conversation_id: str = "c1",
    level: Level = Level.NONE,
    reason: CaseReason = CaseReason.ASKED_FOR_PERSON,
    *,
    message: str | None = None,
    category: str | None = None,
    matched: tuple[str, ...] = (),
    summary: str = "",
) -> CaseOpening:
    return CaseOpening(
        conversation_id=conversation_id,
        channel="web",
        level=level,
        reason=reason,
        opened_by_message=message or f"m{next(_message_ids)}",
        category=category,
        rules=("rule",) * len(matched),
        matched=matched,
        summary=summary,
    )


async def everything_stored(redis: Redis) -> str:
    """Every key and value of the store in one text."""
    parts = []
    async for key in redis.scan_iter("*"):
        parts.append(key)
        match await redis.type(key):
            case "string":
                parts.append(str(await redis.get(key)))
            case "hash":
                parts.append(str(await redis.hgetall(key)))
            case "zset":
                parts.append(str(await redis.zrange(key, 0, -1)))
            case "list":
                parts.append(str(await redis.lrange(key, 0, -1)))
            case "stream":
                parts.append(str(await redis.xrange(key)))
    return "\n".join(parts)


async def test_waiting_cases_are_ordered_by_level_then_age(queue: CaseQueue, clock: FakeClock) -> None:
    """The emergency that came last is served first; within a level the longest wait is served first."""
    expected = {}
    for name, level in [("a", Level.NONE), ("b", Level.URGENT), ("c", Level.NONE), ("d", Level.URGENT)]:
        expected[name] = await queue.open_case(opening(name, level))
        clock.pass_s(0.01)
    expected["e"] = await queue.open_case(opening("e", Level.EMERGENCY, CaseReason.EMERGENCY))
    assert [case.conversation_id for case in await queue.waiting()] == ["e", "b", "d", "a", "c"]
    assert [await queue.place_in_line(expected[name].id) for name in "ebdac"] == [1, 2, 3, 4, 5]
    assert await queue.counts() == {Level.EMERGENCY: 1, Level.URGENT: 2, Level.NONE: 2}
    assert list(await queue.counts()) == [Level.EMERGENCY, Level.URGENT, Level.NONE]


async def test_the_same_message_opens_one_case(queue: CaseQueue) -> None:
    """A message that is handled again after a crash finds its case, also when that was resolved meanwhile."""
    first = await queue.open_case(opening(message="m"))
    assert await queue.open_case(opening(message="m", reason=CaseReason.OTHER)) == first
    await queue.claim(first.id, "s1")
    resolved = await queue.resolve(first.id, "s1", Outcome.ANSWERED)
    assert await queue.open_case(opening(message="m")) == resolved
    assert await queue.waiting() == []


async def test_the_same_message_may_still_raise_the_level(queue: CaseQueue) -> None:
    """When a second look at a message finds an emergency, the case rises; no second case opens."""
    first = await queue.open_case(opening(message="m"))
    raised = await queue.open_case(opening(message="m", level=Level.EMERGENCY, reason=CaseReason.EMERGENCY))
    assert raised.id == first.id
    assert raised.level is Level.EMERGENCY


async def test_twenty_at_once_open_one_case(queue: CaseQueue) -> None:
    """However many messages of one conversation ask for a person at once, one case waits, at the highest level."""
    levels = [Level.NONE, Level.URGENT, Level.EMERGENCY, Level.NONE] * 5
    cases = await asyncio.gather(*(queue.open_case(opening(level=level)) for level in levels))
    assert len({case.id for case in cases}) == 1
    assert [case.level for case in await queue.waiting()] == [Level.EMERGENCY]


async def test_an_urgent_case_overtakes_when_its_level_rises(queue: CaseQueue, clock: FakeClock) -> None:
    """A patient at the end of the line who names an emergency sign stands first."""
    await queue.open_case(opening("a", Level.URGENT))
    clock.pass_s(60)
    case = await queue.open_case(opening("b"))
    clock.pass_s(60)
    raised = await queue.open_case(opening("b", Level.EMERGENCY, CaseReason.EMERGENCY, category="chest_pain"))
    assert raised.id == case.id
    assert [each.conversation_id for each in await queue.waiting()] == ["b", "a"]
    assert (await queue.get(case.id)).category == "chest_pain"


async def test_a_new_emergency_raises_a_case_that_a_person_holds(queue: CaseQueue) -> None:
    """The holder keeps the case, and it is an emergency now."""
    case = await queue.open_case(opening())
    await queue.claim(case.id, "s1")
    raised = await queue.open_case(opening(level=Level.EMERGENCY, reason=CaseReason.EMERGENCY))
    assert (raised.id, raised.state, raised.claimed_by) == (case.id, CaseState.CLAIMED, "s1")
    assert await queue.counts(CaseState.CLAIMED) == {Level.EMERGENCY: 1, Level.URGENT: 0, Level.NONE: 0}


async def test_fifty_race_for_one_case_and_one_wins(queue: CaseQueue) -> None:
    """A claim is atomic: one holder, and everyone else is told who it is."""
    case = await queue.open_case(opening(level=Level.URGENT))
    outcomes = await asyncio.gather(*(queue.claim(case.id, f"s{n}") for n in range(50)), return_exceptions=True)
    winners = [outcome for outcome in outcomes if isinstance(outcome, Case)]
    losers = [outcome for outcome in outcomes if isinstance(outcome, AlreadyClaimedError)]
    assert len(winners) == 1
    assert len(losers) == 49
    assert {error.holder for error in losers} == {winners[0].claimed_by}
    assert await queue.waiting() == []
    assert await queue.list_cases(CaseState.CLAIMED) == winners


async def test_claiming_what_one_holds_changes_nothing(queue: CaseQueue) -> None:
    """A double tap on claim is not an error."""
    case = await queue.open_case(opening())
    assert await queue.claim(case.id, "s1") == await queue.claim(case.id, "s1")


async def test_a_released_case_waits_at_its_old_place(queue: CaseQueue, clock: FakeClock) -> None:
    """A patient whose case is put back does not start at the end of the line."""
    first = await queue.open_case(opening("a"))
    clock.pass_s(60)
    await queue.open_case(opening("b"))
    await queue.claim(first.id, "s1")
    with pytest.raises(NotHolderError):
        await queue.release(first.id, "s2")
    released = await queue.release(first.id, "s1")
    assert (released.state, released.claimed_by, released.claimed_at) == (CaseState.WAITING, None, None)
    assert await queue.place_in_line(first.id) == 1
    assert await queue.release(first.id, "s1") == released


async def test_a_lead_can_release_what_another_holds(queue: CaseQueue) -> None:
    """A case does not hang on a nurse who went home."""
    case = await queue.open_case(opening())
    await queue.claim(case.id, "s1")
    released = await queue.release(case.id, "lead", any_holder=True)
    assert released.state is CaseState.WAITING
    assert released.events[-1].by == "lead"


async def test_only_the_holder_resolves_and_only_once(queue: CaseQueue, clock: FakeClock) -> None:
    """A case ends by the hand of the one who holds it."""
    case = await queue.open_case(opening())
    with pytest.raises(NotHolderError):
        await queue.resolve(case.id, "s1", Outcome.ANSWERED)
    await queue.claim(case.id, "s1")
    with pytest.raises(NotHolderError):
        await queue.resolve(case.id, "s2", Outcome.ANSWERED)
    clock.pass_s(5)
    resolved = await queue.resolve(case.id, "s1", Outcome.REFERRED)
    assert (resolved.state, resolved.outcome, resolved.resolved_at) == (CaseState.RESOLVED, Outcome.REFERRED, clock.now)
    assert await queue.open_case_of("c1") is None
    for again in (
        queue.resolve(case.id, "s1", Outcome.ANSWERED),
        queue.claim(case.id, "s2"),
        queue.release(case.id, "s1"),
        queue.leave(case.id),
        queue.mark_replied(case.id, "s1"),
    ):
        with pytest.raises(CaseClosedError):
            await again


async def test_after_a_resolved_case_a_new_one_opens(queue: CaseQueue, clock: FakeClock) -> None:
    """A later request is a new case; the earlier one stays in the history, newest first."""
    first = await queue.open_case(opening())
    await queue.claim(first.id, "s1")
    await queue.resolve(first.id, "s1", Outcome.ANSWERED)
    clock.pass_s(DAY_S)
    second = await queue.open_case(opening())
    assert second.id != first.id
    assert await queue.open_case_of("c1") == second
    assert [case.id for case in await queue.cases_of("c1")] == [second.id, first.id]


async def test_a_note_on_a_resolved_case_leaves_the_open_one_alone(queue: CaseQueue, clock: FakeClock) -> None:
    """Writing an afterthought on yesterday's case does not make today's case vanish."""
    first = await queue.open_case(opening())
    await queue.claim(first.id, "s1")
    await queue.resolve(first.id, "s1", Outcome.ANSWERED)
    clock.pass_s(DAY_S)
    second = await queue.open_case(opening())
    noted = await queue.add_note(first.id, "s1", "an afterthought")
    assert noted.notes[0].text == "an afterthought"
    assert noted.state is CaseState.RESOLVED
    assert await queue.open_case_of("c1") == second
    assert [case.id for case in await queue.list_cases(CaseState.RESOLVED)] == [first.id]


async def test_a_reply_of_the_holder_is_among_the_events(queue: CaseQueue) -> None:
    """Who answered, and when, can be read from the case."""
    case = await queue.open_case(opening())
    with pytest.raises(NotHolderError):
        await queue.mark_replied(case.id, "s1")
    await queue.claim(case.id, "s1")
    replied = await queue.mark_replied(case.id, "s1")
    assert [event.act for event in replied.events] == [CaseAct.OPENED, CaseAct.CLAIMED, CaseAct.REPLIED]


async def test_a_patient_can_leave_the_queue(queue: CaseQueue) -> None:
    """A patient who no longer wants to wait is let go, also with an urgent case."""
    case = await queue.open_case(opening(level=Level.URGENT))
    left = await queue.leave(case.id)
    assert (left.state, left.outcome) == (CaseState.RESOLVED, Outcome.LEFT_QUEUE)
    assert await queue.waiting() == []


@pytest.mark.parametrize(
    ("level", "reason"),
    [
        pytest.param(Level.EMERGENCY, CaseReason.EMERGENCY, id="emergency"),
        pytest.param(Level.URGENT, CaseReason.CRISIS, id="crisis"),
    ],
)
async def test_an_emergency_or_crisis_cannot_leave_the_queue(
    queue: CaseQueue, level: Level, reason: CaseReason
) -> None:
    """People look at an emergency or a crisis, whatever the patient taps."""
    case = await queue.open_case(opening(level=level, reason=reason))
    with pytest.raises(CannotLeaveError):
        await queue.leave(case.id)
    assert await queue.place_in_line(case.id) == 1


async def test_a_case_that_a_person_holds_is_not_left(queue: CaseQueue) -> None:
    """Leaving the queue does not pull a case out of a nurse's hands."""
    case = await queue.open_case(opening())
    await queue.claim(case.id, "s1")
    with pytest.raises(CannotLeaveError):
        await queue.leave(case.id)
    assert await queue.place_in_line(case.id) is None


async def test_the_expected_wait_is_the_median_of_recent_claims_or_unknown(queue: CaseQueue, clock: FakeClock) -> None:
    """Nobody is told a wait that nobody knows: too few claims, or none today, is unknown."""
    for n, (wait_s, level) in enumerate([(60, Level.NONE), (600, Level.NONE), (120, Level.URGENT)]):
        assert await queue.expected_wait_s() is None
        case = await queue.open_case(opening(f"c{n}", level))
        clock.pass_s(wait_s)
        await queue.claim(case.id, "s1")
    assert await queue.expected_wait_s() == 120
    assert await queue.expected_wait_s(Level.URGENT) is None
    clock.pass_s(25 * 3600)
    assert await queue.expected_wait_s() is None


async def test_only_the_first_claim_of_a_case_counts_as_its_wait(queue: CaseQueue) -> None:
    """Passing a case from hand to hand does not change the wait that patients are told."""
    case = await queue.open_case(opening())
    for _ in range(3):
        await queue.claim(case.id, "s1")
        await queue.release(case.id, "s1")
    assert await queue.expected_wait_s() is None


async def test_words_of_patients_and_staff_are_sealed_at_rest(queue: CaseQueue, redis: Redis) -> None:
    """Whoever reads the store reads no summary, no matched words and no note."""
    case = await queue.open_case(opening(summary=SECRET, matched=(SECRET,)))
    await queue.add_note(case.id, "s1", SECRET)
    read = await queue.get(case.id)
    assert (read.summary, read.matched, read.notes[0].text) == (SECRET, (SECRET,), SECRET)
    assert "canary" not in await everything_stored(redis)


async def test_a_case_whose_words_cannot_be_opened_still_stands_in_the_queue(queue: CaseQueue, redis: Redis) -> None:
    """A lost key hides words, never an emergency."""
    case = await queue.open_case(opening(level=Level.EMERGENCY, reason=CaseReason.EMERGENCY, summary=SECRET))
    strange = CaseQueue(redis, Vault(Vault.new_key()))
    [seen] = await strange.waiting()
    assert (seen.id, seen.level, seen.summary) == (case.id, Level.EMERGENCY, "")


async def test_erase_leaves_nothing_of_the_conversation(queue: CaseQueue, redis: Redis, clock: FakeClock) -> None:
    """After erasing, neither the conversation nor its cases are in any key; others are untouched."""
    other = await queue.open_case(opening("other"))
    first = await queue.open_case(opening("gone"))
    await queue.claim(first.id, "s1")
    await queue.resolve(first.id, "s1", Outcome.ANSWERED)
    clock.pass_s(DAY_S)
    second = await queue.open_case(opening("gone"))
    assert await queue.erase("gone") == 5
    stored = await everything_stored(redis)
    for trace in ("gone", first.id, second.id):
        assert trace not in stored
    assert await queue.waiting() == [other]
    assert await queue.erase("gone") == 0
    with pytest.raises(CaseNotFoundError):
        await queue.get(second.id)
    with pytest.raises(CaseNotFoundError):
        await queue.claim(second.id, "s1")


async def test_resolved_cases_vanish_after_their_time(redis: Redis, vault: Vault, clock: FakeClock) -> None:
    """Retention runs by itself: the document carries its own expiry, and the list drops what is too old."""
    queue = CaseQueue(redis, vault, keep_resolved_s=3600, clock=clock)
    case = await queue.open_case(opening("a"))
    assert await redis.ttl(f"bedside:case:doc:{case.id}") == -1
    await queue.claim(case.id, "s1")
    await queue.resolve(case.id, "s1", Outcome.ANSWERED)
    assert 0 < await redis.ttl(f"bedside:case:doc:{case.id}") <= 3600
    clock.pass_s(3601)
    later = await queue.open_case(opening("b"))
    await queue.claim(later.id, "s1")
    await queue.resolve(later.id, "s1", Outcome.ANSWERED)
    assert [each.id for each in await queue.list_cases(CaseState.RESOLVED)] == [later.id]


async def test_live_views_are_told_of_every_change(queue: CaseQueue, redis: Redis) -> None:
    """Opening, raising, claiming, erasing: each reaches whoever watches, without a word of the patient."""
    seen: list[CaseChange] = []

    async def watch() -> None:
        async for change in queue.changes():
            seen.append(change)
            if change.act is CaseAct.ERASED:
                return

    watcher = asyncio.create_task(watch())
    async with asyncio.timeout(10):
        await until_watched(redis, "bedside:case:changes")
        case = await queue.open_case(opening(message="m", summary=SECRET))
        await queue.open_case(opening(message="m"))
        await queue.open_case(opening(level=Level.EMERGENCY, reason=CaseReason.EMERGENCY, category="stroke"))
        await queue.claim(case.id, "s1")
        await queue.erase("c1")
        await watcher
    assert [change.act for change in seen] == [CaseAct.OPENED, CaseAct.RAISED, CaseAct.CLAIMED, CaseAct.ERASED]
    assert (seen[1].level, seen[1].category, seen[1].case_id) == (Level.EMERGENCY, "stroke", case.id)


class Meddler:
    """Changes a key from outside at the last moment before a transaction, so many times."""

    def __init__(self, url: str, times: int) -> None:
        self._store = SyncRedis.from_url(url, decode_responses=True)
        self.key = ""
        self.times = times

    def __call__(self, pipe: Pipeline) -> None:
        if self.key and self.times:
            self.times -= 1
            self._store.restore(self.key, 0, self._store.dump(self.key) or b"", replace=True)
        pipe.multi()  # type: ignore[no-untyped-call]


async def test_a_change_at_the_last_moment_is_seen_and_the_work_is_done_again(
    queue: CaseQueue, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever changes a case between reading and writing is not overwritten: open, claim and erase look again."""
    address = redis.connection_pool.connection_kwargs
    meddler = Meddler(f"redis://{address['host']}:{address['port']}/0", times=2)
    monkeypatch.setattr(queue_module, "_begin", meddler)
    case = await queue.open_case(opening())
    for work, key in (
        (lambda: queue.open_case(opening(level=Level.URGENT)), f"bedside:case:doc:{case.id}"),
        (lambda: queue.claim(case.id, "s1"), f"bedside:case:doc:{case.id}"),
        (lambda: queue.erase("c1"), "bedside:case:of:c1"),
    ):
        meddler.key, meddler.times = key, 2
        await work()
        assert meddler.times == 0
    assert await queue.cases_of("c1") == []
    assert await queue.waiting() == []


async def test_a_case_resolved_lately_opens_again_instead_of_a_new_one(queue: CaseQueue, clock: FakeClock) -> None:
    """Within 24 hours the same case waits again, at the level of what is asked for now, at the end of the line."""
    first = await queue.open_case(opening(level=Level.EMERGENCY, reason=CaseReason.EMERGENCY))
    await queue.claim(first.id, "s1")
    await queue.resolve(first.id, "s1", Outcome.ANSWERED)
    clock.pass_s(DAY_S - 1)
    again = await queue.open_case(opening())
    assert (again.id, again.state, again.level) == (first.id, CaseState.WAITING, Level.NONE)
    assert (again.waiting_since, again.resolved_at, again.outcome, again.claimed_by) == (clock.now, None, None, None)
    assert again.events[-1].act is CaseAct.REOPENED
    assert await queue.open_case_of("c1") == again
    assert await queue.list_cases(CaseState.RESOLVED) == []


async def test_only_what_a_person_resolved_lately_can_be_reopened(queue: CaseQueue, clock: FakeClock) -> None:
    """An open case, one that the patient left, and yesterday's are left alone."""
    case = await queue.open_case(opening())
    assert await queue.reopen(opening()) is None
    await queue.leave(case.id)
    assert await queue.reopen(opening()) is None
    case = await queue.open_case(opening())
    await queue.claim(case.id, "s1")
    await queue.resolve(case.id, "s1", Outcome.ANSWERED)
    clock.pass_s(DAY_S)
    assert await queue.reopen(opening()) is None
    assert await queue.reopen(opening("nobody")) is None


async def test_a_case_is_passed_on_to_a_person_or_a_team(queue: CaseQueue, clock: FakeClock) -> None:
    """A person holds it at once; a team finds it waiting at its old place. Only its holder or a lead passes it on."""
    case = await queue.open_case(opening())
    clock.pass_s(60)
    to_ben = await queue.transfer(case.id, "ana", to_staff="ben")
    assert (to_ben.claimed_by, to_ben.claimed_at, to_ben.state) == ("ben", clock.now, CaseState.CLAIMED)
    with pytest.raises(NotHolderError):
        await queue.transfer(case.id, "ana", to_team="pharmacy")
    to_team = await queue.transfer(case.id, "lea", to_team="pharmacy", any_holder=True)
    assert (to_team.claimed_by, to_team.team, to_team.waiting_since) == (None, "pharmacy", case.waiting_since)
    assert to_team.events[-1].detail == "pharmacy"


async def test_a_reply_can_be_taken_back_until_it_leaves(queue: CaseQueue, clock: FakeClock, redis: Redis) -> None:
    """Held, taken back, held again, gone; each id once, sealed at rest, and only for the holder."""
    case = await queue.open_case(opening())
    await queue.claim(case.id, "ana")
    reply = OutgoingReply("r1", "ana", "Ana", SECRET, clock.now, clock.now + 10)
    with pytest.raises(NotHolderError):
        await queue.hold_reply(case.id, replace(reply, staff_id="ben"))
    for _ in range(2):
        held = await queue.hold_reply(case.id, reply)
    assert [each.id for each in held.under_way] == ["r1"]
    assert held.unanswered_since is None
    assert SECRET not in await everything_stored(redis)
    with pytest.raises(ReplyGoneError):
        await queue.withdraw_reply(case.id, "ben", "r1")
    assert (await queue.withdraw_reply(case.id, "ana", "r1")).text == SECRET
    assert (await queue.get(case.id)).unanswered_since == clock.now
    await queue.hold_reply(case.id, reply)
    assert await queue.due() == []
    clock.pass_s(10)
    assert await queue.due() == [case.id]
    passed = await queue.pass_time(case.id)
    assert passed is not None
    assert passed.outgoing[0].state is ReplyState.LEAVING
    with pytest.raises(ReplyGoneError):
        await queue.withdraw_reply(case.id, "ana", "r1")
    assert await queue.due() == [case.id], "it is tried again until it is in the patient's chat"
    for _ in range(2):
        left = await queue.reply_left(case.id, "r1")
    assert (left.outgoing[0].state, left.outgoing[0].text) == (ReplyState.STORED, "")
    assert [event.act for event in left.events].count(CaseAct.REPLIED) == 1
    assert await queue.due() == []


async def test_time_passes_once_however_many_gateways_watch_the_clock(
    queue: CaseQueue, redis: Redis, vault: Vault, clock: FakeClock
) -> None:
    """Twenty at once make one event, one notice for each group, and nothing is due afterwards."""
    await queue.join_notices("mail")
    case = await queue.open_case(opening(level=Level.EMERGENCY, reason=CaseReason.EMERGENCY))
    clock.pass_s(119)
    assert await queue.due() == []
    clock.pass_s(1)
    others = [CaseQueue(redis, vault, clock=clock) for _ in range(20)]
    await asyncio.gather(*(other.pass_time(case.id) for other in others))
    events = [event.act for event in (await queue.get(case.id)).events]
    assert events == [CaseAct.OPENED, CaseAct.ASKED, CaseAct.LATE]
    notices = await queue.next_notices("mail", "one", wait_s=0.01, again_after_s=60)
    assert [notice.act for notice in notices] == events
    assert await queue.due() == []
    assert await queue.pass_time("gone") is None


async def test_a_notice_waits_for_whoever_took_it_and_comes_again(queue: CaseQueue) -> None:
    """A teller that was killed with a notice in its hands does not lose it; another gets it, until it is done."""
    await queue.join_notices("mail")
    await queue.join_notices("mail")
    case = await queue.open_case(opening(category="asthma", matched=(SECRET,), summary=SECRET))
    [notice] = await queue.next_notices("mail", "one", wait_s=0.01, again_after_s=60)
    assert (notice.case_id, notice.act, notice.category) == (case.id, CaseAct.OPENED, "asthma")
    assert SECRET not in repr(notice)
    assert await queue.next_notices("mail", "two", wait_s=0.01, again_after_s=60) == []
    assert await queue.next_notices("mail", "two", wait_s=0.01, again_after_s=0) == [notice]
    await queue.notice_done("mail", notice.id)
    assert await queue.next_notices("mail", "two", wait_s=0.01, again_after_s=0) == []


async def test_a_changed_timing_counts_for_cases_that_wait_already(
    queue: CaseQueue, redis: Redis, vault: Vault, clock: FakeClock
) -> None:
    """After a restart with shorter targets no case goes by the old ones."""
    case = await queue.open_case(opening())
    clock.pass_s(61)
    assert await queue.due() == []
    shorter = Timing(targets_s=dict.fromkeys(Level, 60.0))
    restarted = CaseQueue(redis, vault, timing=shorter, clock=clock)
    await restarted.index_due()
    assert await restarted.due() == [case.id]


async def test_a_waiting_patient_who_writes_is_there(queue: CaseQueue, clock: FakeClock) -> None:
    """A word, or the tap on "I am fine", ends the question and the silence."""
    assert await queue.heard("c1") is None
    case = await queue.open_case(opening(level=Level.EMERGENCY, reason=CaseReason.EMERGENCY))
    for seconds in (120, 120):
        clock.pass_s(seconds)
        passed = await queue.pass_time(case.id)
    assert passed is not None
    assert passed.silent_since == clock.now
    heard = await queue.heard("c1")
    assert heard is not None
    assert (heard.silent_since, heard.asked_at) == (None, None)
    fine = await queue.says_fine(case.id)
    assert fine.events[-1].act is CaseAct.FINE


async def test_tags_follow_up_and_suggestion_are_kept(queue: CaseQueue) -> None:
    """Tags and day may change after the end; only the holder is proposed a reply."""
    case = await queue.open_case(opening())
    suggestion = Suggestion(1.0, SECRET, (CitedSource("t/in_short/1", "T", "https://example.org"),))
    with pytest.raises(NotHolderError):
        await queue.keep_suggestion(case.id, "ana", suggestion)
    await queue.claim(case.id, "ana")
    assert (await queue.keep_suggestion(case.id, "ana", suggestion)).suggestion == suggestion
    assert (await queue.get(case.id)).suggestion == suggestion
    await queue.resolve(case.id, "ana", Outcome.REFERRED)
    await queue.set_tags(case.id, "ana", ["asthma", "call_back", "asthma"])
    done = await queue.set_follow_up(case.id, "ana", "2026-12-01")
    assert (done.tags, done.follow_up_on, done.state) == (("asthma", "call_back"), "2026-12-01", CaseState.RESOLVED)


async def test_a_record_of_an_earlier_version_can_be_read(queue: CaseQueue) -> None:
    """What was stored before there were teams, tags and timers is a case all the same."""
    case = await queue.open_case(opening())
    known = case.as_json()
    for name in (
        *("team", "tags", "follow_up_on", "late_tier", "unanswered_since", "warned_at", "heard_at", "asked_at"),
        *("times_asked", "silent_since", "outgoing", "suggestion"),
    ):
        del known[name]
    assert Case.from_json(known) == case
