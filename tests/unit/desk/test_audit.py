"""The audit log: what was done cannot be undone in it, and whatever somebody tries with it is found."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from actions.vault import Vault
from bot.desk.audit import BROKEN, HEAD_KEY, LOG_KEY, Actor, AuditLog, AuditRecord, Fault, Finding, Seen
from bot.desk.errors import AuditError

KEY = Vault.new_key()
ANA = Actor("ana01", "nurse", "10.0.0.1", "s1")


@pytest.fixture
def log(redis: Redis) -> AuditLog:
    return AuditLog(redis, KEY)


async def ten_records(log: AuditLog) -> list[AuditRecord]:
    return [await log.record(ANA, "case.view", case_id=f"CASE{number}") for number in range(10)]


async def lines(redis: Redis) -> list[str]:
    return cast("list[str]", await redis.lrange(LOG_KEY, 0, -1))


async def put(redis: Redis, changed: list[str]) -> None:
    await redis.delete(LOG_KEY)
    if changed:
        await redis.rpush(LOG_KEY, *changed)


async def faults(log: AuditLog, seen: Seen | None = None) -> list[tuple[Fault, int]]:
    return [(finding.fault, finding.number) for finding in (await log.verify(seen)).findings]


async def test_a_record_says_who_did_what_to_which_case_when_and_from_where(log: AuditLog) -> None:
    """Everything a review needs, and nothing that anybody wrote."""
    written = await log.record(ANA, "case.claim", case_id="C1", about="", detail="urgent")
    [read] = [record async for record in log.records()]
    assert read == written
    assert (read.number, read.who, read.role, read.action, read.case_id) == (1, "ana01", "nurse", "case.claim", "C1")
    assert (read.detail, read.address, read.sign_in) == ("urgent", "10.0.0.1", "s1")
    assert (await log.verify()).is_whole


async def test_an_empty_log_is_whole(log: AuditLog) -> None:
    """Before anything was done, nothing is wrong."""
    verification = await log.verify()
    assert (verification.is_whole, verification.records, verification.seen) == (True, 0, None)


@pytest.mark.parametrize("text", ["my chest hurts", "línea", "a\nb", "x" * 97, '{"a":1}'])
async def test_no_text_gets_into_a_record(log: AuditLog, redis: Redis, text: str) -> None:
    """A record holds ids: words of a patient cannot be put there even by mistake."""
    for fields in ({"case_id": text}, {"about": text}, {"detail": text}):
        with pytest.raises(AuditError):
            await log.record(ANA, "case.view", **fields)
    with pytest.raises(AuditError):
        await log.record(ANA, text)
    with pytest.raises(AuditError):
        await log.record(Actor(text), "case.view")
    assert await redis.exists(LOG_KEY, HEAD_KEY) == 0


FIELDS = [("who", "ben02"), ("case_id", "OTHER"), ("at", 1.0), ("action", "case.note"), ("address", "10.0.0.9")]


@pytest.mark.parametrize(("field", "value"), FIELDS)
async def test_a_changed_record_is_found(log: AuditLog, redis: Redis, field: str, value: object) -> None:
    """Nobody can be put in another's place afterwards."""
    await ten_records(log)
    kept = await lines(redis)
    kept[4] = json.dumps(json.loads(kept[4]) | {field: value})
    await put(redis, kept)
    assert await faults(log) == [(Fault.CHANGED, 5)]


async def test_a_record_that_is_no_record_any_more_is_found(log: AuditLog, redis: Redis) -> None:
    """Rubbish in a record's place is a changed record."""
    await ten_records(log)
    kept = await lines(redis)
    kept[0], kept[9] = "rubbish", "[]"
    await put(redis, kept)
    assert await faults(log) == [(Fault.CHANGED, 1), (Fault.CHANGED, 10)]


@pytest.mark.parametrize("gone", [[0], [4], [9], [3, 4, 5], [8, 9], list(range(10))])
async def test_removed_records_are_found_also_at_the_end(log: AuditLog, redis: Redis, gone: list[int]) -> None:
    """What was done cannot be made undone, first, last or in between."""
    await ten_records(log)
    await put(redis, [line for index, line in enumerate(await lines(redis)) if index not in gone])
    [finding] = (await log.verify()).findings
    assert (finding.fault, finding.number, finding.last) == (Fault.MISSING, gone[0] + 1, gone[-1] + 1)


async def test_moved_records_are_found(log: AuditLog, redis: Redis) -> None:
    """The order of what happened cannot be changed."""
    await ten_records(log)
    kept = await lines(redis)
    kept[2], kept[3] = kept[3], kept[2]
    await put(redis, kept)
    assert await faults(log) == [(Fault.MOVED, 3)]


async def test_a_repeated_record_is_found(log: AuditLog, redis: Redis) -> None:
    """Nobody is made to have done something twice."""
    await ten_records(log)
    kept = await lines(redis)
    await put(redis, [*kept[:5], kept[4], *kept[5:]])
    assert await faults(log) == [(Fault.REPEATED, 5)]


async def test_the_end_cannot_be_cut_off_with_the_head_set_back_by_hand(log: AuditLog, redis: Redis) -> None:
    """Whoever can write the store but has no key cannot sign an earlier end."""
    records = await ten_records(log)
    await put(redis, (await lines(redis))[:8])
    await redis.hset(HEAD_KEY, mapping={"last": "8", "mark": records[7].mark})
    assert await faults(log) == [(Fault.HEAD, 0)]
    await redis.delete(HEAD_KEY)
    assert await faults(log) == [(Fault.HEAD, 0)]


