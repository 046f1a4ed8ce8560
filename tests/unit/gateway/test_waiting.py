"""The patient who waits for a person, with a clock that a test moves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from actions.handoff.case import Case, CaseAct, CaseReason, CaseState, Outcome, OutgoingReply
from actions.handoff.queue import CaseQueue
from actions.vault import Vault
from bot.desk.outgoing import send_leaving
from bot.errors import ConversationError
from bot.gateway.timekeeper import Timekeeper
from bot.gateway.waiting_words import load_waiting_room
from bot.settings import REPOSITORY
from careguard.errors import DataFileError
from careguard.verdict import Level
from tests.chat import Chat
from tests.fakes.dialogue import answer_everything
from tests.unit.gateway.conftest import Gateway, start_gateway
from tests.unit.handoff.clock import FakeClock
from tests.unit.handoff.test_queue import opening

EXAMPLE_HOURS = REPOSITORY / "deploy" / "hours.example.yaml"
NIGHT = 1_795_575_600.0
"""Tuesday, 24 November 2026, 22:00 in New York."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(time.time())


@pytest.fixture
async def desk_gateway(store_url: str, clock: FakeClock) -> AsyncIterator[Gateway]:
    """A gateway whose desk goes by the test's clock."""
    async with AsyncExitStack() as stack:
        yield await start_gateway(stack, store_url, clock=clock)


def queue_of(gateway: Gateway, clock: FakeClock) -> CaseQueue:
    return CaseQueue(gateway.redis, Vault(gateway.settings.data_key.get_secret_value()), clock=clock)


async def held_by_ana(gateway: Gateway, clock: FakeClock) -> tuple[Chat, CaseQueue, str]:
    """A patient who asked for a person, and whose case Ana has claimed."""
    chat = await gateway.chat(country="US")
    await chat.patient("person")
    case_id = await case_id_of(chat)
    queue = queue_of(gateway, clock)
    await queue.claim(case_id, "ana")
    return chat, queue, case_id


async def case_id_of(chat: Chat) -> str:
    return str((await chat.expect(name="case", state="waiting"))["case_id"])


async def test_the_patient_learns_place_and_honest_wait_and_what_must_not_wait(
    desk_gateway: Gateway, clock: FakeClock
) -> None:
    """Without recent cases nobody knows how long it takes, and that is said; with some, their median."""
    chat = await desk_gateway.chat(country="US")
    await chat.patient("person")
    await chat.expect_answer_to_last(kind="handoff")
    first = await chat.expect(kind="handoff", reply_to=None)
    assert "place in line: 1" in first["text"]
    assert "I do not know how long" in first["text"]
    assert "Call 911 now" in first["text"]
    assert [button["payload"] for button in first["quick_replies"]] == ["handoff:cancel"]
    queue = queue_of(desk_gateway, clock)
    await queue.claim(await case_id_of(chat), "ana")
    for _ in range(2):
        other = await desk_gateway.chat(country="US")
        await other.patient("person")
        case_id = await case_id_of(other)
        clock.pass_s(1200)
        await queue.claim(case_id, "ana")
    spanish = await desk_gateway.chat(language="es", country="ES")
    await spanish.patient("person")
    said = await spanish.expect(kind="handoff", reply_to=None)
    assert "unos 20 minutos" in said["text"]
    assert "Llame ahora al 112" in said["text"]


async def test_who_waits_is_asked_and_can_say_so_with_one_tap(desk_gateway: Gateway, clock: FakeClock) -> None:
    """Still all right keeps the place; a question asked meanwhile is still answered by the bot."""
    chat = await desk_gateway.chat(country="US")
    await chat.patient("person")
    case_id = await case_id_of(chat)
    await chat.patient("What is high blood pressure?")
    await chat.expect_answer_to_last(kind="answer")
    clock.pass_s(3601)
    asked = await _asked(chat)
    assert [button["payload"] for button in asked["quick_replies"]] == ["check:ok", "check:worse", "handoff:cancel"]
    await chat.patient("check:ok")
    fine = await chat.expect_answer_to_last(kind="handoff")
    assert "still in line" in fine["text"]
    case = await queue_of(desk_gateway, clock).get(case_id)
    assert (case.level, case.events[-1].act, case.asked_at) == (Level.NONE, CaseAct.FINE, None)


async def test_feeling_worse_raises_the_case_with_approved_words(desk_gateway: Gateway, clock: FakeClock) -> None:
    """From a plain question to urgent, and from urgent to an emergency; also while a person holds the case."""
    chat = await desk_gateway.chat(country="US")
    await chat.patient("person")
    case_id = await case_id_of(chat)
    await chat.patient("check:worse")
    await chat.expect_answer_to_last(kind="urgent", case_id=case_id)
    queue = queue_of(desk_gateway, clock)
    case = await queue.get(case_id)
    assert (case.level, case.reason) == (Level.URGENT, CaseReason.WORSE_WHILE_WAITING)
    await queue.claim(case_id, "ana")
    await chat.patient("check:worse")
    reply = await chat.expect_answer_to_last(kind="emergency", case_id=case_id)
    assert "911" in reply["text"]
    assert (await queue.get(case_id)).level is Level.EMERGENCY


