"""The gate after generation: each sentence is reviewed before it is shown, and only here a ReviewedAnswer is made.

It holds for drafts of a model and for reviewed sentences taken word for word alike. Whatever breaks here is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, Protocol

from careguard.groundedness import Support, support_of
from careguard.privacy import redact
from careguard.reading import school_grade
from careguard.review_words import ReviewPolicy, ReviewWords
from careguard.stems import fold, stop_words, words
from careguard.verdict import ALLOWED, Decision, FiredRule, Verdict, failed_verdict

_LINK = re.compile(
    r"(?:https?://|www\.)\S+|\b[\w-]+\.(?:com|org|net|gov|edu|info|io|co|uk|es|mx)\b(?:/\S*)?", re.IGNORECASE
)
_CLAUSE_END = re.compile(r"[.;:!?]")
_UNLESS_REACH = 6
"""Words before a change of medicine in which "do not", "before" or "ask" still turn it."""
_DOSE_REACH = 5
_NUMBER_WITH_UNIT = re.compile(r"\d+(?:[.,]\d+)?([^\W\d_]+)")
_NUMBER = re.compile(r"\d+(?:[.,/]\d+)*")


class CitedPassage(Protocol):
    """What review needs to know about a passage."""

    @property
    def id(self) -> str: ...  # noqa: D102 - the protocol's names say it

    @property
    def text(self) -> str: ...  # noqa: D102

    @property
    def topic(self) -> str: ...  # noqa: D102

    @property
    def source_title(self) -> str: ...  # noqa: D102

    @property
    def source_url(self) -> str: ...  # noqa: D102

    @property
    def source_publisher(self) -> str: ...  # noqa: D102

    @property
    def reviewed_on(self) -> date | None: ...  # noqa: D102


class Mode(StrEnum):
    """How an answer came about."""

    VERBATIM = "verbatim"
    DRAFTED = "drafted"
    APPROVED = "approved"


class AnswerKind(StrEnum):
    """Which of the contract's reply kinds an answer has."""

    ANSWER = "answer"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """One sentence that nobody has reviewed yet, and the ids of the passages it claims to rest on."""

    text: str
    citations: tuple[str, ...]
    opens_paragraph: bool = False
    """True when it begins a new part of the answer, such as when to get help."""


@dataclass(frozen=True, slots=True)
class ReviewedSentence:
    """One sentence that passed, with its citations."""

    text: str
    citations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnswerCitation:
    """A passage that supports the answer, as shown to the patient."""

    id: str
    title: str
    url: str
    publisher: str
    reviewed_on: str | None
    """Day of the clinical review, ISO 8601; None as long as no clinician has reviewed it."""


@dataclass(frozen=True, slots=True)
class StepTimes:
    """How long each step took, in milliseconds."""

    retrieve: float = 0.0
    generate: float = 0.0
    review: float = 0.0


_MADE_BY_REVIEW = object()


@dataclass(frozen=True, slots=True)
class ReviewedAnswer:
    """An answer that may be sent. Only `review_answer()` can make one."""

    kind: AnswerKind
    text: str
    sentences: tuple[ReviewedSentence, ...]
    citations: tuple[AnswerCitation, ...]
    language: str
    mode: Mode
    grade: float
    groundedness: float
    ms: StepTimes
    topic: str | None
    abstained: bool
    dropped: tuple[str, ...]
    """Ids of the rules for which sentences were dropped; never their words."""
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _MADE_BY_REVIEW:
            raise TypeError("only review_answer() makes a ReviewedAnswer")

    def timed(self, ms: StepTimes) -> ReviewedAnswer:
        """Return the same answer with the times of its steps."""
        return replace(self, ms=ms, made_by=_MADE_BY_REVIEW)

    def as_json(self) -> dict[str, Any]:
        """Return the answer in the shape of the contract, with `topic` and `abstained` beside it."""
        return {
            "kind": self.kind.value,
            "text": self.text,
            "sentences": [{"text": s.text, "citations": list(s.citations)} for s in self.sentences],
            "citations": [
                {"id": c.id, "title": c.title, "url": c.url, "publisher": c.publisher, "reviewed_on": c.reviewed_on}
                for c in self.citations
            ],
            "language": self.language,
            "mode": self.mode.value,
            "grade": self.grade,
            "groundedness": self.groundedness,
            "ms": {"retrieve": self.ms.retrieve, "generate": self.ms.generate, "review": self.ms.review},
            "topic": self.topic,
            "abstained": self.abstained,
        }


