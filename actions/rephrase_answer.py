"""The last answer once more, in simpler words or in more detail."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import has_consent, intent, order, reply

STYLES = {"simpler": "simpler", "more_detail": "detail"}


class ActionRephraseAnswer(Action):  # type: ignore[misc]  # rasa_sdk has no types
    """Orders the answer to the last question in another style."""

    def name(self) -> str:
        """Return Rasa's name for it."""
        return "action_rephrase_answer"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Order it, or say that there is no answer yet."""
        question = tracker.get_slot("last_question")
        if question and has_consent(tracker):
            style = STYLES.get(intent(tracker), "normal")
            dispatcher.utter_message(
                json_message=order(
                    question,
                    tracker.get_slot("topic"),
                    "no_reviewed_answer",
                    style=style,
                    about=tracker.get_slot("about"),
                    may_ask=False,
                )
            )
        else:
            dispatcher.utter_message(json_message=reply("nothing_to_rephrase"))
        return []
