"""The queue, the case, and what the care team does with it, through the real pages."""

from __future__ import annotations

import logging
import time
from html import unescape

import pytest
from redis.asyncio import Redis

from actions.handoff.case import CaseAct, CaseReason, CaseState, Outcome
from actions.transcript import CitedPassage, EntryAuthor, Transcript, TranscriptEntry
from actions.vault import Vault
from bot.desk import queue_page
from bot.desk.staff import Role
from bot.gateway.timekeeper import Timekeeper
from careguard.verdict import Level
from tests.unit.desk.desk import Desk, csrf_in, make_desk
from tests.unit.handoff.clock import FakeClock

CASE_PAGE_ACTS = ("claim", "release", "reply", "note", "resolve")


async def test_the_queue_shows_emergencies_first_with_what_a_nurse_needs(desk: Desk) -> None:
    """Level, category, reason, waiting time, language, channel, last words: in order of urgency."""
    await desk.patient_says("I want to talk to a nurse", "c1")
    await desk.open_case("c1")
    await desk.patient_says("me duele el pecho <b>mucho</b>", "c2")
    await desk.open_case("c2", Level.EMERGENCY, CaseReason.EMERGENCY, category="chest_pain", language="es")
    async with desk.browser("ana") as browser:
        response = await browser.get("/")
    page = unescape(response.text)
    assert page.index("Chest pain") < page.index("Asked for a person")
    for words in ("Emergency sign", "Spanish", "nobody of us speaks it", "I want to talk to a nurse", "Web", "0 s"):
        assert words in page
    assert "&lt;b&gt;mucho&lt;/b&gt;" in response.text
    assert 'data-waiting="2"' in page


async def test_an_empty_queue_says_so(desk: Desk) -> None:
    """Nobody waiting is said in words, on each view."""
    async with desk.browser("ana") as browser:
        assert "Nobody is waiting." in await browser.text("/")
        assert "You hold no case." in await browser.text("/?show=mine")
        assert "Nothing has been resolved yet." in await browser.text("/?show=resolved")
        assert "No case fits what you are looking for." in await browser.text("/?level=urgent")
        assert "Nobody is waiting." in await browser.text("/?show=nonsense&level=nonsense")


async def test_the_queue_can_be_narrowed_to_one_level_or_ones_own_cases(desk: Desk) -> None:
    """A nurse can look at one level, or at what she holds."""
    await desk.open_case("c1", Level.URGENT, CaseReason.URGENT, category="fever")
    held = await desk.open_case("c2", category="asthma")
    async with desk.browser("ana") as browser:
        await browser.act(f"/cases/{held.id}/claim")
        urgent = await browser.text("/?level=urgent")
        assert "Fever" in urgent
        assert ">Asthma</a>" not in urgent
        mine = await browser.text("/?show=mine")
        assert "Asthma" in mine
        assert ">Fever</a>" not in mine


