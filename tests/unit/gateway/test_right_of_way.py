"""While a red flag is on its way, everybody else waits at the next step, and never for long."""

from __future__ import annotations

import asyncio

import pytest

from bot.gateway import right_of_way
from bot.gateway.right_of_way import RightOfWay, going_first


async def test_ordinary_work_waits_until_the_red_flag_has_been_answered() -> None:
    way = RightOfWay()
    way.take("flag")
    ordinary = asyncio.create_task(way.give())
    await asyncio.sleep(0)
    assert not ordinary.done()
    way.leave("flag")
    await asyncio.wait_for(ordinary, 1)


async def test_the_red_flag_itself_and_what_it_starts_wait_for_nobody() -> None:
    way = RightOfWay()
    way.take("flag")
    with going_first():
        await asyncio.wait_for(way.give(), 1)
        started = asyncio.create_task(way.give())
    await asyncio.wait_for(started, 1)


async def test_two_red_flags_hold_the_others_until_both_are_answered() -> None:
    way = RightOfWay()
    way.take("one")
    way.take("two")
    way.leave("one")
    ordinary = asyncio.create_task(way.give())
    await asyncio.sleep(0)
    assert not ordinary.done()
    way.leave("two")
    await asyncio.wait_for(ordinary, 1)


async def test_a_red_flag_that_another_gateway_answers_does_not_stop_everybody_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(right_of_way, "LONGEST_WAIT_S", 0.01)
    way = RightOfWay()
    way.take("never left")
    await asyncio.wait_for(way.give(), 1)


async def test_leaving_without_having_taken_changes_nothing() -> None:
    way = RightOfWay()
    way.leave("an ordinary message")
    await asyncio.wait_for(way.give(), 1)