async def test_an_emergency_is_asked_soon_and_its_silence_is_marked(desk_gateway: Gateway, clock: FakeClock) -> None:
    """Two minutes after the alarm the patient is asked; two more without a sign, and the desk sees it."""
    chat = await desk_gateway.chat(country="US")
    await chat.patient("I have crushing chest pain")
    case_id = await case_id_of(chat)
    clock.pass_s(121)
    asked = await _asked(chat)
    assert [button["payload"] for button in asked["quick_replies"]] == ["check:ok", "check:worse"]
    queue = queue_of(desk_gateway, clock)
    clock.pass_s(121)
    case = await _until(queue, case_id, CaseAct.SILENT)
    assert case.silent_since is not None
    assert CaseAct.LATE in {event.act for event in case.events}


async def test_at_night_the_patient_is_told_at_once_that_nobody_is_there(store_url: str) -> None:
    """When somebody is back, and what to do until then; a red flag gets its approved words first."""
    clock = FakeClock(NIGHT)
    async with AsyncExitStack() as stack:
        gateway = await start_gateway(stack, store_url, clock=clock, hours=EXAMPLE_HOURS)
        chat = await gateway.chat(country="US")
        await chat.patient("person")
        told = await chat.expect_answer_to_last(kind="handoff")
        assert "The care team is not here now. They are back: Wednesday, 25 November, at 08:00 (EST)." in told["text"]
        assert "911" in told["text"]
        alarmed = await gateway.chat(country="US", language="es")
        await alarmed.patient("me duele mucho el pecho y no puedo respirar")
        await alarmed.expect_answer_to_last(kind="emergency")
        honest = await alarmed.expect(kind="handoff", reply_to=None)
        assert "ahora no hay nadie del equipo de salud" in honest["text"]
        kinds = [message["kind"] for message in alarmed.messages()]
        assert kinds.index("emergency") < kinds.index("handoff")


async def test_a_holder_who_falls_silent_loses_the_case_and_the_patient_is_told(
    desk_gateway: Gateway, clock: FakeClock
) -> None:
    """Reminded after five minutes, back in the queue after ten; the patient reads it."""
    chat, queue, case_id = await held_by_ana(desk_gateway, clock)
    clock.pass_s(301)
    await _until(queue, case_id, CaseAct.HOLDER_WARNED)
    clock.pass_s(301)
    case = await _until(queue, case_id, CaseAct.RETURNED)
    assert case.state is CaseState.WAITING
    while "had to go" not in (await chat.expect(kind="handoff", reply_to=None))["text"]:
        pass


async def test_who_writes_again_after_the_end_is_heard_and_a_thank_you_is_not_a_call(
    desk_gateway: Gateway, clock: FakeClock
) -> None:
    """The same case opens again within a day, and the bot answers meanwhile."""
    chat, queue, case_id = await held_by_ana(desk_gateway, clock)
    await queue.resolve(case_id, "ana", Outcome.ANSWERED)
    desk_gateway.dialogue.decide = lambda turn: [{"reply": "thanks"}]
    await chat.patient("thank you so much")
    await chat.expect_answer_to_last(kind="notice")
    assert (await queue.get(case_id)).state is CaseState.RESOLVED
    desk_gateway.dialogue.decide = lambda turn: [{"reply": "clarify"}]
    await chat.patient("and one more thing about my foot")
    await chat.expect_answer_to_last(kind="clarify")
    while "wrote again" not in (await chat.expect(kind="handoff", reply_to=None))["text"]:
        pass
    again = await queue.get(case_id)
    assert (again.state, again.reason) == (CaseState.WAITING, CaseReason.WROTE_AGAIN)


async def test_a_held_reply_reaches_the_patient_after_its_time_and_only_once(
    desk_gateway: Gateway, clock: FakeClock
) -> None:
    """Ten seconds on the clock; a gateway that starts afterwards sends what an earlier one left, and nothing twice."""
    chat, queue, case_id = await held_by_ana(desk_gateway, clock)
    await queue.hold_reply(case_id, OutgoingReply("r1", "ana", "Ana", "Hello from Ana", clock.now, clock.now + 10))
    assert not [m for m in chat.messages() if m["kind"] == "human"]
    clock.pass_s(11)
    reply = await chat.expect(kind="human", author="human", text="Hello from Ana")
    assert reply["person_name"] == "Ana"
    case = await _until(queue, case_id, CaseAct.REPLIED)
    assert case.under_way == ()
    assert [m["kind"] for m in chat.messages()].count("human") == 1


