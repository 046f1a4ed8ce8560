"""There is no answer to give: nothing reviewed was found, or the message was not understood."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import NOT_UNDERSTOOD, entity, handoff, misunderstood_just_before, reply


class ActionAdmitNoAnswer(Action):  # type: ignore[misc]  # rasa_sdk has no types
    """Says which of the two it is; the second misunderstanding in a row calls a person instead of asking again."""

    def name(self) -> str:
        """Return Rasa's name for it."""
        return "action_admit_no_answer"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Admit it, or hand over."""
        reply_id = entity(tracker, "if_no_answer") or NOT_UNDERSTOOD
        if reply_id == NOT_UNDERSTOOD and misunderstood_just_before(tracker.events):
            dispatcher.utter_message(json_message=handoff("two_misunderstandings"))
            dispatcher.utter_message(json_message=reply("handoff_opened"))
        else:
            dispatcher.utter_message(json_message=reply(reply_id))
        return []
