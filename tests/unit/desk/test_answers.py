"""Approved answers and content gaps at the desk: who may sign what, and what a signature is worth."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from actions.answering.approved import ApprovedAnswer, ApprovedStore, Saved, Signature
from actions.answering.gaps import GapKind, GapStore
from actions.answering.topic import Topic, load_topics
from bot.desk import answers_page, tongue
from bot.desk.audit import LOG_KEY
from bot.desk.render import FOLDER
from bot.desk.staff import Role
from tests.unit.desk.desk import Browser, Desk, csrf_in, make_desk, with_content

REPOSITORY = Path(__file__).resolve().parents[3]
LANGUAGES = ("en", "es")
DUE = (datetime.now(UTC).date() + timedelta(days=200)).isoformat()
QUESTION = "Can I swim with a cast on my arm?"
TEXT = "A cast should stay dry, so swimming has to wait.\nCall {emergency_number} if your fingers turn blue."


@functools.cache
def shipped_topics() -> tuple[Topic, ...]:
    return load_topics(REPOSITORY / "locales", ("en",))[:10]


@pytest.fixture
async def desk(redis: Redis) -> Desk:
    desk = with_content(make_desk(redis), languages=LANGUAGES)
    await desk.add_staff("cleo", "Cleo Diaz", Role.CLINICAL_SAFETY)
    await desk.add_staff("lea", "Lea Lead", Role.LEAD)
    return desk


@pytest.fixture(autouse=True)
def _few_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    topics = shipped_topics()
    monkeypatch.setattr(answers_page, "load_topics", lambda locales, languages: topics)


async def send(browser: Browser, path: str = "/answers", **fields: str) -> httpx.Response:
    given = {"language": "en", "question": QUESTION, "text": TEXT, "review_due": DUE, "revision": "0"}
    page = await browser.get("/account")
    return await browser.post(path, **given | fields | {"csrf": csrf_in(page.text)})


async def only(redis: Redis) -> ApprovedAnswer:
    (answer,) = await ApprovedStore(redis).list()
    return answer


async def test_a_clinician_signs_edits_and_retires_an_answer_and_the_log_knows(desk: Desk, redis: Redis) -> None:
    async with desk.browser("cleo") as cleo:
        assert (await send(cleo)).status_code == 303
        first = await only(redis)
        assert (first.text, first.signed.act, first.signed.name, first.revision) == (TEXT, "approved", "Cleo Diaz", 1)
        page = await cleo.text("/answers?done=signed")
        assert "The answer is signed." in page and QUESTION in page and "Cleo Diaz" in page
        changed = await send(cleo, f"/answers/{first.id}", text="A cast stays dry.", revision="1")
        assert changed.status_code == 303
        late = await send(cleo, f"/answers/{first.id}", text="A cast may get wet.", revision="1")
        assert late.status_code == 409
        assert "changed this answer meanwhile" in late.text and "A cast may get wet." in late.text
        assert (await only(redis)).text == "A cast stays dry."
        assert (await send(cleo, f"/answers/{first.id}/retire", revision="1")).status_code == 409
        assert (await send(cleo, f"/answers/{first.id}/retire", revision="2")).status_code == 303
        assert (await only(redis)).is_retired
        history = await cleo.text(f"/answers/{first.id}")
        assert all(f"<td>{act}</td>" in history for act in ("Approved", "Edited", "Retired"))
        assert (await send(cleo, f"/answers/{first.id}", revision="3")).status_code == 303
        assert not (await only(redis)).is_retired
        assert (await cleo.get("/answers/none")).status_code == 404
    log = str(await redis.lrange(LOG_KEY, 0, -1))
    for action in ("answers.approve", "answers.signed", "answers.edit", "answers.retired", "answers.view_one"):
        assert f'"{action}"' in log, action
    assert "swim" not in log


async def test_a_lead_reads_and_signs_nothing(desk: Desk, redis: Redis) -> None:
    async with desk.browser("cleo") as cleo, desk.browser("lea") as lea:
        await send(cleo)
        answer = await only(redis)
        page = await lea.text(f"/answers/{answer.id}")
        assert "so swimming has to wait" in page and "<textarea" not in page and "Retire" not in page
        assert "Write an answer" not in await lea.text("/answers")
        for path in ("/answers", f"/answers/{answer.id}", f"/answers/{answer.id}/retire", "/gaps/drop"):
            assert (await send(lea, path, revision="1")).status_code == 403
        assert (await lea.get("/answers/new")).status_code == 403
    assert await only(redis) == answer


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": "Take 2 tablets of ibuprofen."}, "names a dose"),
        ({"question": "Should I stop taking my blood pressure pills?"}, "The screen answers or refuses"),
        ({"question": "Can I swim with a cast, asks [NAME]?"}, "or a mask of one"),
        ({"review_due": "2020-01-01"}, "The next review is after today"),
        ({"review_due": "soon"}, "The next review is after today"),
        ({"language": "tl"}, "Choose a language."),
        ({"topic": "no_such_topic"}, "Choose a topic of the list"),
        ({"text": "<script>alert(1)</script> www.pills.example.com"}, "an address that is not its source"),
    ],
)
async def test_what_must_not_be_read_is_not_signed_and_nothing_typed_is_lost(
    desk: Desk, redis: Redis, fields: dict[str, str], said: str
) -> None:
    async with desk.browser("cleo") as cleo:
        response = await send(cleo, **fields)
    assert response.status_code == 409
    assert said in response.text
    assert fields.get("text", TEXT).splitlines()[0] in unescape(response.text)
    assert "<script>alert" not in response.text
    assert await ApprovedStore(redis).list() == []


async def test_conflicts_and_overdue_reviews_are_shown(desk: Desk, redis: Redis) -> None:
    store, today = ApprovedStore(redis), datetime.now(UTC).date()
    sign = (Signature("approved", "x", "Cleo Diaz", 1.0),)
    due = today + timedelta(days=9)
    for number, (question, text, day) in enumerate(
        [
            (QUESTION, "A cast stays dry.", due),
            ("With a cast on my arm, can I swim?", "A cast may get wet.", due),
            ("Can I fly with a cold?", "Most people can fly.", today),
            ("Can I fly with a cough?", "Take 500 mg of aspirin now.", due),
        ]
    ):
        answer = ApprovedAnswer(f"a{number}", "en", question, text, day, history=sign, revision=1)
        assert await store.save(answer) is Saved.SAVED
    async with desk.browser("lea") as lea:
        page = await lea.text("/answers")
    assert page.count("neither is used") == 2
    assert page.count("Review overdue") == 1
    assert page.count("lets it through no more") == 1


async def test_a_gap_is_seen_by_topic_and_becomes_an_answer_in_one_click(desk: Desk, redis: Redis) -> None:
    gaps = GapStore(redis, desk.services.vault)
    for number, question in enumerate(["can i swim with a cast on my arm", "is kale tea good for canary@example.org"]):
        await gaps.keep(GapKind.UNANSWERED, question, None, "en", conversation_id="c1", message_id=f"m{number}")
    await gaps.keep(GapKind.BADLY_RATED, "why though", "asthma", "en", conversation_id="c2", message_id="m")
    async with desk.browser("cleo") as cleo, desk.browser("lea") as lea:
        page = await cleo.text("/gaps")
        assert "can i swim with a cast" in page and "canary" not in page
        assert "Answer this" not in await lea.text("/gaps?days=1")
        overview = await lea.text("/lead?days=1")
        assert "Questions without a good answer, by topic" in overview and "Asthma" in overview
        swim = next(gap for gap in await gaps.list() if "swim" in gap.question)
        form = await cleo.text(f"/answers/new?gap={swim.id}")
        assert 'value="can i swim with a cast on my arm"' in form
        assert (await send(cleo, gap=swim.id)).status_code == 303
        left = await gaps.list()
        assert swim.id not in {gap.id for gap in left} and len(left) == 2
        await send(cleo, "/gaps/drop", ids=" ".join(gap.id for gap in left))
        assert await gaps.list() == []
        assert (await cleo.get("/answers/new?gap=gone")).status_code == 200
        assert "Nothing to show yet." in await cleo.text("/gaps")


async def test_without_rules_nothing_can_be_signed(redis: Redis) -> None:
    bare = make_desk(redis)
    await bare.add_staff("cleo", "Cleo", Role.CLINICAL_SAFETY)
    async with bare.browser("cleo") as cleo:
        assert "no rules to review" in (await send(cleo)).text


SAID = re.compile(r"\b(?:_|t)\(\s*\"((?:[^\"\\]|\\.)*)\"")


@pytest.mark.parametrize("language", sorted(tongue.translations()))
def test_every_sentence_of_these_pages_is_there_in_every_language(language: str) -> None:
    said = {*answers_page.PROBLEMS.values(), *answers_page.DONE.values(), *answers_page.ACTS.values()}
    said |= {answers_page._OTHER_PROBLEM}
    for name in ("answers", "answer", "gaps"):
        said |= set(SAID.findall((FOLDER / "templates" / f"{name}.html").read_text(encoding="utf-8")))
    assert len(said) > 60
    assert said - set(tongue.translations()[language]) == set()
