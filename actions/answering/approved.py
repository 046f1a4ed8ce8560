"""Approved answers: what a clinician wrote and signed as the answer to one question, in one language.

Written at the desk. The gateway looks the question up and sends the answer along with the order (the actions process
reaches no store); there it is checked once more, before retrieval, and goes out word for word.

The words are the clinician's own and hold no identifier (checked when they are saved); every patient who asks may read
them, so they are not sealed. Nothing here points at a patient: erasing one changes nothing here.

Keys, all under `bedside:approved:`:

    answers      hash: id -> the answer as JSON, with its revision
    version      grows with each change, so that every gateway sees that there was one
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, cast

from redis.asyncio import Redis

from actions.answering.embed import Embedder
from actions.answering.same_question import Asked, SameWords, plain_words
from careguard.privacy import redact
from careguard.review import DraftSentence, Mode, ReviewedAnswer, StepTimes, review_answer, review_sentence
from careguard.review_words import ReviewPolicy

_LOG = logging.getLogger(__name__)
_PREFIX = "bedside:approved:"
_ANSWERS, _VERSION = _PREFIX + "answers", _PREFIX + "version"

NEAR_ENOUGH = 0.96
"""Cosine that two questions need besides the same words. The pairs of tests/unit/answering/test_same_question.py that
are the same have 0.972 or more; it is a second lock, since pairs that differ in one word that matters reach 1.000."""
MOST_ANSWERS = 1000
LONGEST_QUESTION = 200
LONGEST_TEXT = 1500
MOST_WORDS = 120
LONGEST_REVIEW_DAYS = 730
_FEWEST_TOKENS = 3
"""Words that say what is asked: "can I swim" could be about anything."""

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^\s])")
_LINK = re.compile(r"(?:https?://|www\.)\S+|\b[\w-]+\.(?:com|org|net|gov|edu|info|io|co|uk|es|mx)\b(?:/\S*)?", re.I)
_MASK = re.compile(r"\[[A-Za-z_]+\]")
"""What stands where an identifier was."""
_EMERGENCY_NUMBER = "{emergency_number}"

_SAVE = """
local kept = redis.call('HGET', KEYS[1], ARGV[1])
local revision = kept and cjson.decode(kept)['revision'] or 0
if revision ~= tonumber(ARGV[2]) then return 'changed' end
if not kept and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return 'full' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('INCR', KEYS[2])
return 'saved'
"""


class Saved(StrEnum):
    """What became of an answer that was to be saved."""

    SAVED = "saved"
    CHANGED = "changed"
    """Somebody else changed it since it was read; nothing was saved."""
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who did what to an answer, and when."""

    act: str
    """`approved`, `edited` or `retired`."""
    by: str
    """Id of the account."""
    name: str
    at: float
    """Unix seconds, UTC."""


@dataclass(frozen=True, slots=True)
class ApprovedAnswer:
    """One answer that a clinician signed."""

    id: str
    language: str
    question: str
    text: str
    review_due: date
    """From this day on it is no longer used, until a clinician has looked at it again."""
    topic: str | None = None
    source_title: str = ""
    source_url: str = ""
    source_publisher: str = ""
    history: tuple[Signature, ...] = ()
    """The newest last."""
    revision: int = 0

    @property
    def signed(self) -> Signature:
        """The last signature under the words."""
        return self.history[-1]

    @property
    def is_retired(self) -> bool:
        """Whether it was taken out of use."""
        return bool(self.history) and self.history[-1].act == "retired"

    @property
    def approved_on(self) -> date:
        """The day on which a clinician last signed the words."""
        return datetime.fromtimestamp(self.signed.at, UTC).date()

    def is_stale(self, today: date) -> bool:
        """Return whether the day of its review has come."""
        return self.review_due <= today

    def is_used(self, today: date) -> bool:
        """Return whether patients may read it."""
        return bool(self.history) and not self.is_retired and not self.is_stale(today)

    def signed_by(self, signature: Signature) -> ApprovedAnswer:
        """Return the answer with one more signature, of the next revision."""
        return replace(self, history=(*self.history, signature), revision=self.revision + 1)

    def as_json(self) -> str:
        """Return the answer as it is kept."""
        return json.dumps(self.as_order(), ensure_ascii=False)

    def as_order(self) -> dict[str, Any]:
        """Return the answer as it goes along with an order."""
        return asdict(self) | {"review_due": self.review_due.isoformat()}

    @classmethod
    def from_order(cls, data: Any) -> ApprovedAnswer | None:
        """Return the answer that came with an order; None when none did, or none that can be read."""
        try:
            return None if data is None else cls.from_data(data)
        except (KeyError, TypeError, ValueError):
            return None

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> ApprovedAnswer:
        """Return the answer that `as_order` gave.

        Raises:
            KeyError, TypeError, ValueError: The data is no approved answer.
        """
        history = tuple(Signature(**signature) for signature in data["history"])
        return cls(**{**data} | {"review_due": date.fromisoformat(data["review_due"]), "history": history})


