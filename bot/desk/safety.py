"""For clinical safety: a box in which a sentence is screened as the bot would, overdue reviews, and the hazard log.

The sentence is screened and shown back, and then it is gone: it is kept nowhere, and the log says only that the box was
used.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from starlette.responses import Response

from actions.answering.topic import Topic, load_topics
from bot.desk.access import Visit
from bot.desk.render import Renderer
from bot.desk.services import DeskServices
from careguard.errors import CareguardError
from careguard.rails import screen_message
from careguard.rulebook import Rule, overdue_reviews
from careguard.strict_yaml import read_yaml
from careguard.verdict import Level, Verdict

_log = logging.getLogger(__name__)

LONGEST_SENTENCE = 2000


@dataclass(frozen=True, slots=True)
class FiredWhy:
    """One rule that fired, with the words and what it stands for."""

    id: str
    matched: str
    meaning: str
    level: str
    source: str
    url: str


@dataclass(frozen=True, slots=True)
class Reviews:
    """What was due to be looked at again before today."""

    rules: tuple[Rule, ...]
    topics: tuple[Topic, ...]
    unreviewed: int
    """Topics that nobody has reviewed yet."""
    hazards: tuple[dict[str, Any], ...]
    problem: str = ""


class SafetyPages:
    """The test box and the reviews."""

    def __init__(self, services: DeskServices, renderer: Renderer) -> None:
        self._services = services
        self._renderer = renderer

    async def show(self, visit: Visit) -> Response:
        """The empty box, and what is overdue."""
        return await self._page(visit)

    async def test(self, visit: Visit) -> Response:
        """The verdict on the sentence: what the bot's own screening says of it."""
        text = visit.form.get("text", "")
        if not text.strip() or len(text) > LONGEST_SENTENCE:
            return await self._page(visit, problem="A sentence has 1 to 2000 characters.", text=text)
        if self._services.rulebook is None:
            return await self._page(visit, problem="This desk has no rulebook to screen with.", text=text)
        verdict = await asyncio.to_thread(screen_message, text, self._services.rulebook)
        return await self._page(visit, text=text, verdict=verdict)

    async def _page(
        self, visit: Visit, *, problem: str = "", text: str = "", verdict: Verdict | None = None
    ) -> Response:
        return self._renderer.page(
            "safety.html",
            409 if problem else 200,
            **visit.for_every_page,
            idle_s=self._services.settings.session_idle_s,
            problem=problem,
            text=text,
            verdict=verdict,
            fired=self._why(verdict, text),
            if_yes=self._why(verdict.if_yes, text) if verdict is not None and verdict.if_yes is not None else (),
            longest=LONGEST_SENTENCE,
            levels={level.value: level for level in Level},
            reviews=await asyncio.to_thread(self._reviews, datetime.now(UTC).date()),
        )

    def _why(self, verdict: Verdict | None, text: str) -> tuple[FiredWhy, ...]:
        rules = self._services.rulebook.rules if self._services.rulebook is not None else {}
        found = []
        for fired in verdict.rules if verdict is not None else ():
            rule = rules.get(fired.id)
            found.append(
                FiredWhy(
                    id=fired.id,
                    matched=text[fired.start : fired.end],
                    meaning=rule.meaning if rule else "",
                    level=rule.level.value if rule else "",
                    source=f"{rule.source.publisher}: {rule.source.document}" if rule else "",
                    url=rule.source.url if rule else "",
                )
            )
        return tuple(found)

    def _reviews(self, today: date) -> Reviews:
        rules = overdue_reviews(self._services.rulebook, today) if self._services.rulebook is not None else []
        try:
            topics = self._topics()
            hazards, problem = self._hazards(), ""
        except CareguardError as error:
            _log.error("the safety page cannot read all files: %s", error)
            topics, hazards, problem = (), (), str(error)
        due = sorted((topic for topic in topics if topic.review_due < today), key=lambda topic: topic.review_due)
        return Reviews(
            rules=tuple(rules),
            topics=tuple(due),
            unreviewed=sum(topic.reviewed_by is None for topic in topics),
            hazards=hazards,
            problem=problem,
        )

    def _topics(self) -> tuple[Topic, ...]:
        return load_topics(self._services.locales, self._services.languages) if self._services.locales else ()

    def _hazards(self) -> tuple[dict[str, Any], ...]:
        """Return the entries of the hazard log, whatever fields they have; none where there is no such file."""
        path = self._services.guardrails / "hazards.yaml" if self._services.guardrails else None
        if path is None or not path.is_file():
            return ()
        data = read_yaml(path)
        entries = data.get("hazards", []) if isinstance(data, dict) else data
        return tuple(entry for entry in entries if isinstance(entry, dict)) if isinstance(entries, list) else ()
