"""The patient agrees; a question asked before is answered now."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import effect, order, reply


class ActionRecordConsent(Action):  # type: ignore[misc]  # rasa_sdk has no types
    """Records consent, and orders the answer to the question that was kept."""

    def name(self) -> str:
        """Return Rasa's name for it."""
        return "action_record_consent"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Record, thank, and answer what waited or ask what the question is."""
        dispatcher.utter_message(json_message=effect("record_consent", granted=True))
        dispatcher.utter_message(json_message=reply("consent_thanks"))
        events = [SlotSet("consent", "given"), SlotSet("awaiting", "nothing"), SlotSet("pending_question", None)]
        kept = tracker.get_slot("pending_question")
        if not kept:
            dispatcher.utter_message(json_message=reply("what_next"))
            return events
        dispatcher.utter_message(
            json_message=order(
                kept["text"], tracker.get_slot("topic"), kept["if_no_answer"], message_id=kept["message_id"]
            )
        )
        return [*events, SlotSet("last_question", kept["text"]), SlotSet("about", None)]
