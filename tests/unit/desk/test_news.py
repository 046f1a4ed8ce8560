"""What open desks are told the moment it happens."""

from __future__ import annotations

import asyncio
import json

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from actions.handoff.case import CaseAct, CaseReason, CaseState
from actions.handoff.queue import CaseChange
from bot.desk import news
from bot.desk.news import ConversationWentOn, ListenedAgain, Newsroom
from careguard.verdict import Level
from tests.store import until_watched
from tests.unit.desk.desk import Desk


async def test_every_reader_is_told_over_one_subscription(desk: Desk, redis: Redis) -> None:
    """Twenty open desks cost the store one subscription, and none when the last one is closed."""
    room = Newsroom(desk.queue, desk.transcript)
    async with room.reader() as one, room.reader() as other:
        await until_watched(redis, "bedside:case:changes")
        await until_watched(redis, "bedside:transcript:changes")
        case = await desk.open_case(level=Level.URGENT, reason=CaseReason.URGENT)
        for reader in (one, other):
            told = await asyncio.wait_for(reader.get(), 5)
            expected = CaseChange(case.id, CaseAct.OPENED, CaseState.WAITING, Level.URGENT, None, "en", None, "urgent")
            assert told == expected
        await desk.patient_says("hello")
        assert await asyncio.wait_for(one.get(), 5) == ConversationWentOn("c1")
        assert (await redis.pubsub_numsub("bedside:case:changes"))[0][1] == 1
    assert room._listening == []


async def test_a_reader_who_is_too_slow_loses_the_oldest_and_stops_nobody(desk: Desk) -> None:
    """A sleeping browser does not fill the memory of the process that answers emergencies."""
    room = Newsroom(desk.queue, desk.transcript)
    async with room.reader() as reader:
        for number in range(news._KEPT + 5):
            room._tell(ConversationWentOn(str(number)))
        assert reader.qsize() == news._KEPT
        assert reader.get_nowait() == ConversationWentOn("5")


async def test_after_the_store_was_away_everything_is_read_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened while the store was away was missed, so the pages refresh."""
    monkeypatch.setattr(news, "_RETRY_S", 0.01)
    room = Newsroom(desk.queue, desk.transcript)

    async def away() -> None:
        raise RedisConnectionError

    monkeypatch.setattr(room, "_cases", away)
    async with room.reader() as reader:
        assert await asyncio.wait_for(reader.get(), 5) == ListenedAgain()


def test_an_event_says_what_changed_and_never_what_a_patient_wrote() -> None:
    """A page learns level and category of a case, and only that its own conversation went on."""
    change = CaseChange("K7", CaseAct.RAISED, CaseState.WAITING, Level.EMERGENCY, "chest_pain")
    event = news._as_event(change, None)
    assert event is not None
    assert event.event == "case"
    assert json.loads(str(event.data))["words"] == "Emergency: Chest pain"
    assert news._as_event(ConversationWentOn("c1"), "c2") is None
    watched = news._as_event(ConversationWentOn("c1"), "c1")
    assert watched is not None
    assert (watched.event, watched.data) == ("conversation", "{}")
    again = news._as_event(ListenedAgain(), None)
    assert again is not None
    assert again.event == "hello"


async def test_live_events_are_for_the_signed_in(desk: Desk) -> None:
    """Without a session there is no stream."""
    async with desk.browser() as browser:
        assert (await browser.get("/events")).status_code == 401
