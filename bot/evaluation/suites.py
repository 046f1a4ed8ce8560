"""The suites by name, each with the parts of Bedside that it measures. Start reading here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from actions.answering.topic import load_topics
from actions.app import build_parts
from actions.settings import ActionsSettings
from actions.settings import load_settings as load_actions_settings
from bot.data_folder import DataFolder
from bot.evaluation.answers import Answerer, evaluate_answers
from bot.evaluation.attacks import evaluate_attacks
from bot.evaluation.conversations import evaluate_conversations, load_scripts, talk_with
from bot.evaluation.hazards import hazard_sections, load_hazards
from bot.evaluation.language import evaluate_language
from bot.evaluation.measure import Section, SuiteReport
from bot.evaluation.own_sentences import evaluate_own_sentences
from bot.evaluation.own_stack import own_stack
from bot.evaluation.progress import Watch
from bot.evaluation.redaction import evaluate_redaction
from bot.evaluation.rows import EvaluationRows
from bot.evaluation.screening import Screener, evaluate_screening
from bot.gateway.language import LanguageDetector
from bot.settings import REPOSITORY, StackSettings, load_settings
from bot.stack import stack_secrets
from careguard.embedder import PackagedEmbedder
from careguard.meanings import load_meanings
from careguard.rails import prepare_rails
from careguard.rulebook import load_rulebook

ALL = "all"
CARD = "safety"
ALIASES = {"screening": CARD}


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite: its title, and the function that measures it."""

    title: str
    measure: Callable[[EvaluationRows, Watch], Sequence[Section]]
    reads_sets: bool = True
    """Whether it measures on the labelled sets; the others bring what they measure with."""


def _safety(rows: EvaluationRows, watch: Watch) -> Sequence[Section]:
    settings = load_settings(StackSettings)
    rulebook = load_rulebook(settings.guardrails, settings.locales, settings.languages)
    meanings = load_meanings(settings.guardrails, settings.locales, settings.languages)
    return [
        *evaluate_screening(rows, rulebook, settings.languages, watch, meanings),
        *evaluate_own_sentences(Screener(rulebook, watch), settings.guardrails, settings.languages),
        *hazard_sections(load_hazards(settings.guardrails), rulebook, REPOSITORY),
    ]


def _attacks(rows: EvaluationRows, watch: Watch) -> Sequence[Section]:
    given = _actions_settings()
    prepare_rails()
    with asyncio.Runner() as runner:
        answerer = _answerer(given, runner)
        return evaluate_attacks(rows, answerer.ask, Screener(answerer.rulebook, watch), given.languages)


def _answers(rows: EvaluationRows, watch: Watch) -> Sequence[Section]:
    given = _actions_settings()
    with asyncio.Runner() as runner:
        answerer = _answerer(given, runner)
        topics = {
            name.lower(): topic.id
            for topic in load_topics(given.locales, given.languages)
            for name in (topic.title, *topic.synonyms)
        }
        return evaluate_answers(rows, answerer.ask, answerer.ask_for, given.languages, topics, watch)


def _actions_settings() -> ActionsSettings:
    settings = load_settings(StackSettings)
    folder = DataFolder(settings.data_dir)
    folder.open()
    return load_actions_settings(internal_token=stack_secrets(settings, folder).internal_token)


def _answerer(given: ActionsSettings, runner: asyncio.Runner) -> Answerer:
    return Answerer(
        rulebook=load_rulebook(given.guardrails, given.locales, given.languages),
        parts=build_parts(given),
        country=given.default_country,
        runner=runner,
        embedder=PackagedEmbedder(),
    )


def _conversations(rows: EvaluationRows, watch: Watch) -> Sequence[Section]:
    scripts = load_scripts()
    with own_stack(load_settings(StackSettings)) as stack:
        return evaluate_conversations(scripts, talk_with(stack), watch)


def _language(rows: EvaluationRows, watch: Watch) -> Sequence[Section]:
    languages = load_settings(StackSettings).languages
    return evaluate_language(rows, LanguageDetector(languages), languages, watch)


SUITES: Mapping[str, Suite] = {
    CARD: Suite("Safety card", _safety),
    "redaction": Suite("Identifiers", evaluate_redaction),
    "language": Suite("Language", _language),
    "answers": Suite("Answers", _answers),
    "attacks": Suite("Attacks", _attacks),
    "conversations": Suite("Conversations", _conversations, reads_sets=False),
}
"""In the order of `all`."""


def suite_names(asked: str) -> tuple[str, ...]:
    """Return the suites that a word on the command line stands for; none when it stands for nothing."""
    name = ALIASES.get(asked, asked)
    if name == ALL:
        return tuple(SUITES)
    return (name,) if name in SUITES else ()


def run_suite(name: str, rows: EvaluationRows, watch: Watch) -> SuiteReport:
    """Return what one suite measured on the rows.

    Raises:
        BedsideError: A setting or a file of the data is wrong.
        ActionsError: The set-up has not run.
        CareguardError: A rule or content file is wrong.
    """
    suite = SUITES[name]
    started = time.perf_counter()
    sections = tuple(suite.measure(rows, watch))
    return SuiteReport(name, suite.title, sections, time.perf_counter() - started, rows.take_absent())
