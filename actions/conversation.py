"""Reads a conversation as Rasa tells it, and makes the messages that actions send.

Between Rasa and the actions. Each message is one dict with one key: `reply`, `order`, `handoff` or `effect`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Event = Mapping[str, Any]

NOT_UNDERSTOOD = "clarify"
"""Id of the reply to what was not understood; two in a row bring a person."""


class Conversation(Protocol):
    """The part of rasa_sdk's Tracker that the actions read."""

    events: list[dict[str, Any]]
    latest_message: dict[str, Any]

    def get_slot(self, key: str) -> Any:
        """Return the value of a slot."""


def reply(reply_id: str) -> dict[str, Any]:
    """Return the message that says the reply of this id."""
    return {"reply": reply_id}


def order(
    question: str,
    topic: str | None,
    if_no_answer: str,
    *,
    style: str = "normal",
    message_id: str | None = None,
    about: str | None = None,
    facet: str | None = None,
    choice: Mapping[str, Any] | None = None,
    may_ask: bool = True,
) -> dict[str, Any]:
    """Return the message that has a question answered.

    Args:
        topic: What was talked about before.
        message_id: Of the message that asked, when it is not the present one.
        about: The topic that the patient chose for this question.
        facet: What of it they tapped.
        choice: The clarifying question that these words may answer.
        may_ask: False when the patient was asked back just now.
    """
    content: dict[str, Any] = {"question": question, "topic": topic, "style": style, "if_no_answer": if_no_answer}
    beside: dict[str, Any] = {"message_id": message_id, "about": about, "facet": facet, "choice": choice}
    content |= {key: value for key, value in beside.items() if value}
    return {"order": content if may_ask else content | {"may_ask": False}}


def handoff(reason: str) -> dict[str, Any]:
    """Return the message that calls for a person, without urgency."""
    return {"handoff": {"reason": reason, "level": "none", "category": None}}


def effect(name: str, **values: Any) -> dict[str, Any]:
    """Return the message that lets the gateway do something."""
    return {"effect": {"name": name, **values}}


def intent(conversation: Conversation) -> str:
    """Return the intent of the present message."""
    return _intent_of(conversation.latest_message)


def entity(conversation: Conversation, name: str) -> str | None:
    """Return the last value of an entity in the present message."""
    return _entity_of(conversation.latest_message, name)


def has_consent(conversation: Conversation) -> bool:
    """Return whether the patient has agreed."""
    return bool(conversation.get_slot("consent") == "given")


def message_id(conversation: Conversation) -> str | None:
    """Return the id under which the gateway knows the present message."""
    for event in reversed(conversation.events):
        if event.get("event") == "user":
            return str(event["message_id"]) if event.get("message_id") else None
    return None


def began_with_this_message(conversation: Conversation) -> bool:
    """Return whether a welcome was said in this very turn."""
    seen_present_message = False
    for event in reversed(conversation.events):
        if event.get("event") == "user":
            if seen_present_message:
                return False
            seen_present_message = True
        elif event.get("event") == "bot" and _reply_of(event) in {"welcome", "welcome_back"}:
            return True
    return False


def open_choice(conversation: Conversation) -> Mapping[str, Any] | None:
    """Return the choice that was offered right before the present message, None when something came between."""
    return _offered_choice(conversation.events, passing=frozenset())


def was_asked_back(conversation: Conversation) -> bool:
    """Return whether the patient was asked just now what they mean, also when they said: something else."""
    return _offered_choice(conversation.events, passing=frozenset({"choose_other"})) is not None


def _offered_choice(events: Sequence[Event], *, passing: frozenset[str]) -> Mapping[str, Any] | None:
    seen_present_message = False
    for event in reversed(events):
        if event.get("event") == "user":
            if seen_present_message and _intent_of(event.get("parse_data", {})) not in passing:
                return None
            seen_present_message = True
        elif event.get("event") == "slot" and event.get("name") == "choice":
            return event.get("value") or None
    return None


def misunderstood_just_before(events: Sequence[Event]) -> bool:
    """Return whether the message before the present one was not understood either.

    The gateway tells dialogue afterwards that nothing was found, so a misunderstood question is two user events:
    the question, and `no_answer_found`.
    """
    before = [event for event in events if event.get("event") in {"user", "bot"}]
    while before and before[-1]["event"] != "user":
        before.pop()
    if not before:
        return False
    present = before.pop()
    if _intent_of(present.get("parse_data", {})) == "no_answer_found":
        _drop_question(before)
    for event in reversed(before):
        if event["event"] == "user":
            return _was_not_understood(event)
        if (event.get("metadata") or {}).get("kind") == "answer":
            return False
    return False


def _drop_question(before: list[Event]) -> None:
    while before:
        if before.pop()["event"] == "user":
            return


def _was_not_understood(event: Event) -> bool:
    parsed = event.get("parse_data", {})
    if _intent_of(parsed) == "no_answer_found":
        return _entity_of(parsed, "if_no_answer") == NOT_UNDERSTOOD
    return _intent_of(parsed) == "unclear"


def _intent_of(parsed: Mapping[str, Any]) -> str:
    return str((parsed.get("intent") or {}).get("name") or "")


def _entity_of(parsed: Mapping[str, Any], name: str) -> str | None:
    for found in reversed(parsed.get("entities") or []):
        if found.get("entity") == name and found.get("value"):
            return str(found["value"])
    return None


def _reply_of(event: Event) -> str | None:
    custom = (event.get("data") or {}).get("custom") or {}
    return str(custom["reply"]) if "reply" in custom else None
