"""The patient does not agree, or takes consent back."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import effect, reply


class ActionRecordRefusal(Action):  # type: ignore[misc]  # rasa_sdk has no types
    """Records the refusal, forgets what waited for consent, and says what still works."""

    def name(self) -> str:
        """Return Rasa's name for it."""
        return "action_record_refusal"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Record and say so."""
        dispatcher.utter_message(json_message=effect("record_consent", granted=False))
        dispatcher.utter_message(json_message=reply("consent_refused"))
        return [
            SlotSet("consent", "refused"),
            SlotSet("awaiting", "nothing"),
            SlotSet("pending_question", None),
            SlotSet("last_question", None),
        ]
