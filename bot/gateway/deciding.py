"""The one question that decides ("Is this happening now?"), from asking it until it is answered or its time is up.

Stands beside the turn. A question and its deadline are in the store before the patient reads it, so neither a crash nor
a restart can lose it: whoever sweeps next finds it. Silence counts as yes, and so does "not sure".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from actions.errors import ActionsError
from actions.transcript import TranscriptEntry
from actions.vault import Vault
from bot.errors import ConversationError
from bot.gateway.conversation import Conversation
from bot.gateway.escalation import escalate
from bot.gateway.message import MessageKind, PatientMessage
from bot.gateway.screening import RECENT_ENTRIES
from bot.gateway.speech import say
from careguard.deciding import Answer, read_answer
from careguard.verdict import Decision, FiredRule, Level, Verdict

if TYPE_CHECKING:
    from bot.gateway.services import Services

WAIT_S = 60.0
"""So long an answer may take; after that the bot acts as if it were yes."""
SWEEP_S = 1.0
DEADLINES_KEY = "bedside:deciding"

BUTTONS = {"happening:yes": Answer.YES, "happening:no": Answer.NO, "happening:unsure": Answer.YES}


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that waits, the message it is about, and what screening said of that message."""

    message: PatientMessage
    verdict: Verdict


class DecidingQuestions:
    """Keeps the open questions, sealed, each with its deadline."""

    def __init__(self, redis: Redis, vault: Vault, *, ttl_s: int, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._vault = vault
        self._ttl_s = ttl_s
        self._clock = clock

    async def open(self, question: OpenQuestion) -> None:
        """Keep the question; a second time for the same message changes neither it nor its deadline."""
        message = question.message
        key = _key(message.conversation_id)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hsetnx(key, message.id, self._vault.seal(json.dumps(_as_json(question))))
            pipe.expire(key, self._ttl_s)
            pipe.zadd(DEADLINES_KEY, {_member(message.conversation_id, message.id): self._clock() + WAIT_S}, nx=True)
            await pipe.execute()

    async def of(self, conversation_id: str) -> list[OpenQuestion]:
        """Return the conversation's open questions, the oldest first."""
        stored = await self._redis.hgetall(_key(conversation_id))
        questions = [_from_json(json.loads(self._vault.open(str(value)))) for value in stored.values()]
        return sorted(questions, key=lambda question: question.message.received_at)

    async def overdue(self) -> list[tuple[str, str]]:
        """Return the conversation and the message of every question whose time is up."""
        members = await self._redis.zrangebyscore(DEADLINES_KEY, "-inf", self._clock())
        return [_split(str(member)) for member in members]

    async def close(self, conversation_id: str, message_id: str) -> None:
        """Forget the question: it is answered, or acted on."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hdel(_key(conversation_id), message_id)
            pipe.zrem(DEADLINES_KEY, _member(conversation_id, message_id))
            await pipe.execute()

    async def erase(self, conversation_id: str) -> int:
        """Delete everything kept for the conversation; return how many keys went."""
        message_ids = [str(name) for name in await self._redis.hkeys(_key(conversation_id))]
        if message_ids:
            await self._redis.zrem(DEADLINES_KEY, *(_member(conversation_id, name) for name in message_ids))
        return int(await self._redis.delete(_key(conversation_id)))


async def ask(services: Services, conversation: Conversation, message: PatientMessage, verdict: Verdict) -> None:
    """Ask the patient for the fact that decides; from now on silence counts as yes."""
    assert verdict.ask is not None
    await services.deciding.open(OpenQuestion(message, verdict))
    await say(services, conversation, verdict.ask, reply_to=message.id)


async def answer_in(message: PatientMessage, services: Services) -> Answer | None:
    """Return what the message answers, tapped or typed; None when nothing was asked, or it says something else.

    A late tap on "yes" counts all the same.
    """
    answer = BUTTONS.get(message.text) or read_answer(message.text, services.rulebook)
    if answer is None or (answer is Answer.YES and message.text in BUTTONS):
        return answer
    return answer if await services.deciding.of(message.conversation_id) else None


async def take_answer(
    services: Services,
    conversation: Conversation,
    message: PatientMessage,
    answer: Answer,
    recent: Sequence[TranscriptEntry],
) -> OpenQuestion | None:
    """Act on an answer and return what it leaves for the bot to reply to; None when the patient has the words.

    Yes gives the words of the red flag and opens its case, exactly as if its rule had fired. No closes the question;
    the level does not rise, and what the patient wrote comes back to be replied to.
    """
    open_questions = await services.deciding.of(conversation.id)
    if answer is Answer.YES:
        about, verdict = _worst(open_questions) or (message, Verdict(Decision.ESCALATE, Level.EMERGENCY))
        about = replace(about, id=message.id, received_at=message.received_at)
        await escalate(services, conversation, about, verdict, recent)
    for question in open_questions:
        await services.deciding.close(conversation.id, question.message.id)
    if answer is Answer.YES or not open_questions:
        return None
    newest = open_questions[-1]
    return replace(newest, message=replace(newest.message, id=message.id, received_at=message.received_at))


async def watch_deadlines(services: Services) -> None:
    """Act on every question whose time is up; runs until cancelled."""
    while True:
        await act_on_silence(services)
        await asyncio.sleep(SWEEP_S)


async def act_on_silence(services: Services) -> None:
    """Treat every overdue question as answered with yes; what fails stays and is tried at the next sweep."""
    with contextlib.suppress(RedisError, OSError):
        for conversation_id, message_id in await services.deciding.overdue():
            with contextlib.suppress(ActionsError):
                await _act_on(services, conversation_id, message_id)


async def _act_on(services: Services, conversation_id: str, message_id: str) -> None:
    try:
        conversation = await services.conversations.load(conversation_id)
    except ConversationError:  # it expired; there is nobody to tell
        await services.deciding.close(conversation_id, message_id)
        return
    recent = await services.transcript.read(conversation_id, limit=RECENT_ENTRIES)
    for question in await services.deciding.of(conversation_id):
        if question.message.id == message_id and question.verdict.if_yes is not None:
            await escalate(services, conversation, question.message, question.verdict.if_yes, recent)
    await services.deciding.close(conversation_id, message_id)


def _worst(questions: Sequence[OpenQuestion]) -> tuple[PatientMessage, Verdict] | None:
    known = [(one.message, one.verdict.if_yes) for one in reversed(questions) if one.verdict.if_yes is not None]
    return max(known, key=lambda pair: pair[1].level.rank, default=None)


def _key(conversation_id: str) -> str:
    return f"bedside:question:{conversation_id}"


def _member(conversation_id: str, message_id: str) -> str:
    return f"{conversation_id} {message_id}"


def _split(member: str) -> tuple[str, str]:
    conversation_id, _, message_id = member.partition(" ")
    return conversation_id, message_id


def _as_json(question: OpenQuestion) -> dict[str, Any]:
    return {"message": asdict(question.message), "verdict": asdict(question.verdict)}


def _from_json(data: dict[str, Any]) -> OpenQuestion:
    message = data["message"]
    return OpenQuestion(
        PatientMessage(**(message | {"kind": MessageKind(message["kind"])})), _verdict_from_json(data["verdict"])
    )


def _verdict_from_json(data: dict[str, Any]) -> Verdict:
    return Verdict(
        decision=Decision(data["decision"]),
        level=Level(data["level"]),
        category=data["category"],
        rules=tuple(FiredRule(**rule) for rule in data["rules"]),
        say=data["say"],
        failed=data["failed"],
        ask=data["ask"],
        if_yes=_verdict_from_json(data["if_yes"]) if data["if_yes"] is not None else None,
    )