async def test_a_long_queue_is_cut_and_can_be_shown_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The most pressing cases are shown; how many more there are is said, with a way to them."""
    monkeypatch.setattr(queue_page, "ROWS", 2)
    for number in range(4):
        await desk.open_case(f"c{number}", category=f"topic_{number}")
    async with desk.browser("ana") as browser:
        page = await browser.text("/")
        assert "Show 2 more" in page
        assert ">Topic 2</a>" not in page
        assert 'Waiting <span class="count">4' in page
        assert ">Topic 3</a>" in await browser.text("/?show=open&all=1")


async def test_a_case_shows_why_and_everything_that_was_said(desk: Desk) -> None:
    """Reason, rule, matched words where the patient wrote them, summary, transcript with authors and sources."""
    cited = CitedPassage("t/in_short/1", "High blood pressure", "https://example.org/hbp", "MedlinePlus", "2026-10-02")
    unsafe = CitedPassage("t/in_short/2", "Not a link", "javascript:alert(1)")
    await desk.patient_says("I have Crushing chest pain <script>")
    for author, kind, text, citations, name in [
        (EntryAuthor.BOT_REVIEWED, "answer", "An answer. [1]", (cited, unsafe), None),
        (EntryAuthor.BOT, "emergency", "Call now.", (), None),
        (EntryAuthor.HUMAN, "human", "I am here.", (), "Ana Ruiz"),
    ]:
        entry = TranscriptEntry(f"{kind}1", time.time(), author, kind, text, "en", citations, None, name)
        await desk.transcript.append("c1", entry)
    case = await desk.open_case(
        level=Level.EMERGENCY,
        reason=CaseReason.EMERGENCY,
        category="chest_pain",
        rules=("chest_pain_now", "no_words"),
        matched=("crushing chest pain",),
        summary="Said last: “pain”\nWhy a person: a rule",
    )
    async with desk.browser("ana") as browser:
        page = (await browser.get(f"/cases/{case.id}")).text
    assert "I have <mark>Crushing chest pain</mark> &lt;script&gt;" in page
    for words in (
        "Emergency sign",
        "chest_pain_now",
        "no_words",
        "<dt>What was asked</dt>",
        "Bot, reviewed content",
        "Ana Ruiz, care team",
        'href="https://example.org/hbp"',
        "MedlinePlus, reviewed 2026-10-02",
        "Not a link",
        "Claim this case to reply.",
    ):
        assert words in page
    assert "javascript:" not in page


async def test_claim_reply_note_resolve_reach_patient_and_case(desk: Desk) -> None:
    """The whole of a nurse's work: the patient is told of the claim, gets the reply once, and the bot comes back."""
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        claimed = await browser.act(f"/cases/{case.id}/claim")
        assert claimed.headers["location"] == f"/desk/cases/{case.id}?done=claimed"
        page = await browser.text(f"/cases/{case.id}?done=claimed")
        assert "The patient has been told." in page
        form = {"csrf": csrf_in(page), "text": " Hello, I am Ana. ", "reply_token": "token-of-this-form"}
        for _ in range(2):
            assert (await browser.post(f"/cases/{case.id}/reply", **form)).status_code == 303
        await browser.act(f"/cases/{case.id}/note", text="Called back; <fine>.")
        page = (await browser.get(f"/cases/{case.id}")).text
        assert page.count("Hello, I am Ana.") == 1
        assert "Called back; &lt;fine&gt;." in page
        resolved = await browser.act(f"/cases/{case.id}/resolve", outcome="answered")
        assert resolved.headers["location"] == "/desk/?done=resolved"
        assert "Answered" in await browser.text("/?show=resolved")
        assert "The bot is with the patient." in await browser.text(f"/cases/{case.id}")
    reply = ("reply", case.id, "Hello, I am Ana.", "Ana Ruiz", "token-of-this-form")
    assert desk.line.told == [("claimed", case.id, "Ana Ruiz"), reply, ("resolved", case.id)]
    done = await desk.queue.get(case.id)
    assert (done.state, done.outcome) == (CaseState.RESOLVED, Outcome.ANSWERED)
    assert [event.act for event in done.events[2:4]] == [CaseAct.NOTE_ADDED, CaseAct.REPLIED]


async def test_a_case_that_another_person_holds_is_not_answered_and_nothing_typed_is_lost(desk: Desk) -> None:
    """The second nurse is told who was faster, and finds her text on the page."""
    case = await desk.open_case()
    async with desk.browser("ana") as ana, desk.browser("ben") as ben:
        await ana.act(f"/cases/{case.id}/claim")
        late = await ben.act(f"/cases/{case.id}/claim")
        assert late.status_code == 409
        assert "Ana Ruiz was faster and holds this case." in late.text
        reply = await ben.act(f"/cases/{case.id}/reply", text="my long answer")
        assert reply.status_code == 409
        assert "Another person holds this case now." in reply.text
        assert "my long answer" in reply.text
        for act, words in (("release", "Only its holder or a lead"), ("resolve", "Claim the case before")):
            response = await ben.act(f"/cases/{case.id}/{act}", outcome="answered")
            assert response.status_code == 409
            assert words in response.text
    assert [told[0] for told in desk.line.told] == ["claimed"]


