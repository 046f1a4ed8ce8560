"""Work that is told to end while it talks to the store ends."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from bot.gateway.store_connection import heeding_ends

STEPS = 40
"""Steps of the event loop after which the work is told to end: before, within and after a command."""


async def test_work_that_is_told_to_end_at_any_moment_of_a_command_ends(store_url: str) -> None:
    redis = Redis.from_url(store_url)
    heeding_ends(redis)

    async def work() -> None:
        while True:
            await redis.get("nothing")
            await asyncio.sleep(0.01)

    await redis.ping()
    running_on = []
    for steps in range(STEPS):
        task = asyncio.create_task(work())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=1)
        if not done:
            running_on.append(steps)
            task.cancel()
    assert running_on == []
    await redis.aclose()


async def test_what_cleans_up_after_its_end_still_reaches_the_store(store_url: str) -> None:
    """A lease is given back although the turn was ended."""
    redis = Redis.from_url(store_url, decode_responses=True)
    heeding_ends(redis)

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await redis.set("given_back", "yes")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert await redis.get("given_back") == "yes"
    await redis.aclose()
