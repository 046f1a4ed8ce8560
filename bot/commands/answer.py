"""`bedside answer`: what the bot says to each question, without a conversation around it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actions.answering.pipeline import Order, Parts, answer_or_ask
from actions.app import build_parts
from actions.settings import ActionsSettings
from actions.settings import load_settings as load_actions_settings
from bot.commands.jsonl import STANDARD, BadLineError, InputFile, OutputFile, TextLine, read_text_line, work_on_lines
from bot.data_folder import DataFolder
from bot.gateway.language import LanguageDetector
from bot.gateway.wording import Wording, listed, load_wording
from bot.settings import StackSettings, load_settings
from bot.stack import stack_secrets
from careguard.meanings import MeaningReader, load_meanings
from careguard.privacy import redact
from careguard.rails import prepare_rails, screen_message
from careguard.reading import school_grade
from careguard.review import Mode
from careguard.rulebook import Rulebook, load_rulebook
from careguard.verdict import Decision, Level, Verdict

NO_ANSWER = "no_reviewed_answer"
WHICH_TOPIC = "which_topic"
REFUSED = "refuse_other"
REFUSED_AS = {
    "dosing": "refuse_dosing",
    "stop_medicine": "refuse_stop_medicine",
    "own_result": "refuse_own_result",
    "diagnosis": "refuse_diagnosis",
    "prompt_injection": "refuse_instructions",
    "harm_method": "refuse_harm",
    "other_patient_data": "refuse_other_patient",
    "forged_prescription": "refuse_prescription",
}
"""The words of each category of refusal; in a conversation dialogue chooses the same."""
GENERAL = {Level.EMERGENCY: "emergency_general", Level.URGENT: "urgent_general"}


def answer(source: InputFile = STANDARD, target: OutputFile = STANDARD) -> None:
    """Write the answer to each question.

    As in a conversation, screening comes first: what it stops gets the approved words, and where one fact decides
    the question about it. A question that is too general is asked back, with the topics that it may mean. A line may
    name `language` and `country`; without a language the question's own is taken.
    """
    settings = load_settings(StackSettings)
    folder = DataFolder(settings.data_dir)
    folder.open()
    given = load_actions_settings(internal_token=stack_secrets(settings, folder).internal_token)
    prepare_rails()
    with asyncio.Runner() as runner:
        answers = _Answers(
            settings=given,
            parts=build_parts(given),
            rulebook=load_rulebook(given.guardrails, given.locales, given.languages),
            meanings=load_meanings(given.guardrails, given.locales, given.languages),
            wording=load_wording(given.locales, given.languages),
            detector=LanguageDetector(given.languages),
            run=lambda order, parts: runner.run(answer_or_ask(order, parts)).as_json(),
        )
        work_on_lines(source, target, answers.answer)


def reply_to(verdict: Verdict, wording: Wording) -> str | None:
    """Return the approved reply that the verdict calls for, or None when the question may be answered."""
    if verdict.decision is Decision.ESCALATE:
        return verdict.say if verdict.say is not None and verdict.say in wording.entries else GENERAL[verdict.level]
    if verdict.ask is not None:
        return verdict.ask
    return REFUSED_AS.get(verdict.category or "", REFUSED) if verdict.decision is Decision.REFUSE else None


@dataclass(frozen=True, slots=True)
class _Answers:
    """What one question needs on its way."""

    settings: ActionsSettings
    parts: Parts
    rulebook: Rulebook
    meanings: MeaningReader | None
    wording: Wording
    detector: LanguageDetector
    run: Callable[[Order, Parts], dict[str, Any]]

    def answer(self, line: dict[str, Any]) -> dict[str, Any]:
        asked = read_text_line(line)
        country = line.get("country") or self.settings.default_country
        if not isinstance(country, str):
            raise BadLineError('"country" is not a text')
        language = self._language(asked)
        verdict = screen_message(asked.text, self.rulebook, meanings=self.meanings)
        if (reply_id := reply_to(verdict, self.wording)) is not None:
            return self._approved(reply_id, language, country)
        order = Order(question=redact(asked.text).text, language=language, country=country, message_id=str(asked.id))
        made = self.run(order, self.parts)
        if made["kind"] == "clarify":
            topics = listed([topic["title"] for topic in made["clarify"]["topics"]])
            asked_back = self._approved(WHICH_TOPIC, language, country, {"topics": topics})
            return asked_back | {"ms": made["ms"], "clarify": made["clarify"]}
        return self._approved(NO_ANSWER, language, country) | {"ms": made["ms"]} if made["abstained"] else made

    def _language(self, asked: TextLine) -> str:
        """Return the language to answer in: the line's, else the question's own, else the first that we speak."""
        detected = None if asked.language else self.detector.detect(asked.text).language
        named = (asked.language or detected or "").partition("-")[0].lower()
        return named if named in self.settings.languages else self.settings.languages[0]

    def _approved(
        self, reply_id: str, language: str, country: str, values: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Return approved words in the shape of an answer; they stand for themselves, so nothing is cited."""
        rendered = self.wording.render(reply_id, language, country, values)
        return {
            "kind": rendered.kind.value,
            "text": rendered.text,
            "sentences": [],
            "citations": [],
            "language": language,
            "mode": Mode.APPROVED.value,
            "grade": school_grade(rendered.text, language),
            "groundedness": 1.0,
            "ms": {"retrieve": 0.0, "generate": 0.0, "review": 0.0},
            "topic": None,
            "abstained": reply_id == NO_ANSWER,
        }
