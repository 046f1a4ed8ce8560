"""The content-gap list: masked, sealed, bounded, expiring, and erased with its conversation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import pytest
from redis.asyncio import Redis

from actions.answering import gaps
from actions.answering.gaps import Gap, GapKind, GapStore, TopicNames, grouped
from actions.answering.topic import load_topics
from actions.vault import Vault
from tests.store import running_store
from tests.unit.answering.conftest import write_locales

NOW = 1_795_500_000.0


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with running_store() as url, Redis.from_url(url, decode_responses=True) as client:
        yield client


async def note(store: GapStore, question: str, number: int = 1, conversation: str = "c1", **more: object) -> None:
    kind, topic = more.get("kind", GapKind.UNANSWERED), more.get("topic")
    assert isinstance(kind, GapKind) and (topic is None or isinstance(topic, str))
    await store.keep(kind, question, topic, "en", conversation_id=conversation, message_id=f"m{number}")


async def everything(redis: Redis) -> str:
    """Every key of the store with all it holds."""
    reads: dict[str, Callable[[str], Awaitable[object]]] = {
        "string": redis.get,
        "set": lambda key: cast("Awaitable[set[str]]", redis.smembers(key)),
        "zset": lambda key: redis.zrange(key, 0, -1),
    }
    told = []
    for key in [str(key) async for key in redis.scan_iter("*")]:
        told.append(f"{key} {await reads[str(await redis.type(key))](key)}")
    return "\n".join(told)


async def test_a_question_is_kept_masked_sealed_once_and_for_thirty_days(redis: Redis) -> None:
    store = GapStore(redis, Vault(Vault.new_key()), clock=Clock())
    for _ in range(2):  # a crash in between repeats it
        await note(store, "Is kale tea good? My mail is canary@example.org")
    (gap,) = await store.list()
    assert "canary" not in gap.question and gap.question.startswith("Is kale tea good?")
    assert (gap.kind, gap.language, gap.at) == (GapKind.UNANSWERED, "en", NOW)
    assert await store.get(gap.id) == gap
    assert "kale" not in await everything(redis)
    assert 0 < await redis.ttl(f"bedside:gaps:row:{gap.id}") <= gaps.KEEP_S
    assert 0 < await redis.ttl("bedside:gaps:of:c1") <= gaps.KEEP_S
    await note(store, " ?! 12 ")
    assert len(await store.list()) == 1


async def test_only_the_newest_are_kept_and_old_ones_are_not_shown(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaps, "MOST_GAPS", 3)
    clock = Clock()
    store = GapStore(redis, Vault(Vault.new_key()), clock=clock)
    for number in range(5):
        clock.now += 1
        await note(store, f"question {'abcde'[number]}", number)
    assert [gap.question[-1] for gap in await store.list()] == ["e", "d", "c"]
    assert len([key async for key in redis.scan_iter("bedside:gaps:row:*")]) == 3
    assert [gap.question[-1] for gap in await store.list(since=NOW + 5)] == ["e"]
    clock.now += gaps.KEEP_S + 1
    assert await store.list() == []


async def test_erasing_a_conversation_leaves_nothing_of_its_gaps_and_all_of_the_others(redis: Redis) -> None:
    store = GapStore(redis, Vault(Vault.new_key()), clock=Clock())
    await note(store, "what about kale", 1, "gone")
    await note(store, "what about tea", 2, "gone", kind=GapKind.BADLY_RATED, topic="sunburn")
    await note(store, "what about rice", 3, "stays")
    ids = [gap.id for gap in await store.list() if "rice" not in gap.question]
    assert {gap.id for gap in await store.of("gone")} == set(ids)
    assert await store.erase("gone") == 3
    assert [gap.question for gap in await store.list()] == ["what about rice"]
    left = await everything(redis)
    assert "gone" not in left and not any(gap_id in left for gap_id in ids)
    assert await store.erase("gone") == 0


async def test_what_another_key_sealed_is_left_out_and_a_dropped_gap_is_gone(redis: Redis) -> None:
    vault = Vault(Vault.new_key())
    store = GapStore(redis, vault, clock=Clock())
    await note(store, "what about kale")
    assert await GapStore(redis, Vault(Vault.new_key()), clock=Clock()).list() == []
    (gap,) = await store.list()
    await store.drop([gap.id])
    await store.drop([])
    assert await store.get(gap.id) is None


def test_gaps_stand_together_by_the_topic_they_name_else_by_their_words(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    locales = tmp_path_factory.mktemp("locales")
    write_locales(locales)
    names = TopicNames(load_topics(locales, ("en", "es")))

    def gap(number: int, question: str, topic: str | None = None, language: str = "en") -> Gap:
        kind = GapKind.BADLY_RATED if topic else GapKind.UNANSWERED
        return Gap(f"g{number}", kind, question, topic, language, NOW + number)

    found = grouped(
        [
            gap(1, "does high blood pressure run in families"),
            gap(2, "is hypertension from stress"),
            gap(3, "what else helps", "high_blood_pressure"),
            gap(4, "is kale tea good for hair"),
            gap(5, "kale tea for hair"),
            gap(6, "rice water"),
            gap(7, "tensión alta y estrés", language="es"),
        ],
        names,
    )
    told = [(group.topic, group.language, [gap.id for gap in group.gaps]) for group in found]
    assert told == [
        ("high_blood_pressure", "en", ["g3", "g2", "g1"]),
        (None, "en", ["g5", "g4"]),
        ("high_blood_pressure", "es", ["g7"]),
        (None, "en", ["g6"]),
    ]
    assert found[0].title == "High blood pressure"
    assert (found[0].count(GapKind.UNANSWERED), found[0].count(GapKind.BADLY_RATED)) == (2, 1)
    assert found[0].last_seen == NOW + 3
