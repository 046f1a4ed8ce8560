"""Approved answers at the desk: a clinician writes, signs, looks again at and retires the answer to a question.

What is signed here patients read word for word, so it passes the same review as everything that is sent, and the
question passes the screen that stands before it.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from starlette.responses import RedirectResponse, Response

from actions.answering.approved import (
    LONGEST_QUESTION,
    LONGEST_REVIEW_DAYS,
    LONGEST_TEXT,
    MOST_WORDS,
    ApprovedAnswer,
    ApprovedStore,
    Problem,
    Saved,
    Signature,
    conflicts_of,
    problems_of,
    reviewed,
)
from actions.answering.gaps import GapStore
from actions.answering.same_question import SameWords, load_same_words
from actions.answering.topic import Topic, load_topics
from bot.desk.access import Form, Visit
from bot.desk.render import Renderer
from bot.desk.roles import SIGNING
from bot.desk.services import DeskServices
from bot.desk.tongue import t
from careguard.rails import screen_message
from careguard.reading import school_grade
from careguard.review_words import ReviewPolicy, load_review_policy
from careguard.verdict import Decision

_USUAL_REVIEW_DAYS = 365
_FILLED = "911"
"""Stands for the emergency number while an answer is only looked at."""

PROBLEMS: Mapping[str, str] = {
    "question_length": "The question has 1 to 200 characters.",
    "question_too_short": "Say in the question what it is about: it must stand alone.",
    "question_leans_back": "The question has a word like “it” or “this” that needs what was said before.",
    "question_identifier": "The question holds a name, number or address of a person, or a mask of one. Write it anew.",
    "question_screened": "The screen answers or refuses this question first, so nobody would read your answer.",
    "text_length": "The answer has 1 to 120 words.",
    "placeholder": "The only thing in braces is {emergency_number}.",
    "source_url": "The address of the source begins with https://.",
    "foreign_link": "The answer names an address that is not its source.",
    "identifier": "The answer holds a name, number or address of a person.",
    "dose": "The answer names a dose.",
    "medicine_change": "The answer tells to start, stop or change a medicine.",
    "diagnosis": "The answer tells what the patient has or has not.",
    "false_reassurance": "The answer reassures without knowing the patient.",
    "wrong_language": "The answer is not in its language.",
    "too_long": "A sentence is too long.",
    "review_due": "The next review is after today and at most two years ahead.",
    "language": "Choose a language.",
    "topic": "Choose a topic of the list, or none.",
    "changed": "A colleague changed this answer meanwhile. Your words are below; open the answer again to see theirs.",
    "full": "There are as many answers as can be kept.",
    "no_rules": "This desk has no rules to review an answer with.",
}
_OTHER_PROBLEM = "The review does not let a sentence through."

DONE: Mapping[str, str] = {
    "signed": "The answer is signed. Patients who ask this read it from now on.",
    "retired": "The answer is retired. No patient reads it any more.",
}


@dataclass(frozen=True, slots=True)
class Content:
    """What an answer is judged by, read once."""

    same_words: Mapping[str, SameWords]
    policy: ReviewPolicy
    topics: tuple[Topic, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """An answer as the list shows it."""

    answer: ApprovedAnswer
    stale: bool
    conflict: bool
    failing: bool
    """True when review would no longer let it through."""

    @property
    def needs_a_look(self) -> bool:
        """Whether it is not used though nobody retired it."""
        return not self.answer.is_retired and (self.stale or self.conflict or self.failing)


class ContentReader:
    """Reads what the pages of answers and gaps go by, when it is first needed."""

    def __init__(self, services: DeskServices) -> None:
        self._services = services
        self._read = functools.cache(self._load)

    async def content(self) -> Content | None:
        """Return the content; None where this desk was given no folders.

        Raises:
            CareguardError: A file is wrong.
        """
        return await asyncio.to_thread(self._read)

    def _load(self) -> Content | None:
        locales, guardrails, languages = self._services.locales, self._services.guardrails, self._services.languages
        if locales is None or guardrails is None or not languages:
            return None
        return Content(
            load_same_words(locales, languages),
            load_review_policy(guardrails, locales, languages),
            load_topics(locales, languages),
        )


class AnswerPages:
    """The list of approved answers, and the form of each."""

    def __init__(self, services: DeskServices, renderer: Renderer, reader: ContentReader) -> None:
        self._services = services
        self._renderer = renderer
        self._reader = reader
        self._store = ApprovedStore(services.redis)
        self._gaps = GapStore(services.redis, services.vault, clock=services.clock)
        self._base = services.settings.base_path

    async def show(self, visit: Visit) -> Response:
        """All answers: those that need a look first."""
        answers = await self._store.list()
        content = await self._reader.content()
        listed = await asyncio.to_thread(_listed, answers, content, self._today())
        return self._renderer.page(
            "answers.html",
            **visit.for_every_page,
            idle_s=self._services.settings.session_idle_s,
            done=DONE.get(visit.request.query_params.get("done", ""), ""),
            needing=[each for each in listed if each.needs_a_look],
            used=[each for each in listed if not each.needs_a_look and not each.answer.is_retired],
            retired=[each for each in listed if each.answer.is_retired],
            may_sign=visit.staff.role in SIGNING,
        )

    async def new(self, visit: Visit) -> Response:
        """An empty form, or one with the masked question of a gap."""
        query = visit.request.query_params
        gap = await self._gaps.get(query.get("gap", "")) if query.get("gap") else None
        draft = ApprovedAnswer(
            id="",
            language=gap.language if gap else visit.staff.reads or "en",
            question=gap.question if gap else "",
            text="",
            review_due=self._today() + timedelta(days=_USUAL_REVIEW_DAYS),
            topic=gap.topic if gap else None,
        )
        return await self._form(visit, draft, gap_id=gap.id if gap else "")

    async def one(self, visit: Visit) -> Response:
        """The answer in its form, with who signed it when."""
        answer = await self._store.get(str(visit.request.path_params["answer_id"]))
        return await self._form(visit, answer) if answer is not None else self._gone()

    async def add(self, visit: Visit) -> Response:
        """The new answer is signed and used, or its form says why not."""
        return await self._sign(visit, ApprovedAnswer(ApprovedStore.new_id(), "", "", "", self._today()), "approved")

    async def change(self, visit: Visit) -> Response:
        """The changed answer is signed and used, or its form says why not."""
        kept = await self._store.get(str(visit.request.path_params["answer_id"]))
        if kept is None:
            return self._gone(visit.form.get("text", ""))
        return await self._sign(visit, kept, "approved" if kept.is_retired else "edited")

    async def retire(self, visit: Visit) -> Response:
        """No patient reads the answer any more; it stays on the list, with who retired it."""
        kept = await self._store.get(str(visit.request.path_params["answer_id"]))
        if kept is None:
            return self._gone()
        if str(kept.revision) != visit.form.get("revision"):
            return await self._form(visit, kept, problems=[Problem("changed")])
        retired = kept if kept.is_retired else kept.signed_by(self._signature(visit, "retired"))
        if retired is not kept and await self._store.save(retired) is not Saved.SAVED:
            return await self._form(visit, kept, problems=[Problem("changed")])
        return await self._done(visit, retired, "retired")

    async def _sign(self, visit: Visit, kept: ApprovedAnswer, act: str) -> Response:
        content = await self._reader.content()
        draft = _filled_in(kept, visit.form)
        gap_id = visit.form.get("gap", "")
        if content is None:
            return await self._form(visit, draft, problems=[Problem("no_rules")], gap_id=gap_id)
        draft = _with_source(draft, content)
        problems = await asyncio.to_thread(self._problems, draft, visit.form, content)
        if visit.form.get("revision", "0") != str(kept.revision):
            problems.insert(0, Problem("changed"))
        if not problems:
            signed = draft.signed_by(self._signature(visit, act))
            saved = await self._store.save(signed)
            if saved is Saved.SAVED:
                await self._gaps.drop([gap_id] if gap_id else [])
                return await self._done(visit, signed, "signed")
            problems = [Problem(saved.value)]
        return await self._form(visit, draft, problems=problems, gap_id=gap_id)

    def _problems(self, draft: ApprovedAnswer, form: Form, content: Content) -> list[Problem]:
        if draft.language not in content.same_words:
            return [Problem("language")]
        known = {topic.id for topic in content.topics if topic.language == draft.language}
        problems = problems_of(draft, content.same_words[draft.language], content.policy, self._today())
        if draft.topic is not None and draft.topic not in known:
            problems.append(Problem("topic"))
        if self._services.rulebook is not None and draft.question:
            verdict = screen_message(draft.question, self._services.rulebook)
            if verdict.decision is not Decision.ALLOW or verdict.failed:
                problems.append(Problem("question_screened", verdict.category or ""))
        if _day(form.get("review_due", "")) is None and Problem("review_due") not in problems:
            problems.append(Problem("review_due"))
        return list(dict.fromkeys(problems))

    async def _form(
        self, visit: Visit, answer: ApprovedAnswer, *, problems: list[Problem] | None = None, gap_id: str = ""
    ) -> Response:
        content = await self._reader.content()
        topics = content.topics if content is not None else ()
        return self._renderer.page(
            "answer.html",
            409 if problems else 200,
            **visit.for_every_page,
            idle_s=self._services.settings.session_idle_s,
            answer=answer,
            is_new=not answer.history,
            gap_id=gap_id,
            problems=[(t(PROBLEMS.get(each.rule, _OTHER_PROBLEM)), each.words) for each in problems or ()],
            languages=self._services.languages,
            topics=sorted(topics, key=lambda topic: (topic.language, topic.title.casefold())),
            may_sign=visit.staff.role in SIGNING,
            grade=school_grade(answer.text, answer.language) if answer.text and content is not None else None,
            earliest=(self._today() + timedelta(days=1)).isoformat(),
            latest=(self._today() + timedelta(days=LONGEST_REVIEW_DAYS)).isoformat(),
            limits={"question": LONGEST_QUESTION, "text": LONGEST_TEXT, "words": MOST_WORDS},
            acts=ACTS,
        )

    async def _done(self, visit: Visit, answer: ApprovedAnswer, what: str) -> Response:
        await self._services.audit.record(visit.actor, f"answers.{what}", detail=f"{answer.id}:{answer.revision}")
        return RedirectResponse(f"{self._base}/answers?done={what}", status_code=303)

    def _gone(self, typed: str = "") -> Response:
        return self._renderer.page("trouble.html", 404, problem="no_page", typed=typed)

    def _signature(self, visit: Visit, act: str) -> Signature:
        return Signature(act, visit.staff.id, visit.staff.name, self._services.clock())

    def _today(self) -> date:
        return datetime.fromtimestamp(self._services.clock(), UTC).date()


ACTS: Mapping[str, str] = {"approved": "Approved", "edited": "Edited", "retired": "Retired"}


def _listed(answers: list[ApprovedAnswer], content: Content | None, today: date) -> list[Listed]:
    same_words: Mapping[str, SameWords] = content.same_words if content is not None else {}
    disputed = {each for ids in conflicts_of(answers, same_words, today) for each in ids}
    return [
        Listed(
            answer,
            stale=answer.is_stale(today),
            conflict=answer.id in disputed,
            failing=content is not None and not answer.is_retired and reviewed(answer, _FILLED, content.policy) is None,
        )
        for answer in answers
    ]


def _filled_in(kept: ApprovedAnswer, form: Form) -> ApprovedAnswer:
    """Return the answer with what the form holds."""

    def line(name: str) -> str:
        return " ".join(form.get(name, "").split())

    return replace(
        kept,
        language=line("language"),
        question=line("question"),
        text="\n".join(" ".join(part.split()) for part in form.get("text", "").strip().splitlines()),
        review_due=_day(form.get("review_due", "")) or kept.review_due,
        topic=line("topic") or None,
        source_title=line("source_title"),
        source_url=line("source_url"),
        source_publisher=line("source_publisher"),
    )


def _with_source(draft: ApprovedAnswer, content: Content) -> ApprovedAnswer:
    """Return the answer with the first source of its topic, where it has no source of its own."""
    topic = next((each for each in content.topics if (each.language, each.id) == (draft.language, draft.topic)), None)
    if topic is None or draft.source_title or draft.source_url or not topic.sources:
        return draft
    source = topic.sources[0]
    return replace(draft, source_title=source.title, source_url=source.url, source_publisher=source.publisher)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
