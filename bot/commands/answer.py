"""`bedside answer`: what the bot says to each question, without a conversation around it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actions.answering.pipeline import Order, Parts, answer_question
from actions.app import build_parts
from actions.settings import ActionsSettings
from actions.settings import load_settings as load_actions_settings
from bot.commands.jsonl import STANDARD, BadLineError, InputFile, OutputFile, TextLine, read_text_line, work_on_lines
from bot.data_folder import DataFolder
from bot.gateway.language import LanguageDetector
from bot.gateway.wording import Wording, load_wording
from bot.settings import StackSettings, load_settings
from bot.stack import stack_secrets
from careguard.privacy import redact
from careguard.rails import prepare_rails, screen_message
from careguard.reading import school_grade
from careguard.review import Mode
from careguard.rulebook import Rulebook, load_rulebook
from careguard.verdict import Decision, Level, Verdict

NO_ANSWER = "no_reviewed_answer"
REFUSED = "refuse_other"
GENERAL = {Level.EMERGENCY: "emergency_general", Level.URGENT: "urgent_general"}


def answer(source: InputFile = STANDARD, target: OutputFile = STANDARD) -> None:
    """Write the answer to each question.

    As in a conversation, screening comes first: what it stops gets the approved words. A line may name `language` and
    `country`; without a language the question's own is taken.
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
            wording=load_wording(given.locales, given.languages),
            detector=LanguageDetector(given.languages),
            run=lambda order, parts: runner.run(answer_question(order, parts)).as_json(),
        )
        work_on_lines(source, target, answers.answer)


@dataclass(frozen=True, slots=True)
class _Answers:
    """What one question needs on its way."""

    settings: ActionsSettings
    parts: Parts
    rulebook: Rulebook
    wording: Wording
    detector: LanguageDetector
    run: Callable[[Order, Parts], dict[str, Any]]

    def answer(self, line: dict[str, Any]) -> dict[str, Any]:
        asked = read_text_line(line)
        country = line.get("country") or self.settings.default_country
        if not isinstance(country, str):
            raise BadLineError('"country" is not a text')
        language = self._language(asked)
        verdict = screen_message(asked.text, self.rulebook)
        if verdict.decision is not Decision.ALLOW:
            return self._approved(self._reply_id(verdict), language, country)
        order = Order(question=redact(asked.text).text, language=language, country=country, message_id=str(asked.id))
        made = self.run(order, self.parts)
        return self._approved(NO_ANSWER, language, country) | {"ms": made["ms"]} if made["abstained"] else made

    def _language(self, asked: TextLine) -> str:
        """Return the language to answer in: the line's, else the question's own, else the first that we speak."""
        detected = None if asked.language else self.detector.detect(asked.text).language
        named = (asked.language or detected or "").partition("-")[0].lower()
        return named if named in self.settings.languages else self.settings.languages[0]

    def _reply_id(self, verdict: Verdict) -> str:
        known = self.wording.entries
        if verdict.decision is Decision.ESCALATE:
            return verdict.say if verdict.say is not None and verdict.say in known else GENERAL[verdict.level]
        own = f"refuse_{verdict.category}"
        return own if own in known else REFUSED

    def _approved(self, reply_id: str, language: str, country: str) -> dict[str, Any]:
        """Return approved words in the shape of an answer; they stand for themselves, so nothing is cited."""
        rendered = self.wording.render(reply_id, language, country)
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
