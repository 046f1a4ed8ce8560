"""The desk under load: how long the queue takes to come, and a claim to be known, with 500 cases and 20 open desks.

    python -m tests.desk_load            500 waiting cases, 20 open desks
    python -m tests.desk_load --cases 50 --desks 3

A gateway's desk on a real Valkey, asked over HTTP. A claim is known when every open desk was told of it by its stream.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from contextlib import AsyncExitStack

import httpx
from httpx_sse import aconnect_sse
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from actions.handoff.case import CaseReason
from careguard.verdict import Level
from tests.serving import serving
from tests.store import running_store
from tests.unit.desk.desk import PASSWORD, Desk, csrf_in, make_desk

CLAIMS = 40
LOADS = 15
LEVELS = (Level.EMERGENCY, Level.URGENT, Level.NONE, Level.NONE)
REASONS = {Level.EMERGENCY: CaseReason.EMERGENCY, Level.URGENT: CaseReason.URGENT}
CATEGORIES = ("chest_pain", "fever", "asthma", None)


async def fill(desk: Desk, cases: int) -> None:
    """Let so many patients wait, each with last words."""
    for number in range(cases):
        level = LEVELS[number % len(LEVELS)]
        await desk.patient_says(f"I have had this for {number} days and do not know what to do about it.", f"c{number}")
        await desk.open_case(
            f"c{number}",
            level,
            REASONS.get(level, CaseReason.ASKED_FOR_PERSON),
            category=CATEGORIES[number % len(CATEGORIES)],
            language=("en", "es")[number % 2],
        )


class OpenDesk:
    """A browser with the queue open, that notes when it hears of a claim."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.heard: dict[str, float] = {}
        self.listening = asyncio.Event()

    async def sign_in(self, name: str) -> None:
        """Become a person of the care team."""
        page = await self.client.get("/desk/sign-in")
        await self.client.post(
            "/desk/sign-in", data={"sign_in": name, "password": PASSWORD, "csrf": csrf_in(page.text)}
        )

    async def listen(self) -> None:
        """Follow the stream until cancelled."""
        async with aconnect_sse(self.client, "GET", "/desk/events", timeout=None) as source:
            async for event in source.aiter_sse():
                if event.event == "hello":
                    self.listening.set()
                elif event.event == "case" and json.loads(event.data)["act"] == "claimed":
                    self.heard[json.loads(event.data)["case_id"]] = time.perf_counter()


async def page_loads(desk: OpenDesk, path: str) -> tuple[list[float], int]:
    """Return how long the page took each time, in milliseconds, and its size in bytes."""
    took, size = [], 0
    for _ in range(LOADS):
        started = time.perf_counter()
        response = await desk.client.get(path)
        took.append((time.perf_counter() - started) * 1000)
        assert response.status_code == 200, response.status_code
        size = len(response.content)
    return took, size


async def claims(desks: list[OpenDesk], case_ids: list[str]) -> tuple[list[float], list[float]]:
    """Return, for each claim, how long its answer took and how long until the last desk knew, in milliseconds."""
    answered, known = [], []
    for number, case_id in enumerate(case_ids):
        claimer = desks[number % len(desks)]
        csrf = csrf_in((await claimer.client.get("/desk/?show=mine")).text)
        started = time.perf_counter()
        response = await claimer.client.post(f"/desk/cases/{case_id}/claim", data={"csrf": csrf})
        answered.append((time.perf_counter() - started) * 1000)
        assert response.status_code == 303, response.status_code
        async with asyncio.timeout(10):
            while not all(case_id in desk.heard for desk in desks):
                await asyncio.sleep(0.001)
        known.append((max(desk.heard[case_id] for desk in desks) - started) * 1000)
    return answered, known


async def measure(cases: int, people: int) -> None:
    """Measure, and print the table."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running_store())
        redis = await stack.enter_async_context(Redis.from_url(url, decode_responses=True))
        desk = make_desk(redis)
        await fill(desk, cases)
        address = await stack.enter_async_context(serving(desk.app))
        desks = []
        for number in range(people):
            await desk.add_staff(f"nurse{number}", f"Nurse {number}")
            client = httpx.AsyncClient(base_url=address, trust_env=False, timeout=30)
            opened = OpenDesk(await stack.enter_async_context(client))
            await opened.sign_in(f"nurse{number}")
            desks.append(opened)
        listeners = [asyncio.create_task(each.listen()) for each in desks]
        await asyncio.gather(*(each.listening.wait() for each in desks))
        first, first_size = await page_loads(desks[0], "/desk/")
        whole, whole_size = await page_loads(desks[0], "/desk/?all=1")
        waiting = [case.id for case in await desk.queue.waiting(limit=CLAIMS)]
        answered, known = await claims(desks, waiting[: min(CLAIMS, cases)])
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
    table = Table("what", "median ms", "p90 ms", "bytes", title=f"{cases} waiting cases, {people} open desks")
    for what, took, size in (
        ("queue, the first 100 rows", first, first_size),
        (f"queue, all {cases} rows", whole, whole_size),
        ("claim, until it is answered", answered, None),
        ("claim, until every desk knows", known, None),
    ):
        p90 = statistics.quantiles(took, n=10)[-1]
        table.add_row(what, f"{statistics.median(took):.0f}", f"{p90:.0f}", f"{size:,}" if size else "")
    Console().print(table)


def main() -> None:
    """Read the numbers and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--desks", type=int, default=20)
    given = parser.parse_args()
    asyncio.run(measure(given.cases, given.desks))


if __name__ == "__main__":
    main()
