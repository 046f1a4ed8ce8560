"""A "yes" or "no" that answers nothing."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import reply


class ActionAskWhatNext(Action):  # type: ignore[misc]  # rasa_sdk has no types
    """Asks what the patient would like to know; while consent is open, asks for that again instead of guessing."""

    def name(self) -> str:
        """Return Rasa's name for it."""
        return "action_ask_what_next"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Ask."""
        if tracker.get_slot("consent") in {"unknown", "asked"}:
            dispatcher.utter_message(json_message=reply("consent_question"))
            return [SlotSet("consent", "asked"), SlotSet("awaiting", "consent")]
        dispatcher.utter_message(json_message=reply("what_next"))
        return []
