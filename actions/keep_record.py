"""The patient does not want to be forgotten after all."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import reply


class ActionKeepRecord(Action):  # type: ignore[misc]  # rasa_sdk has no types
    """Keeps everything, and makes sure that a later "yes" does not erase."""

    def name(self) -> str:
        """Return Rasa's name for it."""
        return "action_keep_record"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Say that nothing was deleted."""
        dispatcher.utter_message(json_message=reply("erase_cancelled"))
        return [SlotSet("awaiting", "nothing")]