class ApprovedStore:
    """The approved answers of one installation."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._save = redis.register_script(_SAVE)

    @staticmethod
    def new_id() -> str:
        """Return an id that no answer has."""
        return secrets.token_hex(6)

    async def version(self) -> str:
        """Return what changes with every change."""
        return str(await self._redis.get(_VERSION) or "0")

    async def list(self) -> list[ApprovedAnswer]:
        """Return all answers, retired ones too, by language and question; one that cannot be read is left out."""
        found = []
        for kept in cast("dict[str, str]", await self._redis.hgetall(_ANSWERS)).values():
            try:
                found.append(ApprovedAnswer.from_data(json.loads(kept)))
            except (KeyError, TypeError, ValueError):
                _LOG.error("an approved answer cannot be read and is not used")
        return sorted(found, key=lambda answer: (answer.language, answer.question.casefold()))

    async def get(self, answer_id: str) -> ApprovedAnswer | None:
        """Return the answer of that id."""
        kept = cast("str | None", await self._redis.hget(_ANSWERS, answer_id))
        return None if kept is None else ApprovedAnswer.from_data(json.loads(kept))

    async def save(self, answer: ApprovedAnswer) -> Saved:
        """Keep the answer, if the one kept is still the one before it."""
        done = await self._save(
            keys=[_ANSWERS, _VERSION], args=[answer.id, answer.revision - 1, answer.as_json(), MOST_ANSWERS]
        )
        return Saved(str(done))


@dataclass(frozen=True, slots=True)
class _SignedPassage:
    """The words of an approved answer, as review and citations see them."""

    id: str
    text: str
    topic: str
    source_title: str
    source_url: str
    source_publisher: str
    reviewed_on: date | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an answer cannot be approved as it is."""

    rule: str
    words: str = ""
    """The sentence or word at fault."""


def sentences_of(text: str) -> list[DraftSentence]:
    """Return the text's sentences; the first of each paragraph opens one."""
    found: list[DraftSentence] = []
    for paragraph in filter(str.strip, re.split(r"\n\s*\n|\n", text)):
        for place, sentence in enumerate(_SENTENCE_END.split(" ".join(paragraph.split()))):
            found.append(DraftSentence(sentence, ("",), opens_paragraph=place == 0 and bool(found)))
    return found


def reviewed(answer: ApprovedAnswer, number: str, policy: ReviewPolicy) -> ReviewedAnswer | None:
    """Return the approved words, whole, as they may be sent; None when review now drops any of them."""
    passage = _passage(answer, number)
    drafts = [
        replace(sentence, text=_filled(sentence.text, number), citations=(passage.id,))
        for sentence in sentences_of(answer.text)
    ]
    made = review_answer(
        drafts, [passage], language=answer.language, mode=Mode.APPROVED, policy=policy, topic=answer.topic
    )
    return made if drafts and len(made.sentences) == len(drafts) else None


