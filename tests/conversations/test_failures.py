"""What breaks around Rasa is an error of the turn, never silence; the next turn goes on from the last good one."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.conversations.dialogue import Chat, RunningDialogue, running_dialogue
from tests.store import running_store

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET = "zebrafever"
"""A word of a patient that must not be found in a log."""


@pytest.mark.parametrize("failure", ["breaks", "declines", "nonsense"])
async def test_an_action_that_fails_fails_the_turn_and_leaves_no_trace_of_it(chat: Chat, failure: str) -> None:
    await chat.agree()
    await chat.patient("What is asthma?")
    chat.dialogue.actions_failure = failure
    try:
        response = await chat.post(text=f"What is {SECRET}?", intent=None)
    finally:
        chat.dialogue.actions_failure = None
    assert response.status_code == 502
    assert response.json().keys() == {"error"}
    assert SECRET not in response.text
    assert SECRET not in chat.dialogue.log.read_text(errors="replace")
    await chat.tap("simpler")
    chat.expect_order(question="What is asthma?")


async def test_a_restarted_dialogue_goes_on_where_it_was(dialogue: RunningDialogue, tmp_path: Path) -> None:
    """The conversation is in the store; a process that comes up anew reads it from there."""
    before = Chat(dialogue)
    await before.patient("What is asthma?")
    async with running_dialogue(tmp_path, dialogue.redis_url) as restarted:
        after = Chat(restarted, sender=before.sender)
        await after.patient("yes")
        after.expect_order(question="What is asthma?", message_id=before.last_message_id)


async def test_a_slow_action_and_a_dead_store_are_errors_in_time(dialogue: RunningDialogue, tmp_path: Path) -> None:
    async with AsyncExitStack() as store:
        redis_url = await store.enter_async_context(running_store())
        async with running_dialogue(tmp_path, redis_url, turn_timeout_s=1.0) as impatient:
            chat = Chat(impatient)
            await chat.agree()

            impatient.actions_failure = "slow"
            response = await chat.post(text="What is asthma?", intent=None)
            assert (response.status_code, response.json()) == (504, {"error": "TimeoutError"})
            impatient.actions_failure = None
            await chat.patient("What is asthma?")
            chat.expect_order(question="What is asthma?")

            await store.aclose()
            response = await chat.post(text="thank you", intent=None)
            assert response.status_code in {502, 504}
            assert response.json().keys() == {"error"}