async def test_who_may_not_leave_the_queue_is_told_the_truth(desk_gateway: Gateway, clock: FakeClock) -> None:
    """A plain question is let go; an emergency stays, and nobody says that it does not."""
    left: list[dict[str, Any]] = [{"effect": {"name": "leave_queue"}}, {"reply": "handoff_left"}]
    chat = await desk_gateway.chat(country="US")
    await chat.patient("I have crushing chest pain")
    case_id = await case_id_of(chat)
    desk_gateway.dialogue.decide = lambda turn: left
    await chat.patient("handoff:cancel")
    assert "keeps an eye on this" in (await chat.expect_answer_to_last(kind="handoff"))["text"]
    assert (await queue_of(desk_gateway, clock).get(case_id)).is_open
    desk_gateway.dialogue.decide = answer_everything
    other = await desk_gateway.chat(country="US")
    await other.patient("person")
    await case_id_of(other)
    desk_gateway.dialogue.decide = lambda turn: left
    await other.patient("handoff:cancel")
    assert "no longer in line" in (await other.expect_answer_to_last(kind="handoff"))["text"]


async def test_a_case_that_cannot_be_read_does_not_stop_the_clock(store_url: str) -> None:
    """A lost key hides words; the others become late all the same."""
    clock = FakeClock()
    async with Redis.from_url(store_url, decode_responses=True) as redis:
        lost = CaseQueue(redis, Vault(Vault.new_key()), clock=clock)
        queue = CaseQueue(redis, Vault(Vault.new_key()), clock=clock)
        hidden = await lost.open_case(opening("c1"))
        seen = await queue.open_case(opening("c2"))
        await queue.index_due()
        clock.pass_s(4 * 3600)
        await Timekeeper(queue, GoneLine(OSError())).step()
        assert (await queue.get(seen.id)).late_tier == 1
        assert hidden.id not in await queue.due()


async def test_at_night_nobody_is_woken_over_a_plain_question(store_url: str) -> None:
    """The question whether they are all right waits for the day, unless it is pressing."""
    clock = FakeClock(NIGHT)
    async with AsyncExitStack() as stack:
        gateway = await start_gateway(stack, store_url, clock=clock, hours=EXAMPLE_HOURS)
        chat = await gateway.chat(country="US")
        await chat.patient("person")
        case_id = await case_id_of(chat)
        queue = queue_of(gateway, clock)
        clock.pass_s(3601)
        await _until(queue, case_id, CaseAct.ASKED)
        urgent = await gateway.chat(country="US")
        await urgent.patient("person")
        await case_id_of(urgent)
        await urgent.patient("check:worse")
        await urgent.expect_answer_to_last(kind="urgent")
        clock.pass_s(901)
        await _asked(urgent)
        assert not [m for m in chat.messages() if "check:ok" in str(m.get("quick_replies"))]


class GoneLine:
    """A line to a chat that has ended, or to a store that fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def send_outgoing(self, case: object, reply: object) -> None:
        raise self._error


async def test_a_reply_that_cannot_be_sent_is_tried_again_or_marked_as_failed(store_url: str) -> None:
    """A broken store is waited for; a chat that has ended is said so, and the text is kept for its writer."""
    clock = FakeClock()
    async with Redis.from_url(store_url, decode_responses=True) as redis:
        queue = CaseQueue(redis, Vault(Vault.new_key()), clock=clock)
        case = await queue.open_case(opening())
        await queue.claim(case.id, "ana")
        await queue.hold_reply(case.id, OutgoingReply("r1", "ana", "Ana", "Hello", clock.now, clock.now))
        await Timekeeper(queue, GoneLine(OSError())).step()
        assert await queue.due() == [case.id]
        left = await queue.get(case.id)
        assert not await send_leaving(queue, GoneLine(ConversationError("gone")), left)
        failed = await queue.get(case.id)
        assert (failed.outgoing[0].state.value, failed.outgoing[0].text) == ("failed", "Hello")
        assert await queue.due() == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("months:", "month:", "missing"),
        ("[Monday, ", "[", "needs 7 names"),
        ("categories: []", "categories: [x]", "fits everything"),
        ("{day}", "{dya}", "unknown placeholder"),
        ("Call {emergency_number} now.", "Call now.", "no emergency number"),
    ],
)
def test_wrong_words_around_waiting_stop_the_start(tmp_path: Path, old: str, new: str, said: str) -> None:
    """A translator learns of a missing day before a patient does."""
    folder = tmp_path / "languages" / "en"
    folder.mkdir(parents=True)
    words = (REPOSITORY / "locales" / "languages" / "en" / "waiting.yaml").read_text(encoding="utf-8")
    (folder / "waiting.yaml").write_text(words.replace(old, new), encoding="utf-8")
    with pytest.raises(DataFileError, match=said):
        load_waiting_room(tmp_path, ["en"], None)


async def _asked(chat: Chat) -> dict[str, Any]:
    while True:
        said = await chat.expect(kind="handoff", reply_to=None)
        if "check:ok" in [button["payload"] for button in said.get("quick_replies", [])]:
            return said


async def _until(queue: CaseQueue, case_id: str, act: CaseAct) -> Case:
    async with asyncio.timeout(15):
        while True:
            case = await queue.get(case_id)
            if any(event.act is act for event in case.events):
                return case
            await asyncio.sleep(0.05)
