"""Accounts of the care team."""

from __future__ import annotations

import asyncio

import pytest
from argon2 import PasswordHasher
from redis.asyncio import Redis

from bot.desk.errors import StaffError, StaffExistsError, StaffNotFoundError, WeakPasswordError
from bot.desk.staff import Role, Staff, StaffRegistry
from tests.unit.desk.desk import PASSWORD, QUICK_HASHER


@pytest.fixture
def staff(redis: Redis) -> StaffRegistry:
    return StaffRegistry(redis, QUICK_HASHER)


async def test_a_new_person_can_sign_in_whatever_the_case_of_the_name(staff: StaffRegistry) -> None:
    """The name is compared without regard to case; the password is not."""
    added = await staff.add("Ana", PASSWORD, name="Ana Ruiz", role=Role.LEAD, languages=("en", "es"))
    assert await staff.check_password(" aNA ", PASSWORD) == added
    assert await staff.check_password("ana", PASSWORD.upper()) is None
    assert await staff.check_password("nobody", PASSWORD) is None
    assert await staff.check_password("ana", "x" * 1000) is None
    assert Staff.from_json(added.as_json()) == added


async def test_a_name_is_given_once(staff: StaffRegistry) -> None:
    """Two people never share a sign-in name, also when both are added at the same moment."""
    results = await asyncio.gather(*(staff.add("ana", PASSWORD) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, Staff) for result in results) == 1
    assert sum(isinstance(result, StaffExistsError) for result in results) == 4
    assert len(await staff.list()) == 1


async def test_everyone_is_listed_by_name(staff: StaffRegistry) -> None:
    """The list shows all accounts, and none when there are none."""
    assert await staff.list() == []
    await staff.add("z", PASSWORD, name="Zoe")
    await staff.add("a", PASSWORD, name="ana")
    assert [each.name for each in await staff.list()] == ["ana", "Zoe"]


async def test_a_disabled_person_cannot_sign_in_until_enabled(staff: StaffRegistry) -> None:
    """Someone who left is kept out, and can come back."""
    await staff.add("ana", PASSWORD)
    assert (await staff.disable("ana")).disabled
    assert await staff.check_password("ana", PASSWORD) is None
    await staff.enable("ana")
    assert await staff.check_password("ana", PASSWORD) is not None
    with pytest.raises(StaffNotFoundError):
        await staff.disable("nobody")


async def test_a_new_password_replaces_the_old_one(staff: StaffRegistry) -> None:
    """After a change only the new password opens the account."""
    await staff.add("ana", PASSWORD)
    await staff.set_password("ana", "another long password")
    assert await staff.check_password("ana", PASSWORD) is None
    assert await staff.check_password("ana", "another long password") is not None


@pytest.mark.parametrize("password", ["short", "x" * 257], ids=["too short", "too long"])
async def test_a_weak_password_is_refused(staff: StaffRegistry, password: str) -> None:
    """A password has 12 to 256 characters."""
    with pytest.raises(WeakPasswordError):
        await staff.add("ana", password)
    assert await staff.list() == []


@pytest.mark.parametrize("name", ["  ", "x" * 65], ids=["empty", "too long"])
async def test_a_name_has_1_to_64_characters(staff: StaffRegistry, name: str) -> None:
    """An account needs a name that fits the page."""
    with pytest.raises(StaffError):
        await staff.add(name, PASSWORD)


async def test_the_first_account_is_made_once_and_opens_the_desk(staff: StaffRegistry) -> None:
    """The first start prints a sign-in; later starts print none."""
    first = await staff.ensure_first_account()
    assert first is not None
    signed_in = await staff.check_password(*first)
    assert signed_in is not None
    assert signed_in.role is Role.ADMIN
    assert await staff.ensure_first_account() is None


async def test_passwords_are_hashed_with_argon2id(staff: StaffRegistry, redis: Redis) -> None:
    """The store holds no password, and neither does what is printed of an account."""
    added = await staff.add("ana", PASSWORD)
    assert added.password_hash.startswith("$argon2id$")
    assert "argon2" not in repr(added)
    stored = [await redis.get(key) async for key in redis.scan_iter("bedside:staff:doc:*")]
    assert PASSWORD not in str(stored)


async def test_a_hash_of_older_settings_is_renewed_at_sign_in(redis: Redis) -> None:
    """When hashing gets stronger, passwords follow the next time they are typed."""
    older = StaffRegistry(redis, QUICK_HASHER)
    before = await older.add("ana", PASSWORD)
    newer = StaffRegistry(redis, PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    after = await newer.check_password("ana", PASSWORD)
    assert after is not None
    assert after.password_hash != before.password_hash
    assert await newer.check_password("ana", PASSWORD) == after
