"""A store, a clock and a queue for the tests of handoff."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from actions.handoff.queue import CaseQueue
from actions.transcript import Transcript
from actions.vault import Vault
from tests.store import running_store
from tests.unit.handoff.clock import FakeClock


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with running_store() as url, Redis.from_url(url, decode_responses=True) as client:
        yield client


@pytest.fixture
def vault() -> Vault:
    return Vault(Vault.new_key())


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def queue(redis: Redis, vault: Vault, clock: FakeClock) -> CaseQueue:
    return CaseQueue(redis, vault, clock=clock)


@pytest.fixture
def transcript(redis: Redis, vault: Vault) -> Transcript:
    return Transcript(redis, vault)
