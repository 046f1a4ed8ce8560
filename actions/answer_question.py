"""A question about health, or what may be one: an order for answering, or kept until the patient has agreed."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import (
    NOT_UNDERSTOOD,
    began_with_this_message,
    has_consent,
    intent,
    message_id,
    open_choice,
    order,
    reply,
    was_asked_back,
)

IF_NO_ANSWER = {"nlu_fallback": NOT_UNDERSTOOD, "choose_option": NOT_UNDERSTOOD, "out_of_scope": "out_of_scope"}
"""What to say when nothing reviewed is found: it depends on how sure we were that this is a health question."""


class ActionAnswerQuestion(Action):  # type: ignore[misc]  # rasa_sdk has no types
    """Orders the answer in milliseconds; answering itself streams outside the conversation's lock."""

    def name(self) -> str:
        """Return Rasa's name for it."""
        return "action_answer_question"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Order the answer, or keep the question and ask for consent."""
        question = str(tracker.latest_message.get("text") or "")
        if_no_answer = IF_NO_ANSWER.get(intent(tracker), "no_reviewed_answer")
        if has_consent(tracker):
            # Whether the words choose among the topics that were named, answering finds out: it knows their names.
            dispatcher.utter_message(
                json_message=order(
                    question,
                    tracker.get_slot("topic"),
                    if_no_answer,
                    choice=open_choice(tracker),
                    may_ask=not was_asked_back(tracker),
                )
            )
            return [SlotSet("last_question", question), SlotSet("about", None)]
        if tracker.get_slot("consent") == "unknown" and not began_with_this_message(tracker):
            dispatcher.utter_message(json_message=reply("welcome"))
        dispatcher.utter_message(json_message=reply("question_kept"))
        kept = {"text": question, "message_id": message_id(tracker), "if_no_answer": if_no_answer}
        return [SlotSet("pending_question", kept), SlotSet("consent", "asked"), SlotSet("awaiting", "consent")]
