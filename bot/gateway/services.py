"""Everything a turn works with, built once at start and passed down."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actions.answering.gaps import GapStore
from actions.handoff.queue import CaseQueue
from actions.transcript import Transcript
from bot.gateway.answer_client import AnswerClient
from bot.gateway.background import Background
from bot.gateway.conversation import ConversationStore
from bot.gateway.inbox import Inbox
from bot.gateway.language import LanguageDetector
from bot.gateway.meaning import MeaningLayer
from bot.gateway.metrics import Metrics
from bot.gateway.outbox import Outbox
from bot.gateway.rasa_client import DialogueClient
from bot.gateway.ratings import Ratings
from bot.gateway.right_of_way import RightOfWay
from bot.gateway.waiting_words import WaitingRoom
from bot.gateway.wording import Wording
from bot.settings import GatewaySettings
from careguard.rulebook import Rulebook

if TYPE_CHECKING:
    from bot.gateway.answers import AnswerRunner
    from bot.gateway.deciding import DecidingQuestions


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the gateway."""

    settings: GatewaySettings
    wording: Wording
    rulebook: Rulebook
    meanings: MeaningLayer
    detector: LanguageDetector
    conversations: ConversationStore
    inbox: Inbox
    outbox: Outbox
    transcript: Transcript
    cases: CaseQueue
    dialogue: DialogueClient
    answering: AnswerClient
    answers: AnswerRunner
    background: Background
    metrics: Metrics
    right_of_way: RightOfWay
    waiting: WaitingRoom
    deciding: DecidingQuestions
    gaps: GapStore
    ratings: Ratings
    clock: Callable[[], float] = time.time
    """Unix seconds; a test may give its own."""