def review_sentence(
    sentence: DraftSentence, passages: Sequence[CitedPassage], language: str, policy: ReviewPolicy
) -> Verdict:
    """Return whether the sentence may be shown; never raises, and what breaks is refused and marked as failed.

    Args:
        sentence: The sentence with its citations.
        passages: The passages that were given for this answer, placeholders filled.
        language: The patient's language, BCP 47.
        policy: The loaded policy; a language without review words is refused.
    """
    try:
        return _verdict(sentence.text, _broken_rules(sentence, passages, language, policy))
    except Exception:  # the one place where anything may break; a broken review must not let a sentence through
        return failed_verdict()


def review_answer(
    sentences: Sequence[DraftSentence],
    passages: Sequence[CitedPassage],
    *,
    language: str,
    mode: Mode,
    policy: ReviewPolicy,
    topic: str | None = None,
) -> ReviewedAnswer:
    """Return the answer made of the sentences that pass; without its first sentence it is a refusal without words.

    The first sentence is the one that answers; what follows only helps. When it falls, the whole answer does.
    """
    dropped: list[str] = []
    kept: list[DraftSentence] = []
    for position, sentence in enumerate(sentences):
        verdict = review_sentence(sentence, passages, language, policy)
        if verdict.decision is Decision.ALLOW and not verdict.failed:
            kept.append(sentence)
            continue
        dropped.append(verdict.category or "failed")
        if position == 0:
            kept = []
            break
    answered = bool(kept)
    text = _joined(kept)
    return ReviewedAnswer(
        kind=AnswerKind.ANSWER if answered else AnswerKind.REFUSAL,
        text=text,
        sentences=tuple(ReviewedSentence(s.text, s.citations) for s in kept),
        citations=_citations(kept, passages),
        language=language,
        mode=mode,
        grade=school_grade(text, language) if answered else 0.0,
        groundedness=_groundedness(kept, passages, language, policy),
        ms=StepTimes(),
        topic=topic if answered else None,
        abstained=not answered,
        dropped=tuple(dropped),
        made_by=_MADE_BY_REVIEW,
    )


def _verdict(text: str, broken: Sequence[str]) -> Verdict:
    if not broken:
        return ALLOWED
    rules = tuple(FiredRule(rule, 0, len(text)) for rule in broken)
    return Verdict(decision=Decision.REFUSE, category=broken[0], rules=rules)


def _broken_rules(
    sentence: DraftSentence, passages: Sequence[CitedPassage], language: str, policy: ReviewPolicy
) -> list[str]:
    words_of = policy.words_of(language)
    if words_of is None:
        return ["wrong_language"]
    if not any(char.isalpha() for char in sentence.text):
        return ["no_words"]
    if not sentence.citations:
        return ["no_citation"]
    cited = [passage for passage in passages if passage.id in sentence.citations]
    if len({passage.id for passage in cited}) != len(set(sentence.citations)):
        return ["unknown_citation"]
    support = _support(sentence.text, cited, words_of, policy)
    folded = fold(sentence.text)
    found = {
        "medicine_change": _changes_medicine(folded, words_of),
        "dose": _gives_dose(folded, words_of),
        "diagnosis": _diagnoses(folded, words_of),
        "false_reassurance": words_of.phrases["reassurance"].search(folded) is not None,
        "identifier": _holds_identifier(sentence.text, cited),
        "foreign_link": _holds_foreign_link(sentence.text, cited),
        "wrong_language": _speaks_another_language(sentence.text, language, policy),
        "too_long": len(words(sentence.text)) > policy.longest_sentence,
    }
    return [rule for rule, broken in found.items() if broken] + list(support.broken)


def _support(text: str, cited: Sequence[CitedPassage], words_of: ReviewWords, policy: ReviewPolicy) -> Support:
    return support_of(text, [passage.text for passage in cited], words_of, policy)