def problems_of(answer: ApprovedAnswer, same: SameWords, policy: ReviewPolicy, today: date) -> list[Problem]:
    """Return everything for which the answer cannot be approved; none means that patients may read it."""
    return [*_of_question(answer, same), *_of_text(answer, policy), *_of_review_day(answer, today)]


def _of_question(answer: ApprovedAnswer, same: SameWords) -> Iterable[Problem]:
    asked = same.asked(answer.question)
    if not 0 < len(answer.question) <= LONGEST_QUESTION:
        yield Problem("question_length")
    elif len(asked.tokens) < _FEWEST_TOKENS:
        yield Problem("question_too_short")
    if same.leans_back(asked):
        yield Problem("question_leans_back")
    if _has_identifier(answer.question) or _MASK.search(answer.question):
        yield Problem("question_identifier")


def _of_text(answer: ApprovedAnswer, policy: ReviewPolicy) -> Iterable[Problem]:
    text = answer.text
    if not 0 < len(text) <= LONGEST_TEXT or len(text.split()) > MOST_WORDS:
        yield Problem("text_length")
    if "{" in text.replace(_EMERGENCY_NUMBER, "") or "}" in text.replace(_EMERGENCY_NUMBER, ""):
        yield Problem("placeholder")
    if answer.source_url and not answer.source_url.startswith("https://"):
        yield Problem("source_url")
    for link in _LINK.finditer(text):
        if link[0].rstrip(".,;)") not in answer.source_url:
            yield Problem("foreign_link", link[0])
    passage = _passage(answer, "0")
    for sentence in sentences_of(text):
        own = answer.source_url or _EMERGENCY_NUMBER
        if _has_identifier(sentence.text.replace(own, "")):
            yield Problem("identifier", sentence.text)
        shown = replace(sentence, text=_filled(sentence.text, "0"), citations=(passage.id,))
        verdict = review_sentence(shown, [passage], answer.language, policy)
        for fired in verdict.rules:
            yield Problem(fired.id, sentence.text)
        if verdict.failed:
            yield Problem("failed", sentence.text)


def _of_review_day(answer: ApprovedAnswer, today: date) -> Iterable[Problem]:
    if not 0 < (answer.review_due - today).days <= LONGEST_REVIEW_DAYS:
        yield Problem("review_due")


def _has_identifier(text: str) -> bool:
    return bool(redact(text.replace(_EMERGENCY_NUMBER, "")).spans)


def _passage(answer: ApprovedAnswer, number: str) -> _SignedPassage:
    return _SignedPassage(
        id=f"approved/{answer.id}",
        text=" ".join(_filled(sentence.text, number) for sentence in sentences_of(answer.text)),
        topic=answer.topic or "",
        source_title=answer.source_title or answer.question,
        source_url=answer.source_url,
        source_publisher=answer.source_publisher,
        reviewed_on=answer.approved_on if answer.history else None,
    )


def _filled(text: str, number: str) -> str:
    return text.replace(_EMERGENCY_NUMBER, number)


def conflicts_of(answers: Sequence[ApprovedAnswer], same_words: Mapping[str, SameWords], today: date) -> list[set[str]]:
    """Return the ids of answers in use that answer the same question, one set for each such question."""
    groups: dict[tuple[str, tuple[str, ...]], list[tuple[ApprovedAnswer, Asked]]] = {}
    for answer in answers:
        if answer.is_used(today):
            same = same_words.get(answer.language) or plain_words(answer.language)
            asked = same.asked(answer.question)
            groups.setdefault((answer.language, same.key(asked)), []).append((answer, asked))
    found: list[set[str]] = []
    for (language, _), members in groups.items():
        same = same_words.get(language) or plain_words(language)
        while members:
            first, asked = members.pop(0)
            alike = {first.id} | {each.id for each, theirs in members if same.are_same(asked, theirs)}
            members[:] = [member for member in members if member[0].id not in alike]
            if len(alike) > 1:
                found.append(alike)
    return found