async def test_an_unclaimed_or_resolved_case_is_not_answered(desk: Desk) -> None:
    """A reply needs a holder: otherwise bot and person would talk over each other."""
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        response = await browser.act(f"/cases/{case.id}/reply", text="my answer")
        assert response.status_code == 409
        assert "Claim the case before you reply." in response.text
        await browser.act(f"/cases/{case.id}/claim")
        await browser.act(f"/cases/{case.id}/resolve", outcome="answered")
        response = await browser.act(f"/cases/{case.id}/reply", text="my answer")
        assert "This case is resolved" in response.text
        for act in ("claim", "release", "resolve"):
            response = await browser.act(f"/cases/{case.id}/{act}", outcome="answered")
            assert response.status_code == 409
            assert "already resolved" in response.text


@pytest.mark.parametrize("text", ["   ", "x" * 4001], ids=["empty", "too long"])
async def test_a_reply_or_note_has_words_that_fit(desk: Desk, text: str) -> None:
    """Nothing empty or too long for a channel is sent; what was typed stays."""
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        await browser.act(f"/cases/{case.id}/claim")
        for act in ("reply", "note"):
            response = await browser.act(f"/cases/{case.id}/{act}", text=text)
            assert response.status_code == 409
            assert text.strip() in response.text
        assert "1 to 4000 characters" in response.text
    assert [told[0] for told in desk.line.told] == ["claimed"]
    assert (await desk.queue.get(case.id)).notes == ()


async def test_an_outcome_must_be_chosen(desk: Desk) -> None:
    """A case is not closed without saying how it ended, and never with what only a patient can do."""
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        await browser.act(f"/cases/{case.id}/claim")
        for outcome in ("", "left_queue", "nonsense"):
            response = await browser.act(f"/cases/{case.id}/resolve", outcome=outcome)
            assert response.status_code == 409
            assert "Choose how the case ended." in response.text


async def test_a_released_case_waits_again(desk: Desk) -> None:
    """The holder can put a case back, and so can a lead for somebody who left."""
    await desk.add_staff("lea", "Lea", Role.LEAD)
    case = await desk.open_case()
    async with desk.browser("ana") as ana, desk.browser("lea") as lea:
        for browser in (ana, lea):
            await ana.act(f"/cases/{case.id}/claim")
            response = await browser.act(f"/cases/{case.id}/release")
            assert response.headers["location"] == "/desk/?done=released"
            assert (await desk.queue.get(case.id)).state is CaseState.WAITING
        await ana.act(f"/cases/{case.id}/claim")
        assert "Release for Ana Ruiz" in " ".join((await lea.text(f"/cases/{case.id}")).split())
    assert [told[0] for told in desk.line.told] == ["claimed", "released"] * 2 + ["claimed"]