def _changes_medicine(folded: str, words_of: ReviewWords) -> bool:
    # A question to take to the doctor may name the change; that it asks is the passage's, or not_a_statement stops it.
    if folded.rstrip().endswith("?") or words_of.phrases["medicine_words"].search(folded) is None:
        return False
    for found in words_of.phrases["change_verbs"].finditer(folded):
        start = _CLAUSE_END.split(folded[: found.start()])[-1]
        before = " ".join(start.split()[-_UNLESS_REACH:])
        clause = _CLAUSE_END.split(folded[found.end() :])[0]
        after = " ".join(words_of.phrases["clause_breaks"].split(clause)[0].split()[:_UNLESS_REACH])
        aims_at_medicine = any(words_of.phrases[key].search(after) for key in ("medicine_words", "change_objects"))
        if aims_at_medicine and words_of.phrases["change_unless"].search(before) is None:
            return True
    return False


def _gives_dose(folded: str, words_of: ReviewWords) -> bool:
    tokens = [token.strip(".,;:()") for token in folded.split()]
    for place, token in enumerate(tokens):
        unit = _unit_of_number(token, tokens[place + 1 : place + 2], words_of)
        if unit is None or words_of.phrases["dose_units"].fullmatch(unit) is None:
            continue
        before = " ".join(tokens[max(0, place - _DOSE_REACH) : place])
        nearby = f"{before} {' '.join(tokens[place : place + _DOSE_REACH + 2])}"
        # "una pastilla" may be an article and its noun; only "tome una pastilla" is an amount.
        counted = token[0].isdigit() or words_of.phrases["dose_verbs"].search(before) is not None
        if counted and words_of.phrases["dose_unless"].search(nearby) is None:
            return True
    return False


def _unit_of_number(token: str, following: Sequence[str], words_of: ReviewWords) -> str | None:
    attached = _NUMBER_WITH_UNIT.fullmatch(token)
    if attached is not None:
        return attached[1]
    if _NUMBER.fullmatch(token) is None and token not in words_of.number_words:
        return None
    unit = following[0] if following else ""
    # "70 mg/dL" is a level in the blood; "5 mg/day" is an amount.
    return None if words_of.phrases["dose_unless"].fullmatch(unit) else unit.partition("/")[0]


def _diagnoses(folded: str, words_of: ReviewWords) -> bool:
    for found in words_of.phrases["diagnosis"].finditer(folded):
        clause = _CLAUSE_END.split(folded[: found.start()])[-1]
        if words_of.phrases["diagnosis_unless"].search(clause) is None:
            return True
    return False


def _holds_identifier(text: str, cited: Sequence[CitedPassage]) -> bool:
    reviewed = [passage.text for passage in cited]
    return any(not any(text[span.start : span.end] in passage for passage in reviewed) for span in redact(text).spans)


def _holds_foreign_link(text: str, cited: Sequence[CitedPassage]) -> bool:
    own = [f"{passage.text} {passage.source_url}" for passage in cited]
    return any(not any(found[0].rstrip(".,;)") in passage for passage in own) for found in _LINK.finditer(text))


def _speaks_another_language(text: str, language: str, policy: ReviewPolicy) -> bool:
    """Return whether the small words of the sentence are those of another shipped language."""
    said = words(text)
    counts = {tag: sum(word in stop_words(tag) for word in said) for tag in policy.languages}
    mine = counts.pop(language, None)
    if mine is None:
        mine = counts.pop(language.partition("-")[0], 0)
    return any(count > mine + 1 for count in counts.values())


def _groundedness(
    kept: Sequence[DraftSentence], passages: Sequence[CitedPassage], language: str, policy: ReviewPolicy
) -> float:
    words_of = policy.words_of(language)
    if not kept or words_of is None:
        return 0.0
    shares = [
        _support(s.text, [passage for passage in passages if passage.id in s.citations], words_of, policy).share
        for s in kept
    ]
    return round(sum(shares) / len(shares), 3)


def _joined(kept: Sequence[DraftSentence]) -> str:
    text = ""
    for sentence in kept:
        separator = "" if not text else "\n\n" if sentence.opens_paragraph else " "
        text += separator + sentence.text
    return text


def _citations(kept: Sequence[DraftSentence], passages: Sequence[CitedPassage]) -> tuple[AnswerCitation, ...]:
    by_id: Mapping[str, CitedPassage] = {passage.id: passage for passage in passages}
    cited = dict.fromkeys(citation for sentence in kept for citation in sentence.citations)
    return tuple(
        AnswerCitation(
            id=passage.id,
            title=passage.source_title,
            url=passage.source_url,
            publisher=passage.source_publisher,
            reviewed_on=passage.reviewed_on.isoformat() if passage.reviewed_on is not None else None,
        )
        for passage in (by_id[citation] for citation in cited)
    )
