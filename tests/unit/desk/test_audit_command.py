"""`bedside audit` and `bedside staff`, as an operator runs them against a real store."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from cryptography.fernet import Fernet
from redis.asyncio import Redis
from typer.testing import CliRunner

from bot.commands import audit, staff
from bot.desk.audit import HEAD_KEY, LOG_KEY, Actor, AuditLog
from bot.desk.staff import Role, StaffRegistry
from tests.store import running_store
from tests.unit.desk.desk import QUICK_HASHER

KEY = Fernet.generate_key().decode()


@pytest.fixture
async def store(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Redis:
    """The store that the commands find, and a data folder of their own."""
    at = redis.connection_pool.connection_kwargs
    monkeypatch.setenv("BEDSIDE_REDIS_URL", f"redis://{at['host']}:{at['port']}/0")
    monkeypatch.setenv("BEDSIDE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("BEDSIDE_DATA_KEY", KEY)
    return redis


async def run(command: str, *arguments: str) -> Result:
    """Run one of the commands as the terminal does; it has an event loop of its own."""
    words = audit.words if command == "audit" else staff.words
    return await asyncio.to_thread(CliRunner().invoke, words, list(arguments))


async def test_verify_says_whole_and_after_tampering_which_record(store: Redis, tmp_path: Path) -> None:
    """Exit code 0 and a count; exit code 1 and a sentence for each fault."""
    log = AuditLog(store, KEY)
    for number in range(5):
        await log.record(Actor("ana01", "nurse", "10.0.0.1"), "case.view", case_id=f"C{number}")
    whole = await run("audit", "verify")
    assert (whole.exit_code, whole.output) == (0, "The audit log is whole: 5 records.\n")
    line = str((await store.lrange(LOG_KEY, 2, 2))[0])
    await store.lset(LOG_KEY, 2, json.dumps(json.loads(line) | {"who": "ben02"}))
    broken = await run("audit", "verify")
    assert broken.exit_code == 1
    assert "Record 3 is not what was written." in broken.output
    await store.lset(LOG_KEY, 2, line)
    assert (await run("audit", "verify")).exit_code == 0


@pytest.mark.parametrize(
    ("tampered", "said"),
    [
        (lambda lines: [*lines[:3], lines[3].replace("C3", "C9"), lines[4]], "Record 4 is not what was written."),
        (lambda lines: [*lines[:1], *lines[2:]], "Record 2 "),
        (lambda lines: lines[:4], "Record 5 "),
        (lambda lines: [*lines[:1], lines[2], lines[1], *lines[3:]], "Record 2 "),
    ],
    ids=["changed", "removed", "cut off at the end", "reordered"],
)
async def test_verify_finds_whatever_was_done_to_the_log(
    store: Redis, tampered: Callable[[list[str]], list[str]], said: str
) -> None:
    """Whoever can write into the store cannot hide what was done at the desk."""
    log = AuditLog(store, KEY)
    for number in range(5):
        await log.record(Actor("ana01", "nurse", "10.0.0.1"), "case.view", case_id=f"C{number}")
    lines = [str(line) for line in await store.lrange(LOG_KEY, 0, -1)]
    await store.delete(LOG_KEY)
    await store.rpush(LOG_KEY, *tampered(lines))
    broken = await run("audit", "verify")
    assert (broken.exit_code, said in broken.output) == (1, True), broken.output


async def test_verify_remembers_outside_the_store_how_far_the_log_had_come(store: Redis, tmp_path: Path) -> None:
    """Emptying the whole log leaves a trace."""
    log = AuditLog(store, KEY)
    await log.record(Actor("ana01"), "case.view", case_id="C1")
    assert (await run("audit", "verify")).exit_code == 0
    seen = tmp_path / "data" / "audit_seen.json"
    assert seen.stat().st_mode & 0o077 == 0
    await store.delete(LOG_KEY, HEAD_KEY)
    emptied = await run("audit", "verify")
    assert emptied.exit_code == 1
    assert "once reached record 1" in emptied.output


async def test_list_shows_who_did_what(store: Redis) -> None:
    """By sign-in name, by case, the newest only, or as JSON."""
    registry = StaffRegistry(store, QUICK_HASHER)
    ana = await registry.add("ana", "correct horse battery")
    log = AuditLog(store, KEY)
    await log.record(Actor(ana.id, "nurse", "10.0.0.1"), "case.claim", case_id="C1")
    await log.record(Actor("other"), "case.view", case_id="C2")
    every = await run("audit", "list")
    assert re.search(r"1  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ana +case.claim +case C1  10.0.0.1", every.output)
    assert "C2" not in (await run("audit", "list", "--case", "C1")).output
    assert "C2" not in (await run("audit", "list", "--who", "ana")).output
    assert "C1" not in (await run("audit", "list", "--newest", "1")).output
    assert json.loads((await run("audit", "list", "--json", "--newest", "1")).output)["case_id"] == "C2"


async def test_an_operator_adds_changes_and_closes_accounts_and_the_log_knows(store: Redis) -> None:
    """Role, languages, skills and capacity are listed; each act is recorded before it is done."""
    added = await run(
        "staff", "add", "noa", "--role", "lead", "--languages", "es,en", "--skills", "pregnancy", "--capacity", "7"
    )
    assert added.exit_code == 0
    assert re.search(r"noa / [a-z0-9-]{19}   \(shown only now\)", added.output)
    listed = (await run("staff", "list")).output
    assert re.search(r"noa +lead +es,en +pregnancy +7  noa  \(first password\)", listed)
    changes = ("--role", "clinical_safety", "--teams", "wards", "--open-id", "noa@clinic.example")
    assert (await run("staff", "change", "noa", *changes)).exit_code == 0
    noa = await StaffRegistry(store, QUICK_HASHER).find("noa")
    assert noa is not None
    assert (noa.role, noa.teams, noa.skills, noa.capacity) == (Role.CLINICAL_SAFETY, ("wards",), ("pregnancy",), 7)
    assert noa.open_id == "noa@clinic.example"
    for act in ("disable", "enable", "password", "remove-second-factor"):
        assert (await run("staff", act, "noa")).exit_code == 0, act
        unknown = await run("staff", act, "nobody")
        assert "There is no account" in str(unknown.exception)
    told = [record.action async for record in AuditLog(store, KEY).records()]
    assert told == [
        "people.add",
        "people.change",
        "people.disable",
        "people.enable",
        "people.password",
        "people.second_factor.remove",
    ]
    assert (await run("audit", "verify")).exit_code == 0


async def test_without_a_store_one_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was started: the remedy is named."""
    async with running_store() as url:
        pass
    monkeypatch.setenv("BEDSIDE_REDIS_URL", url)
    monkeypatch.setenv("BEDSIDE_DATA_DIR", str(tmp_path / "data"))
    failed = await run("audit", "verify")
    assert "start Bedside with `bedside up`" in str(failed.exception)
