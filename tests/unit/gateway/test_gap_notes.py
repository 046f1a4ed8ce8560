"""What the gateway keeps for clinicians to write about, and the signed answers that it sends along."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from actions.answering.approved import ApprovedAnswer, ApprovedStore, Signature
from actions.answering.gaps import Gap, GapKind, GapStore
from actions.vault import Vault
from tests.unit.gateway.conftest import Gateway, start_gateway

NOW = datetime.now(UTC)
QUESTION = "Can I swim with a cast on my arm?"
SIGNED = ApprovedAnswer(
    id="a1",
    language="en",
    question=QUESTION,
    text="A cast should stay dry, so swimming has to wait.",
    review_due=NOW.date() + timedelta(days=90),
    history=(Signature("approved", "ana01", "Ana Ruiz", NOW.timestamp()),),
    revision=1,
)


async def gaps_of(gateway: Gateway, number: int) -> list[Gap]:
    """The gaps, once there are so many: they are noted after the reply."""
    store = GapStore(gateway.redis, Vault(gateway.settings.data_key.get_secret_value()))
    async with asyncio.timeout(5):
        while len(found := await store.list()) != number:
            await asyncio.sleep(0.02)
    return found


def decide(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """Every text is a question; the buttons rate and erase."""
    match (turn["intent"] or {}).get("name"):
        case "feedback_negative":
            return [{"effect": {"name": "feedback", "helpful": False}}, {"reply": "feedback_sorry"}]
        case "feedback_positive":
            return [{"effect": {"name": "feedback", "helpful": True}}, {"reply": "feedback_thanks"}]
        case "confirm_erase":
            return [{"effect": {"name": "erase"}}]
        case "no_answer_found":
            return [{"reply": "clarify"}]
    if_no_answer = "out_of_scope" if "poem" in turn["text"] else "clarify"
    return [{"order": {"question": turn["text"], "topic": None, "style": "normal", "if_no_answer": if_no_answer}}]


async def test_what_found_no_answer_or_did_not_help_is_noted_masked_and_goes_with_the_conversation(
    store_url: str,
) -> None:
    """A helpful answer is no gap, nor is what is not about health; an erased patient leaves none."""
    async with AsyncExitStack() as stack:
        gateway = await start_gateway(stack, store_url)
        gateway.dialogue.decide = decide
        chat = await gateway.chat()
        await chat.patient("Is high blood pressure bad? My mail is canary@example.org")
        await chat.expect_answer_to_last(kind="answer")
        await chat.patient("feedback:yes")
        await chat.expect_answer_to_last(kind="notice")
        await chat.patient("feedback:no")
        await chat.expect_answer_to_last(kind="notice")
        (rated,) = await gaps_of(gateway, 1)
        assert (rated.kind, rated.topic, rated.language) == (GapKind.BADLY_RATED, "high_blood_pressure", "en")
        assert rated.question.startswith("Is high blood pressure bad?") and "canary" not in rated.question
        gateway.answering.failure = "abstain"
        for text in ("Please write me a poem about kale", "Is kale tea good for my hair?"):
            await chat.patient(text)
            await chat.expect_answer_to_last(kind="clarify")
        newest, _ = await gaps_of(gateway, 2)
        assert (newest.kind, newest.question, newest.topic) == (
            GapKind.UNANSWERED,
            "Is kale tea good for my hair?",
            None,
        )
        await chat.patient("erase:yes")
        await chat.expect_answer_to_last(kind="notice")
        await gaps_of(gateway, 0)


async def test_a_signed_answer_goes_along_with_the_order_at_once_and_with_no_other(store_url: str) -> None:
    async with AsyncExitStack() as stack:
        gateway = await start_gateway(stack, store_url)
        redis = await stack.enter_async_context(Redis.from_url(store_url, decode_responses=True))
        chat = await gateway.chat()
        await chat.patient(QUESTION)
        await chat.expect_answer_to_last(kind="answer")
        await ApprovedStore(redis).save(SIGNED)
        for text in ("is it ok to go swimming with a cast on my arm", "Can I swim with a cast on my leg?"):
            await chat.patient(text)
            await chat.expect_answer_to_last(kind="answer")
        sent = [ApprovedAnswer.from_order(order.get("approved")) for order in gateway.answering.orders]
        assert sent == [None, SIGNED, None]