async def test_a_record_made_without_the_key_is_found(log: AuditLog, redis: Redis) -> None:
    """A forged record, chained as it should be, is still not marked by this installation."""
    records = await ten_records(log)
    forger = AuditLog(redis, Vault.new_key())
    forged = records[9].as_json() | {"number": 11, "previous": records[9].mark}
    await redis.rpush(LOG_KEY, json.dumps(forged | {"mark": "0" * 64}))
    assert (Fault.CHANGED, 11) in await faults(log)
    found = await faults(forger)
    assert (Fault.HEAD, 0) in found
    assert (Fault.UNKNOWN_KEY, 1) in found


async def test_a_store_that_was_put_back_whole_is_found_by_what_was_remembered_elsewhere(
    log: AuditLog, redis: Redis
) -> None:
    """An earlier copy of the log with its head is sound in itself; only who saw more can tell."""
    await ten_records(log)
    earlier, head = await lines(redis), cast("dict[Any, Any]", await redis.hgetall(HEAD_KEY))
    await log.record(ANA, "case.reply", case_id="C1")
    seen = (await log.verify()).seen
    assert seen is not None and seen.number == 11
    await put(redis, earlier)
    await redis.hset(HEAD_KEY, mapping=head)
    assert await faults(AuditLog(redis, KEY)) == []
    assert await faults(AuditLog(redis, KEY), seen) == [(Fault.PUT_BACK, 11)]
    await AuditLog(redis, KEY).record(ANA, "case.note", case_id="C1")
    assert await faults(AuditLog(redis, KEY), seen) == [(Fault.PUT_BACK, 11)]


async def cut(redis: Redis) -> None:
    await redis.rpop(LOG_KEY)


async def insert(redis: Redis) -> None:
    await redis.lpush(LOG_KEY, "rubbish")


async def unsign(redis: Redis) -> None:
    await redis.hset(HEAD_KEY, "signature", "none")


async def behead(redis: Redis) -> None:
    await redis.delete(HEAD_KEY)


async def empty(redis: Redis) -> None:
    await redis.delete(HEAD_KEY, LOG_KEY)


@pytest.mark.parametrize("tamper", [cut, insert, unsign, behead, empty])
@pytest.mark.parametrize("same_process", [True, False])
async def test_work_goes_on_after_tampering_and_the_log_never_forgets_it(
    log: AuditLog, redis: Redis, tamper: Callable[[Redis], Awaitable[None]], same_process: bool
) -> None:
    """Breaking the log must not stop nurses, and writing on must not cover it up."""
    await ten_records(log)
    await tamper(redis)
    if tamper is empty and not same_process:
        return  # nobody is left who knows; `bedside audit verify` remembers outside the store
    later = log if same_process else AuditLog(redis, KEY)
    await later.record(ANA, "case.view", case_id="C1")
    found = await faults(later)
    broken = [record.number async for record in later.records() if record.action == BROKEN]
    assert len(broken) == 1
    assert (Fault.FOUND_BROKEN, broken[0]) in found
    await later.record(ANA, "case.view", case_id="C2")
    assert [record.number async for record in later.records() if record.action == BROKEN] == broken


async def test_many_gateways_write_one_chain(redis: Redis) -> None:
    """However many processes write at the same moment, the chain never forks and nothing is lost."""
    logs = [AuditLog(redis, KEY) for _ in range(5)]
    await asyncio.gather(*(logs[number % 5].record(ANA, "case.view", case_id=f"C{number}") for number in range(100)))
    verification = await logs[0].verify()
    assert (verification.is_whole, verification.records) == (True, 100)
    assert {record.case_id async for record in logs[0].records()} == {f"C{number}" for number in range(100)}
    assert [record.number async for record in logs[0].records(newest=3)] == [98, 99, 100]


async def test_verifying_while_others_write_finds_nothing(redis: Redis) -> None:
    """A log that grows is no log that was tampered with."""
    log = AuditLog(redis, KEY)

    async def write() -> None:
        for number in range(200):
            await log.record(ANA, "case.view", case_id=f"C{number}")

    writing = asyncio.create_task(write())
    while not writing.done():
        assert (await AuditLog(redis, KEY).verify()).is_whole
    await writing


async def test_what_an_older_key_marked_still_verifies(redis: Redis) -> None:
    """After the data key was changed, the log goes on with the new one, and without the old one verify says so."""
    await AuditLog(redis, KEY).record(ANA, "case.view")
    new = Vault.new_key()
    both = AuditLog(redis, new, KEY)
    await both.record(ANA, "case.view")
    assert (await both.verify()).is_whole
    assert await faults(AuditLog(redis, new)) == [(Fault.UNKNOWN_KEY, 1)]


async def test_the_key_of_the_log_is_not_the_data_key(redis: Redis, log: AuditLog) -> None:
    """Nothing in the store tells anything of the key."""
    await ten_records(log)
    stored = str(await lines(redis)) + str(await redis.hgetall(HEAD_KEY))
    assert KEY not in stored
    with pytest.raises(AuditError):
        AuditLog(redis)


def test_every_fault_is_a_sentence() -> None:
    """Whoever runs the check reads what is wrong and where."""
    for fault in Fault:
        words = str(Finding(fault, 3, 5))
        assert words and ("3" in words or fault is Fault.HEAD)