async def test_when_the_patient_cannot_be_reached_the_nurse_is_told(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """A claim stands, an unsent reply is kept and tried again, and no words reach the log."""
    case = await desk.open_case()
    desk.line.broken = True
    async with desk.browser("ana") as browser:
        claimed = await browser.act(f"/cases/{case.id}/claim")
        assert claimed.headers["location"].endswith("done=claimed_untold")
        with caplog.at_level(logging.DEBUG):
            await browser.act(f"/cases/{case.id}/reply", text="dawn words", reply_token="token-of-this-form")
            resolved = await browser.act(f"/cases/{case.id}/resolve", outcome="answered")
        assert "dawn" not in caplog.text
        assert resolved.headers["location"].endswith("done=resolved_untold")
        page = await browser.text(f"/cases/{case.id}")
        assert "Being sent" in page
        assert "dawn words" in page
    assert await desk.queue.due() == [case.id]
    desk.line.broken = False
    await Timekeeper(desk.queue, desk.line).step()
    assert desk.line.told == [("reply", case.id, "dawn words", "Ana Ruiz", "token-of-this-form")]
    assert (await desk.queue.get(case.id)).state is CaseState.RESOLVED


async def test_a_conversation_that_was_erased_meanwhile_is_said_to_be_gone(desk: Desk) -> None:
    """Whatever a nurse does with an erased case, she is told, and what she typed is given back."""
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        await browser.act(f"/cases/{case.id}/claim")
        await desk.queue.erase("c1")
        assert (await browser.get(f"/cases/{case.id}")).status_code == 404
        for act in CASE_PAGE_ACTS:
            response = await browser.act(f"/cases/{case.id}/{act}", text="my answer", outcome="answered")
            assert response.status_code == 404
            assert "This case is gone" in response.text
            if act in ("reply", "note"):
                assert "my answer" in response.text


@pytest.mark.parametrize("act", CASE_PAGE_ACTS)
async def test_no_form_works_without_its_token_or_without_a_session(desk: Desk, act: str) -> None:
    """Another site cannot act for a nurse; a session that ended gives back what was typed."""
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        strange = await browser.post(f"/cases/{case.id}/{act}", text="my answer", csrf="made up")
        assert strange.status_code == 403
        browser.client.cookies.clear()
        ended = await browser.post(f"/cases/{case.id}/{act}", text="my <answer>")
        assert ended.status_code == 401
        assert "my &lt;answer&gt;" in ended.text
        assert "You are signed out" in ended.text
    assert (await desk.queue.get(case.id)).events[-1].act is CaseAct.OPENED


async def test_earlier_cases_of_the_patient_are_one_click_away(redis: Redis) -> None:
    """A nurse sees that the patient was here before, and how it ended."""
    clock = FakeClock(time.time() - 25 * 3600)
    desk = make_desk(redis, clock=clock)
    await desk.add_staff("ana", "Ana Ruiz")
    earlier = await desk.open_case(category="asthma")
    async with desk.browser("ana") as browser:
        await browser.act(f"/cases/{earlier.id}/claim")
        await browser.act(f"/cases/{earlier.id}/resolve", outcome="referred")
        clock.now = time.time()
        later = await desk.open_case(category="fever")
        page = await browser.text(f"/cases/{later.id}")
    assert f'href="/desk/cases/{earlier.id}"' in page
    assert "resolved: referred elsewhere" in page


async def test_a_transcript_that_cannot_be_opened_does_not_hide_the_case(desk: Desk, redis: Redis) -> None:
    """A lost key is said in words; the emergency itself stays visible."""
    strange = Transcript(redis, Vault(Vault.new_key()))
    await strange.append("c1", TranscriptEntry("m1", 1.0, EntryAuthor.PATIENT, "text", "words", "en"))
    case = await desk.open_case(level=Level.EMERGENCY, reason=CaseReason.EMERGENCY, category="stroke")
    async with desk.browser("ana") as browser:
        page = await browser.text(f"/cases/{case.id}")
        assert "Stroke" in await browser.text("/")
    assert "The messages cannot be opened" in page


async def test_pages_forbid_inline_code_framing_and_caching(desk: Desk) -> None:
    """Nothing that a patient writes can run, and no page stays in a shared computer's cache."""
    case = await desk.open_case(summary="x")
    async with desk.browser("ana") as browser:
        for path in ("/", f"/cases/{case.id}", "/sign-in", "/nowhere"):
            response = await browser.get(path)
            policy = response.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert response.headers["cache-control"] == "no-store"
            assert response.headers["x-content-type-options"] == "nosniff"
            assert "<style" not in response.text
            assert " style=" not in response.text
            assert " onclick=" not in response.text
            assert response.text.count("<script") == response.text.count('<script src="/desk/static/')
        script = await browser.get("/static/desk.js")
        assert "immutable" in script.headers["cache-control"]
        assert (await browser.get("/nowhere")).status_code == 404


async def test_a_store_that_is_away_is_said_in_words_and_gives_back_what_was_typed(redis: Redis) -> None:
    """When the store does not answer, the page says so and no text is lost."""
    desk = make_desk(redis)
    await desk.add_staff("ana", "Ana")
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        await browser.act(f"/cases/{case.id}/claim")
        form = {"csrf": csrf_in((await browser.get("/")).text), "text": "my answer"}
        await redis.shutdown(nosave=True)
        response = await browser.post(f"/cases/{case.id}/reply", **form)
    assert response.status_code == 503
    assert "The store does not answer" in response.text
    assert "my answer" in response.text
    assert response.headers["retry-after"] == "5"
