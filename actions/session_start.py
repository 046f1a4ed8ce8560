"""First contact, and coming back: before the first message of a session is handled."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionExecuted, SessionStarted, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import reply

ANSWERED_BEFORE_DIALOGUE = frozenset(
    {
        "emergency",
        "crisis",
        "urgent",
        "emergency_acknowledged",
        "emergency_declined",
        "case_resolved",
        "no_answer_found",
        "give_consent",
        "refuse_consent",
        "confirm_erase",
        "cancel_erase",
        "cancel_handoff",
        "change_language",
        "choose_topic",
        "feedback_reason",
    }
)
"""Nobody is welcomed in the middle of an emergency, nor by a tap on a button that an earlier session showed."""


class ActionSessionStart(Action):  # type: ignore[misc]  # rasa_sdk has no types
    """Welcomes: who is speaking, what it can and cannot do, the emergency number, and the question for consent."""

    def name(self) -> str:
        """Return Rasa's name for it."""
        return "action_session_start"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Start the session with what must stay of the last one: consent, and the question that waits for it."""
        consent = tracker.get_slot("consent") or "unknown"
        awaiting = "nothing"
        first_intent = (tracker.get_slot("session_started_metadata") or {}).get("intent")
        if first_intent not in ANSWERED_BEFORE_DIALOGUE:
            if consent == "given":
                dispatcher.utter_message(json_message=reply("welcome_back"))
            else:
                dispatcher.utter_message(json_message=reply("welcome"))
                consent, awaiting = "asked", "consent"
        return [
            SessionStarted(),
            SlotSet("consent", consent),
            SlotSet("awaiting", awaiting),
            SlotSet("pending_question", tracker.get_slot("pending_question")),
            SlotSet("red_flag", tracker.get_slot("red_flag")),
            ActionExecuted("action_listen"),
        ]
