"""A store and a desk for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.store import running_store
from tests.unit.desk.desk import Desk, make_desk


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with running_store() as url, Redis.from_url(url, decode_responses=True) as client:
        yield client


@pytest.fixture
async def desk(redis: Redis) -> Desk:
    made = make_desk(redis)
    await made.add_staff("ana", "Ana Ruiz")
    await made.add_staff("ben", "Ben Okafor")
    return made
