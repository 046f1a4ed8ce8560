"""What the actions read from a conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from actions.conversation import (
    began_with_this_message,
    entity,
    has_consent,
    intent,
    message_id,
    misunderstood_just_before,
    order,
)


@dataclass
class FakeConversation:
    """A conversation as Rasa tells it."""

    events: list[dict[str, Any]] = field(default_factory=list)
    latest_message: dict[str, Any] = field(default_factory=dict)
    slots: dict[str, Any] = field(default_factory=dict)

    def get_slot(self, key: str) -> Any:
        return self.slots.get(key)


def said(name: str, message_id: str | None = None, **entities: str) -> dict[str, Any]:
    """A message of the patient, or something that the gateway told."""
    found = [{"entity": key, "value": value} for key, value in entities.items()]
    return {"event": "user", "message_id": message_id, "parse_data": {"intent": {"name": name}, "entities": found}}


def nothing_found(if_no_answer: str) -> dict[str, Any]:
    return said("no_answer_found", if_no_answer=if_no_answer)


def replied(reply_id: str) -> dict[str, Any]:
    return {"event": "bot", "data": {"custom": {"reply": reply_id}}}


ANSWER = {"event": "bot", "text": "An answer.", "metadata": {"kind": "answer"}}
SLOT = {"event": "slot", "name": "awaiting", "value": "nothing"}
QUESTION = said("nlu_fallback")
CLARIFIED = [QUESTION, nothing_found("clarify"), replied("clarify")]


class TestMisunderstoodJustBefore:
    """The second misunderstanding in a row is the one that brings a person."""

    @pytest.mark.parametrize(
        ("before", "why"),
        [
            (CLARIFIED, "a question that was not understood"),
            ([said("unclear"), replied("clarify")], "a message without meaning"),
            ([*CLARIFIED, SLOT, {"event": "action", "name": "action_listen"}], "other events do not count"),
        ],
    )
    def test_in_a_row(self, before: list[dict[str, Any]], why: str) -> None:
        assert misunderstood_just_before([*before, QUESTION, nothing_found("clarify"), SLOT]), why
        assert misunderstood_just_before([*before, said("unclear"), SLOT]), why

    @pytest.mark.parametrize(
        ("before", "why"),
        [
            ([], "nothing came before"),
            ([replied("welcome")], "only a welcome came before"),
            ([*CLARIFIED, QUESTION, ANSWER], "the next question was answered"),
            ([*CLARIFIED, said("thank"), replied("thanks")], "the patient said thanks in between"),
            ([QUESTION, nothing_found("no_reviewed_answer")], "it was understood, there was just no answer"),
            ([QUESTION, nothing_found("out_of_scope")], "it was understood, it was about something else"),
        ],
    )
    def test_not_in_a_row(self, before: list[dict[str, Any]], why: str) -> None:
        assert not misunderstood_just_before([*before, QUESTION, nothing_found("clarify")]), why
        assert not misunderstood_just_before([*before, said("unclear")]), why

    def test_no_events_at_all(self) -> None:
        assert not misunderstood_just_before([])


def test_the_welcome_of_this_turn_is_seen_and_that_of_an_earlier_turn_is_not() -> None:
    assert began_with_this_message(FakeConversation([replied("welcome"), said("greet"), SLOT]))
    assert began_with_this_message(FakeConversation([replied("welcome_back"), said("greet")]))
    assert not began_with_this_message(FakeConversation([replied("welcome"), said("greet"), said("greet"), SLOT]))
    assert not began_with_this_message(FakeConversation([replied("thanks"), said("greet")]))
    assert not began_with_this_message(FakeConversation([]))


def test_the_id_of_the_present_message_is_the_one_that_the_gateway_gave_it() -> None:
    assert message_id(FakeConversation([said("greet", "first"), said("greet", "second"), SLOT])) == "second"
    assert message_id(FakeConversation([said("greet")])) is None
    assert message_id(FakeConversation([])) is None


def test_intent_and_entities_come_from_the_present_message() -> None:
    conversation = FakeConversation(latest_message=said("change_language", language="es")["parse_data"])
    assert intent(conversation) == "change_language"
    assert entity(conversation, "language") == "es"
    assert entity(conversation, "category") is None
    assert intent(FakeConversation()) == ""
    assert entity(FakeConversation(), "language") is None


@pytest.mark.parametrize(("consent", "given"), [("given", True), ("asked", False), ("refused", False), (None, False)])
def test_only_given_consent_is_consent(consent: str | None, given: bool) -> None:
    assert has_consent(FakeConversation(slots={"consent": consent})) is given


def test_an_order_names_a_message_only_when_it_is_for_an_earlier_one() -> None:
    assert "message_id" not in order("q", None, "clarify")["order"]
    assert order("q", "asthma", "clarify", message_id="m")["order"] == {
        "question": "q",
        "topic": "asthma",
        "style": "normal",
        "if_no_answer": "clarify",
        "message_id": "m",
    }
