"""A topic was tapped: an answer to a clarifying question, or one of those that stand below an answer."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import entity, has_consent, order, reply


class ActionChooseTopic(Action):  # type: ignore[misc]  # rasa_sdk has no types
    """Orders the answer about that topic: to the question that was too general, else to what was tapped."""

    def name(self) -> str:
        """Return Rasa's name for it."""
        return "action_choose_topic"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Order it; without consent ask for that first."""
        if not has_consent(tracker):
            dispatcher.utter_message(json_message=reply("consent_question"))
            return [SlotSet("consent", "asked"), SlotSet("awaiting", "consent")]
        topic, facet = entity(tracker, "topic"), entity(tracker, "facet")
        choice = tracker.get_slot("choice") or {}
        # A late tap, or one below an answer, has no question of its own; answering makes one of the topic's words.
        question = str(choice["question"]) if facet is None and topic in choice.get("topics", ()) else ""
        dispatcher.utter_message(
            json_message=order(
                question,
                tracker.get_slot("topic"),
                "no_reviewed_answer",
                about=topic,
                facet=facet,
                may_ask=False,
            )
        )
        return [SlotSet("last_question", question or None), SlotSet("about", topic)]
