"""The patient chooses a language."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import effect, entity, has_consent, reply


class ActionSetLanguage(Action):  # type: ignore[misc]  # rasa_sdk has no types
    """Sets the language that was named; shows the languages when none of ours was."""

    def name(self) -> str:
        """Return Rasa's name for it."""
        return "action_set_language"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Set it and say so in the new language; who has not been asked for consent yet is welcomed in it."""
        language = entity(tracker, "language")
        if language is None:
            dispatcher.utter_message(json_message=reply("language_not_available"))
            return []
        dispatcher.utter_message(json_message=effect("set_language", language=language))
        dispatcher.utter_message(json_message=reply("language_set"))
        if has_consent(tracker) or tracker.get_slot("consent") == "refused":
            return []
        kept = tracker.get_slot("pending_question")
        dispatcher.utter_message(json_message=reply("question_kept" if kept else "welcome"))
        return [SlotSet("consent", "asked"), SlotSet("awaiting", "consent")]
