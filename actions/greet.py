"""A greeting, which is often the first message."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import began_with_this_message, has_consent, reply


class ActionGreet(Action):  # type: ignore[misc]  # rasa_sdk has no types
    """Greets back, unless the session's start has just done so; asks for consent while it is open."""

    def name(self) -> str:
        """Return Rasa's name for it."""
        return "action_greet"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Say one greeting."""
        if has_consent(tracker):
            if not began_with_this_message(tracker):
                dispatcher.utter_message(json_message=reply("greet"))
            return []
        if not began_with_this_message(tracker):
            dispatcher.utter_message(json_message=reply("welcome"))
        return [SlotSet("consent", "asked"), SlotSet("awaiting", "consent")]