class ApprovedIndex:
    """The approved answers as the gateway looks them up: in memory, by the words of the question."""

    def __init__(
        self, same_words: Mapping[str, SameWords], *, today: Callable[[], date] = lambda: datetime.now(UTC).date()
    ) -> None:
        self._same_words = same_words
        self._today = today
        self._by_key: dict[tuple[str, tuple[str, ...]], list[tuple[ApprovedAnswer, Asked]]] = {}

    def use(self, answers: Iterable[ApprovedAnswer]) -> None:
        """Look up these answers, and no others, from the next question on."""
        fresh: dict[tuple[str, tuple[str, ...]], list[tuple[ApprovedAnswer, Asked]]] = {}
        for answer in answers:
            if not answer.is_retired:
                same = self._same(answer.language)
                asked = same.asked(answer.question)
                fresh.setdefault((answer.language, same.key(asked)), []).append((answer, asked))
        self._by_key = fresh

    def find(self, question: str, language: str) -> ApprovedAnswer | None:
        """Return the one approved answer in use to this question; none when two of them disagree."""
        if not self._by_key or len(question) > 2 * LONGEST_QUESTION:
            return None
        same, today = self._same(language), self._today()
        asked = same.asked(question)
        found = [
            answer
            for answer, theirs in self._by_key.get((language, same.key(asked)), ())
            if answer.is_used(today) and same.are_same(asked, theirs)
        ]
        return found[0] if found and len({answer.text for answer in found}) == 1 else None

    def _same(self, language: str) -> SameWords:
        return self._same_words.get(language) or plain_words(language)


class ApprovedLookup:
    """Finds the approved answer to a question as the store holds it now; with the store away there is none."""

    def __init__(self, store: ApprovedStore, index: ApprovedIndex) -> None:
        self._store = store
        self._index = index
        self._known = ""

    async def find(self, question: str, language: str) -> ApprovedAnswer | None:
        """Return the one approved answer in use to this question."""
        try:
            version = await self._store.version()
            if version != self._known:
                self._index.use(await self._store.list())
                self._known = version
            return self._index.find(question, language)
        except Exception as error:  # the question is answered as if nothing had been approved
            _LOG.error("approved answers could not be looked up: %s", type(error).__name__)
            return None


class ApprovedGate:
    """What an approved answer passes before a patient reads it: still the same question, still through the review."""

    def __init__(
        self,
        same_words: Mapping[str, SameWords],
        embedder: Embedder,
        policy: ReviewPolicy,
        *,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        self._same_words = same_words
        self._embedder = embedder
        self._signed_vector = lru_cache(maxsize=MOST_ANSWERS)(embedder.question)
        self._policy = policy
        self._today = today

    def answer(self, approved: ApprovedAnswer, question: str, language: str, number: str) -> ReviewedAnswer | None:
        """Return the approved words as they may be sent; None when anything is in doubt, or breaks.

        Args:
            number: The emergency number where the patient is.
        """
        started = time.perf_counter()
        try:
            if approved.language != language or not self._answers(approved, question):
                return None
            made = reviewed(approved, number, self._policy)
        except Exception as error:  # the answering line goes on as if nothing had been approved
            _LOG.error("an approved answer could not be given: %s", type(error).__name__)
            return None
        ms = round((time.perf_counter() - started) * 1000, 2)
        return made.timed(StepTimes(retrieve=ms)) if made is not None else None

    def _answers(self, approved: ApprovedAnswer, question: str) -> bool:
        same = self._same_words.get(approved.language) or plain_words(approved.language)
        if not approved.is_used(self._today()) or not same.are_same(
            same.asked(question), same.asked(approved.question)
        ):
            return False
        if question == approved.question:
            return True
        return float(self._embedder.question(question) @ self._signed_vector(approved.question)) >= NEAR_ENOUGH
