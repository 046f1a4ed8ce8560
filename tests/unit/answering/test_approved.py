"""Approved answers: signed by a clinician, given word for word, and never used when anything is in doubt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

import pytest
from redis.asyncio import Redis

from actions.answering.approved import (
    ApprovedAnswer,
    ApprovedGate,
    ApprovedIndex,
    ApprovedLookup,
    ApprovedStore,
    Saved,
    Signature,
    conflicts_of,
    problems_of,
    reviewed,
)
from actions.answering.embed import PackagedEmbedder
from actions.answering.pipeline import Parts, answer_question, order_from_json
from actions.answering.same_question import SameWords, load_same_words
from actions.answering.verbatim import Style
from careguard.review import Mode, ReviewedSentence
from careguard.review_words import ReviewPolicy
from tests.store import running_store
from tests.unit.answering.conftest import ROOT

TODAY = date(2026, 11, 24)
AT = 1_795_500_000.0  # 2026-11-24
SIGNED = Signature("approved", "ana01", "Ana Ruiz", AT)
CAST = ApprovedAnswer(
    id="a1",
    language="en",
    question="Can I swim with a cast on my arm?",
    text="A cast should stay dry, so swimming has to wait.\nCall {emergency_number} if your fingers turn blue.",
    review_due=date(2027, 11, 24),
    topic="broken_bone",
    history=(SIGNED,),
    revision=1,
)
SUNBURN = replace(CAST, id="a9", question="What is sunburn?", text="Sunburn is skin that had too much sun.")
ASKED_AGAIN = "is it ok to go swimming with a cast on my arm"


@pytest.fixture(scope="module")
def same_words() -> dict[str, SameWords]:
    return load_same_words(ROOT / "locales", ("en", "es"))


@pytest.fixture
def index(same_words: dict[str, SameWords]) -> ApprovedIndex:
    made = ApprovedIndex(same_words, today=lambda: TODAY)
    made.use([CAST])
    return made


@pytest.fixture
def gate(same_words: dict[str, SameWords], embedder: PackagedEmbedder, policy: ReviewPolicy) -> ApprovedGate:
    return ApprovedGate(same_words, embedder, policy, today=lambda: TODAY)


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with running_store() as url, Redis.from_url(url, decode_responses=True) as client:
        yield client


def test_the_approved_words_come_whole_with_the_day_and_mark_of_their_review(gate: ApprovedGate) -> None:
    answer = gate.answer(CAST, ASKED_AGAIN, "en", "999")
    assert answer is not None
    assert answer.mode is Mode.APPROVED
    assert answer.text.split("\n\n") == [
        "A cast should stay dry, so swimming has to wait.",
        "Call 999 if your fingers turn blue.",
    ]
    assert answer.topic == "broken_bone"
    assert [(c.id, c.title, c.reviewed_on) for c in answer.citations] == [("approved/a1", CAST.question, "2026-11-24")]
    assert answer.groundedness == 1.0


@pytest.mark.parametrize(
    "question", ["Can I swim with a cast on my leg?", "Can my son swim with a cast on his arm?", "", "swim " * 500]
)
def test_another_question_is_answered_as_ever(question: str, index: ApprovedIndex, gate: ApprovedGate) -> None:
    assert index.find(question, "en") is None
    assert gate.answer(CAST, question, "en", "911") is None


def test_the_words_are_given_in_their_own_language_only(index: ApprovedIndex, gate: ApprovedGate) -> None:
    assert index.find(CAST.question, "en") == CAST
    for language in ("es", "tl"):
        assert index.find(CAST.question, language) is None
        assert gate.answer(CAST, CAST.question, language, "911") is None


@pytest.mark.parametrize(
    "changed",
    [
        replace(CAST, review_due=TODAY),
        CAST.signed_by(Signature("retired", "ana01", "Ana Ruiz", AT)),
        replace(CAST, history=()),
    ],
    ids=["stale", "retired", "unsigned"],
)
def test_what_is_stale_retired_or_unsigned_is_not_used(
    changed: ApprovedAnswer, index: ApprovedIndex, gate: ApprovedGate
) -> None:
    index.use([changed])
    assert index.find(ASKED_AGAIN, "en") is None
    assert gate.answer(changed, ASKED_AGAIN, "en", "911") is None


def test_two_answers_that_disagree_are_both_not_used_and_are_told(
    index: ApprovedIndex, same_words: dict[str, SameWords]
) -> None:
    other = replace(CAST, id="a2", question="With a cast on my arm, can I swim?", text="A cast must not get wet.")
    index.use([CAST, other])
    assert index.find(ASKED_AGAIN, "en") is None
    assert conflicts_of([CAST, other], same_words, TODAY) == [{"a1", "a2"}]
    assert conflicts_of([CAST, replace(other, language="es")], same_words, TODAY) == []
    assert conflicts_of([CAST, replace(other, review_due=TODAY)], same_words, TODAY) == []


def test_an_answer_that_review_would_no_longer_let_through_is_not_given(
    gate: ApprovedGate, policy: ReviewPolicy
) -> None:
    tampered = replace(CAST, text="A cast should stay dry. Take 500 mg of aspirin now.")
    assert gate.answer(tampered, ASKED_AGAIN, "en", "911") is None
    assert reviewed(tampered, "911", policy) is None


def test_whatever_breaks_the_question_is_answered_as_ever(
    same_words: dict[str, SameWords], policy: ReviewPolicy
) -> None:
    class BrokenEmbedder:
        name = "broken"

        def question(self, text: str) -> object:
            raise RuntimeError("the canary sings")

    gate = ApprovedGate(same_words, BrokenEmbedder(), policy, today=lambda: TODAY)  # type: ignore[arg-type]
    assert gate.answer(CAST, ASKED_AGAIN, "en", "911") is None


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"question": ""}, "question_length"),
        ({"question": "Can I swim?"}, "question_too_short"),
        ({"question": "Can I swim with it on my arm?"}, "question_leans_back"),
        ({"question": "Can I swim, my mail is ana@example.org?"}, "question_identifier"),
        ({"text": ""}, "text_length"),
        ({"text": "A cast stays dry. " * 60}, "text_length"),
        ({"text": "Call {number} at once."}, "placeholder"),
        ({"text": "Take 2 tablets of ibuprofen with a cast."}, "dose"),
        ({"text": "You have a broken bone."}, "diagnosis"),
        ({"text": "You can stop your medicine."}, "medicine_change"),
        ({"text": "There is nothing to worry about."}, "false_reassurance"),
        ({"text": "El yeso debe estar siempre seco y limpio con agua."}, "wrong_language"),
        ({"text": "Write to ana@example.org about your cast."}, "identifier"),
        ({"text": "Read more about casts at www.pills.example.com today."}, "foreign_link"),
        ({"source_url": "http://example.org"}, "source_url"),
        ({"review_due": TODAY}, "review_due"),
        ({"review_due": date(2030, 1, 1)}, "review_due"),
    ],
)
def test_what_must_not_be_approved_is_refused_by_name(
    changes: dict[str, object], rule: str, same_words: dict[str, SameWords], policy: ReviewPolicy
) -> None:
    found = problems_of(replace(CAST, **changes), same_words["en"], policy, TODAY)  # type: ignore[arg-type]
    assert rule in {problem.rule for problem in found}


def test_a_good_answer_has_no_problem_and_may_name_its_own_link(
    same_words: dict[str, SameWords], policy: ReviewPolicy
) -> None:
    assert problems_of(CAST, same_words["en"], policy, TODAY) == []
    linked = replace(
        CAST, text="Read about casts at https://example.org/cast today.", source_url="https://example.org/cast"
    )
    assert problems_of(linked, same_words["en"], policy, TODAY) == []


async def test_an_answer_is_kept_as_it_was_signed_and_two_editors_do_not_overwrite_each_other(redis: Redis) -> None:
    store = ApprovedStore(redis)
    assert await store.save(CAST) is Saved.SAVED
    assert await store.get("a1") == CAST
    edited = replace(CAST, text="A cast stays dry.").signed_by(Signature("edited", "ben02", "Ben", AT + 1))
    assert await store.save(edited) is Saved.SAVED
    assert await store.save(edited) is Saved.CHANGED
    assert await store.list() == [edited]
    assert await store.version() == "2"


async def test_a_change_is_taken_up_at_once_and_a_store_that_is_away_approves_nothing(index: ApprovedIndex) -> None:
    async with running_store() as url, Redis.from_url(url, decode_responses=True) as client:
        store = ApprovedStore(client)
        lookup = ApprovedLookup(store, index)
        assert await lookup.find(ASKED_AGAIN, "en") is None
        await store.save(CAST)
        assert await lookup.find(ASKED_AGAIN, "en") == CAST
        await store.save(CAST.signed_by(Signature("retired", "ana01", "Ana Ruiz", AT)))
        assert await lookup.find(ASKED_AGAIN, "en") is None
        await store.save(replace(CAST, id="a3"))
        assert await lookup.find(ASKED_AGAIN, "en") == replace(CAST, id="a3")
        await client.shutdown(nosave=True)
        assert await lookup.find(ASKED_AGAIN, "en") is None


async def test_the_line_gives_what_came_with_the_order_before_it_looks_anywhere(
    parts: Parts, gate: ApprovedGate
) -> None:
    """The approved words stand before retrieval; simpler words and more detail come from the topic."""
    shown: list[str] = []

    async def tell(position: int, sentence: ReviewedSentence) -> None:
        shown.append(sentence.text)

    order = order_from_json({"question": "What is sunburn?", "approved": SUNBURN.as_order()}, "en")
    ready = replace(parts, approved=gate)
    answer = await answer_question(order, ready, tell)
    assert (answer.mode, answer.text, shown) == (Mode.APPROVED, SUNBURN.text, [SUNBURN.text])
    assert (await answer_question(replace(order, style=Style.SIMPLER), ready)).mode is Mode.VERBATIM
    assert (await answer_question(order, parts)).mode is Mode.VERBATIM


async def test_where_nothing_simpler_is_reviewed_the_approved_words_stand(parts: Parts, gate: ApprovedGate) -> None:
    order = order_from_json({"question": CAST.question, "approved": CAST.as_order(), "style": "simpler"}, "en")
    assert (await answer_question(order, replace(parts, approved=gate))).mode is Mode.APPROVED
    assert (await answer_question(replace(order, approved=None), replace(parts, approved=gate))).abstained


@pytest.mark.parametrize("approved", [None, "words", {}, {"id": "a1"}, SUNBURN.as_order() | {"review_due": "soon"}])
def test_an_approved_answer_that_cannot_be_read_is_none(approved: object) -> None:
    assert order_from_json({"question": "q", "approved": approved}, "en").approved is None
