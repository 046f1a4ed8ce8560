"""What the care team does with a case besides answering: pass on, take back, suggest, tag, follow up, find."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from actions.handoff.case import CaseAct, CaseReason, CaseState, CitedSource, ReplyState, Suggestion
from actions.handoff.hours import read_hours
from actions.transcript import EntryAuthor, TranscriptEntry
from bot.desk.canned import CannedReplies, read_canned_replies
from bot.desk.services import Delivery, DeskSettings
from bot.desk.staff import Role
from bot.desk.views import MOST_VIEWS, QueueView
from bot.errors import AnswerError
from bot.gateway.timekeeper import Timekeeper
from bot.settings import REPOSITORY
from careguard.errors import DataFileError
from careguard.verdict import Level
from tests.unit.desk.desk import Desk, csrf_in, make_desk
from tests.unit.handoff.clock import FakeClock

LOCALES = REPOSITORY / "locales"
HOURS = read_hours(REPOSITORY / "deploy" / "hours.example.yaml")
SOURCE = CitedSource("t/in_short/1", "High blood pressure", "https://example.org/hbp", "MedlinePlus")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(time.time())


@pytest.fixture
async def desk(redis: Redis, clock: FakeClock) -> Desk:
    made = make_desk(redis, clock=clock, hours=HOURS, canned=read_canned_replies(LOCALES, ["en", "es"]))
    await made.add_staff("ana", "Ana Ruiz")
    await made.add_staff("ben", "Ben Okafor")
    return made


async def id_of(desk: Desk, sign_in: str) -> str:
    staff = await desk.services.staff.find(sign_in)
    assert staff is not None
    return staff.id


async def test_a_reply_can_be_taken_back_for_ten_seconds_and_leaves_after_them(desk: Desk, clock: FakeClock) -> None:
    """Nothing reaches the patient before; a reply that was taken back is in the field again; one that left stays."""
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        await browser.act(f"/cases/{case.id}/claim")
        await browser.act(f"/cases/{case.id}/reply", text="first <try>", reply_token="token-one")
        page = await browser.text(f"/cases/{case.id}")
        assert "Leaves in 10 s" in page
        assert "first <try>" in page
        clock.pass_s(9)
        await Timekeeper(desk.queue, desk.line).step()
        undone = await browser.act(f"/cases/{case.id}/undo", reply_id="token-one")
        assert undone.status_code == 200
        assert re.search(r"<textarea id=\"reply\"[^>]*>first &lt;try&gt;</textarea>", undone.text)
        clock.pass_s(60)
        await Timekeeper(desk.queue, desk.line).step()
        assert [told[0] for told in desk.line.told] == ["claimed"]
        await browser.act(f"/cases/{case.id}/reply", text="second try", reply_token="token-two")
        clock.pass_s(10)
        for _ in range(2):
            await Timekeeper(desk.queue, desk.line).step()
        late = await browser.act(f"/cases/{case.id}/undo", reply_id="token-two")
        assert "has already left" in late.text
    assert [told[2] for told in desk.line.told if told[0] == "reply"] == ["second try"]
    assert (await desk.queue.get(case.id)).outgoing[0].state is ReplyState.STORED


async def test_what_was_written_leaves_before_the_case_is_closed(desk: Desk) -> None:
    """Resolving within the ten seconds does not swallow the goodbye."""
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        await browser.act(f"/cases/{case.id}/claim")
        await browser.act(f"/cases/{case.id}/reply", text="goodbye")
        await browser.act(f"/cases/{case.id}/resolve", outcome="answered")
    assert [told[0] for told in desk.line.told] == ["claimed", "reply", "resolved"]


@pytest.mark.parametrize(
    ("delivery", "said"),
    [
        (Delivery("stored"), "Stored, not yet fetched"),
        (Delivery("sent"), "Sent"),
        (Delivery("failed", "Forbidden"), "Not delivered: the patient has blocked the bot"),
    ],
)
async def test_how_far_a_reply_came_is_shown(desk: Desk, delivery: Delivery, said: str) -> None:
    """Stored, sent, failed with the reason; read once the patient wrote after it."""
    desk.line.delivery = delivery
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        await browser.act(f"/cases/{case.id}/claim")
        await browser.act(f"/cases/{case.id}/reply", text="hello")
        await desk.queue.let_replies_go(case.id)
        await Timekeeper(desk.queue, desk.line).step()
        assert said in await browser.text(f"/cases/{case.id}")
        await desk.patient_says("thank you")
        assert ("Read: the patient wrote since" in await browser.text(f"/cases/{case.id}")) == (
            delivery.state == "sent"
        )


async def test_a_case_is_passed_on_to_a_person_or_a_team(desk: Desk) -> None:
    """The other person holds it at once, a team finds it waiting; only its holder or a lead passes it on."""
    await desk.add_staff("lea", "Lea", Role.LEAD)
    case = await desk.open_case()
    async with desk.browser("ana") as ana, desk.browser("ben") as ben, desk.browser("lea") as lea:
        await ana.act(f"/cases/{case.id}/claim")
        assert "Choose to whom" in (await ana.act(f"/cases/{case.id}/transfer", to="staff:nobody")).text
        passed = await ana.act(f"/cases/{case.id}/transfer", to=f"staff:{await id_of(desk, 'ben')}")
        assert passed.headers["location"] == "/desk/?done=transferred"
        assert "With you" in await ben.text(f"/cases/{case.id}")
        refused = await ana.act(f"/cases/{case.id}/transfer", to="team:nurses")
        assert "Only its holder or a lead can pass it on." in refused.text
        await lea.act(f"/cases/{case.id}/transfer", to="team:nurses")
        page = await ana.text(f"/cases/{case.id}")
        assert "for nurses" in page
        assert "Passed on: nurses" in page
        assert "Asked for a person" in await ana.text("/?team=nurses")
    moved = await desk.queue.get(case.id)
    assert (moved.state, moved.team) == (CaseState.WAITING, "nurses")
    assert desk.line.told[1:] == [("claimed", case.id, "Ben Okafor"), ("released", case.id)]


async def test_the_bot_suggests_and_a_person_decides(desk: Desk) -> None:
    """Sent as it is, it is the bot's and reviewed by a person, with its sources; changed, it is the person's."""
    desk.line.suggestion = Suggestion(1.0, "High blood pressure often has no signs.", (SOURCE,))
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        refused = await browser.act(f"/cases/{case.id}/suggest")
        assert "Claim the case before you ask" in refused.text
        await browser.act(f"/cases/{case.id}/claim")
        for text, suggested in ((desk.line.suggestion.text, True), ("My own words.", False)):
            asked = await browser.act(f"/cases/{case.id}/suggest")
            assert asked.headers["location"].endswith("done=suggested")
            page = await browser.text(f"/cases/{case.id}")
            assert "High blood pressure often has no signs.</textarea>" in page
            await browser.act(f"/cases/{case.id}/reply", text=text)
            reply = (await desk.queue.get(case.id)).outgoing[-1]
            assert (reply.suggested, bool(reply.sources)) == (suggested, suggested)
        assert "data-suggested" not in await browser.text(f"/cases/{case.id}")
        desk.line.suggestion = None
        assert "nothing reviewed to say" in (await browser.act(f"/cases/{case.id}/suggest")).text

        async def broken(case: object) -> None:
            raise AnswerError("away")

        desk.line.suggest_reply = broken  # type: ignore[method-assign]
        assert "cannot suggest anything right now" in (await browser.act(f"/cases/{case.id}/suggest")).text


async def test_ready_made_replies_are_filled_in_and_say_what_they_mean(desk: Desk) -> None:
    """In the patient's language; who does not speak it reads the meaning, and both texts stand in the record."""
    case = await desk.open_case(language="es")
    async with desk.browser("ana") as browser:
        await browser.act(f"/cases/{case.id}/claim")
        page = await browser.text(f"/cases/{case.id}")
        assert "Nobody of us does: use the phrases below." in page
        assert "Hola, soy Ana Ruiz, del equipo de salud." in page
        assert "Hello, this is Ana Ruiz from the care team." in page
        await browser.act(f"/cases/{case.id}/reply", text="Gracias. Deme unos minutos, por favor. Sigo aquí.")
        noted = await desk.queue.get(case.id)
        assert "Sent a phrase that says: Thank you. Please give me a few minutes." in noted.notes[0].text
        assert noted.tags == ("language_help",)
    english = await desk.open_case("c2")
    async with desk.browser("ben") as browser:
        await browser.act(f"/cases/{english.id}/claim")
        page = await browser.text(f"/cases/{english.id}")
        assert "Hello, this is Ben Okafor from the care team." in page
        assert "You do not write" not in page
    async with desk.browser("ana") as browser:
        await browser.act("/views", name="helped", show="open", search="language_help")
        assert case.id in await browser.text("/?search=language_help")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("canned_replies:", "replies:", "must be a list"),
        ("id: hello", "id: Hello there", "needs an `id`"),
        ("id: hello", "id: goodbye", "same `id`"),
        ("{staff_name}", "{name}", "unknown placeholder name"),
        ("{staff_name}", "{staff_name", "stray brace"),
    ],
)
def test_wrong_ready_made_replies_stop_the_start(tmp_path: Path, old: str, new: str, said: str) -> None:
    """A placeholder that nobody fills is found before a patient reads it."""
    folder = tmp_path / "languages" / "en"
    folder.mkdir(parents=True)
    words = (LOCALES / "languages" / "en" / "canned_replies.yaml").read_text(encoding="utf-8")
    (folder / "canned_replies.yaml").write_text(words.replace(old, new), encoding="utf-8")
    with pytest.raises(DataFileError, match=said):
        read_canned_replies(tmp_path, ["en"])


async def test_tags_and_follow_up_find_the_case_again(desk: Desk, clock: FakeClock) -> None:
    """By tag, by number, and on the list of what is to be followed up; also after the end."""
    case = await desk.open_case(category="asthma")
    tomorrow = (datetime.fromtimestamp(clock.now, UTC) + timedelta(days=1)).date().isoformat()
    async with desk.browser("ana") as browser:
        await browser.act(f"/cases/{case.id}/claim")
        bad = await browser.act(f"/cases/{case.id}/tags", tags="Ana@home")
        assert "At most 10 tags" in bad.text
        await browser.act(f"/cases/{case.id}/tags", tags="call_back, Inhaler")
        for day, said in (("soon", "Choose a day"), ("2020-01-01", "at most 28 days ahead")):
            for act in ("follow-up", "resolve"):
                wrong = await browser.act(f"/cases/{case.id}/{act}", follow_up_on=day, outcome="answered")
                assert said in wrong.text
        await browser.act(f"/cases/{case.id}/follow-up", follow_up_on=tomorrow)
        await browser.act(f"/cases/{case.id}/follow-up", follow_up_on="")
        assert "Nothing is to be followed up." in await browser.text("/?show=follow_up")
        await browser.act(f"/cases/{case.id}/resolve", outcome="answered", follow_up_on=tomorrow)
        assert "Asthma" in await browser.text("/?show=follow_up")
        for search in ("inhaler", case.id, case.id.lower()):
            assert "Asthma" in await browser.text(f"/?search={search}")
        assert "No case fits" in await browser.text("/?search=nothing")


async def test_the_queue_is_filtered_and_views_are_saved_by_each_person(desk: Desk) -> None:
    """Level, category, language, channel and holder; a view has a name, belongs to one person, and can be removed."""
    await desk.open_case("c1", category="asthma")
    await desk.open_case("c2", Level.URGENT, CaseReason.URGENT, category="fever", language="es")
    held = await desk.open_case("c3", category="stroke", level=Level.EMERGENCY, reason=CaseReason.EMERGENCY)
    await desk.queue.claim(held.id, await id_of(desk, "ben"))
    async with desk.browser("ana") as ana, desk.browser("ben") as ben:
        for query, shown in (
            ("level=urgent", {"Fever"}),
            ("category=asthma", {"Asthma"}),
            ("language=es", {"Fever"}),
            ("channel=web", {"Asthma", "Fever", "Stroke"}),
            ("channel=telegram", set()),
            ("holder=nobody", {"Asthma", "Fever"}),
            (f"holder={await id_of(desk, 'ben')}", {"Stroke"}),
            ("show=unclaimed", {"Asthma", "Fever"}),
            ("show=mine", set()),
        ):
            page = await ana.text(f"/?{query}")
            assert set(re.findall(r'class="case-link"[^>]*>(\w+)<', page)) == shown, query
        saved = await ana.act("/views", name="  Spanish   first ", show="unclaimed", language="es")
        assert saved.headers["location"] == "/desk/?show=unclaimed&language=es&done=view_saved"
        page = await ana.text("/")
        assert 'href="/desk/?show=unclaimed&language=es"' in page
        assert "Spanish first" in page
        assert "Spanish first" not in await ben.text("/")
        assert (await ana.act("/views", name=" ")).headers["location"].endswith("view_not_saved")
        for number in range(MOST_VIEWS):
            last = await ana.act("/views", name=f"view {number}")
        assert last.headers["location"].endswith("view_not_saved")
        await ana.act("/views/remove", name="Spanish first")
        assert "Spanish first" not in await ana.text("/")


def test_a_view_survives_its_address_and_nonsense_is_left_out() -> None:
    """What cannot be a level, a name or a case number never reaches the page."""
    view = QueueView(show="mine", level="urgent", category="chest_pain", language="es", search="K7")
    assert QueueView.read(dict(pair.split("=") for pair in view.query().split("&"))) == view
    assert QueueView.read({"show": "x", "level": "y", "category": "<b>", "search": "a b"}) == QueueView()


async def test_a_language_is_offered_first_to_who_speaks_it_but_never_an_emergency_or_a_late_case(
    redis: Redis, clock: FakeClock
) -> None:
    """Within its level, Ana sees English first and Inés Spanish, while Inés is there; a late case is everybody's."""
    desk = make_desk(redis, clock=clock)
    await desk.add_staff("ana", "Ana Ruiz")
    await desk.services.staff.add("ines", "correct horse battery", name="Inés", languages=("es",))
    await desk.open_case("c1", category="asthma", language="es")
    clock.pass_s(1)
    await desk.open_case("c2", category="fever")
    clock.pass_s(1)
    await desk.open_case("c3", Level.EMERGENCY, CaseReason.EMERGENCY, category="stroke", language="es")

    def order(page: str) -> list[str]:
        return re.findall(r'class="case-link"[^>]*>(\w+)<', page)

    async with desk.browser("ana") as ana, desk.browser("ines") as ines:
        page = await ana.text("/")
        assert order(page) == ["Stroke", "Fever", "Asthma"]
        assert "first offered to Inés" in page
        assert order(await ines.text("/")) == ["Stroke", "Asthma", "Fever"]
        await ines.act("/account/presence", presence="busy")
        assert "first offered" not in await ana.text("/")
        assert order(await ana.text("/")) == ["Stroke", "Asthma", "Fever"]
        await ines.act("/account/presence", presence="here")
        assert order(await ana.text("/")) == ["Stroke", "Fever", "Asthma"]
        clock.pass_s(4 * 3600)
        for case_id in await desk.queue.due():
            await desk.queue.pass_time(case_id)
        assert order(await ana.text("/")) == ["Stroke", "Asthma", "Fever"]


async def test_the_timer_says_half_and_late_in_words(desk: Desk, clock: FakeClock) -> None:
    """Not by colour alone, and without a script."""
    await desk.open_case(level=Level.URGENT, reason=CaseReason.URGENT, category="fever")
    async with desk.browser("ana") as browser:
        for seconds, said, not_said in ((450, None, "half time"), (10, "half time", ">late<"), (450, ">late<", "half")):
            clock.pass_s(seconds)
            row = (await browser.text("/")).partition("<tbody")[2]
            assert said is None or said in row
            assert not_said not in row
        assert "<strong>1</strong> late" in await browser.text("/")


async def test_a_silent_patient_and_an_owed_word_are_said_on_the_page(desk: Desk, clock: FakeClock) -> None:
    """The nurse sees both on the case, and the queue says who was reminded."""
    case = await desk.open_case(level=Level.EMERGENCY, reason=CaseReason.EMERGENCY, category="stroke")
    for _ in range(2):
        clock.pass_s(121)
        await Timekeeper(desk.queue, desk.line).step()
    async with desk.browser("ana") as browser:
        assert "does not answer" in await browser.text("/")
        assert "does not answer" in await browser.text(f"/cases/{case.id}")
        await browser.act(f"/cases/{case.id}/claim")
        clock.pass_s(301)
        await Timekeeper(desk.queue, desk.line).step()
        assert "The patient waits for your word." in await browser.text(f"/cases/{case.id}")
        assert "reminded" in await browser.text("/")


async def test_a_reply_to_a_case_that_went_back_meanwhile_is_not_lost(desk: Desk, clock: FakeClock) -> None:
    """The holder took too long; the page says so and gives the text back."""
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        await browser.act(f"/cases/{case.id}/claim")
        for _ in range(2):
            clock.pass_s(301)
            await Timekeeper(desk.queue, desk.line).step()
        response = await browser.act(f"/cases/{case.id}/reply", text="my long answer")
        assert response.status_code == 409
        assert "my long answer" in response.text


async def test_a_case_that_nobody_takes_goes_up_and_one_that_nobody_answers_goes_back(
    desk: Desk, clock: FakeClock
) -> None:
    """The target passes: the next tier is told, twice. Claimed and not answered: a warning, then the queue has it back,
    and somebody else helps. The lead sees that it waited too long."""
    await desk.add_staff("lea", "Lea Marin", Role.LEAD)
    keeper = Timekeeper(desk.queue, desk.line)
    case = await desk.open_case(level=Level.URGENT, reason=CaseReason.URGENT, category="fever")
    async with desk.browser("ana") as ana, desk.browser("ben") as ben, desk.browser("lea") as lea:
        for tier, passed_s in ((1, 901), (2, 900)):
            clock.pass_s(passed_s)
            await keeper.step()
            assert (await desk.queue.get(case.id)).late_tier == tier
        assert "late" in await ben.text("/")
        await ana.act(f"/cases/{case.id}/claim")
        clock.pass_s(301)
        await keeper.step()
        assert "The patient waits for your word." in await ana.text(f"/cases/{case.id}")
        clock.pass_s(301)
        await keeper.step()
        returned = await desk.queue.get(case.id)
        assert (returned.state, returned.claimed_by) == (CaseState.WAITING, None)
        assert (await desk.queue.place_in_line(case.id)) == 1
        assert (await ben.act(f"/cases/{case.id}/claim")).status_code == 303
        lost = await ana.act(f"/cases/{case.id}/reply", text="my long answer")
        assert (lost.status_code, "my long answer" in lost.text) == (409, True)
        assert (await ben.act(f"/cases/{case.id}/reply", text="I am here now")).status_code == 303
        clock.pass_s(11)
        await keeper.step()
        await ben.act(f"/cases/{case.id}/resolve", outcome="answered")
        page = re.sub(r"<[^>]+>|\s+", " ", await lea.text("/lead"))
        assert re.search(r"Waited too long\s+1\b", page), page[:3000]
    acts = [event.act.value for event in (await desk.queue.get(case.id)).events if event.act is not CaseAct.ASKED]
    assert acts == ["opened", "late", "late", "claimed", "holder_warned", "returned", "claimed", "replied", "resolved"]
    assert [told for told in desk.line.told if told[0] == "reply"] == [
        ("reply", case.id, "I am here now", "Ben Okafor", desk.line.told[-2][4])
    ]


async def test_two_tabs_of_one_person_send_once_and_lose_nothing(desk: Desk, clock: FakeClock) -> None:
    """The same form twice is one reply; after signing out in one tab, the other gives back what was typed there."""
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        await browser.act(f"/cases/{case.id}/claim")
        one, other = await browser.text(f"/cases/{case.id}"), await browser.text(f"/cases/{case.id}")
        fields = {"text": "Please come in", "reply_token": "token-of-one-form"}
        for page in (one, other):
            assert (await browser.post(f"/cases/{case.id}/reply", csrf=csrf_in(page), **fields)).status_code == 303
        assert len((await desk.queue.get(case.id)).outgoing) == 1
        await browser.post("/sign-out", csrf=csrf_in(one))
        lost = await browser.post(f"/cases/{case.id}/reply", csrf=csrf_in(other), text="half a sentence")
        assert (lost.status_code, "half a sentence" in lost.text) == (401, True)
        await browser.sign_in("ana")
        stale = await browser.post(f"/cases/{case.id}/reply", csrf=csrf_in(other), text="half a sentence")
        assert (stale.status_code, "half a sentence" in stale.text) == (403, True)
    assert len((await desk.queue.get(case.id)).outgoing) == 1


@pytest.mark.parametrize("act", ["transfer", "undo", "suggest", "tags", "follow-up"])
async def test_an_erased_case_is_said_to_be_gone_whatever_is_tried(desk: Desk, act: str) -> None:
    """Nothing more can be done with it, and the page says so."""
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        await desk.queue.erase("c1")
        fields = {"to": "team:nurses", "reply_id": "x", "tags": "a", "follow_up_on": ""}
        response = await browser.act(f"/cases/{case.id}/{act}", **fields)
        assert response.status_code == 404
        assert "This case is gone" in response.text


async def test_a_reviewed_suggestion_is_named_after_its_reviewer(desk: Desk) -> None:
    """The transcript says bot, and who read it before it was sent."""
    case = await desk.open_case()
    await desk.transcript.append(
        "c1", TranscriptEntry("r1", 1.0, EntryAuthor.BOT_REVIEWED, "human", "x", "en", (), case.id, "Ana Ruiz")
    )
    async with desk.browser("ana") as browser:
        assert "Bot, reviewed by Ana Ruiz" in await browser.text(f"/cases/{case.id}")


async def test_without_undo_a_reply_is_sent_at_once(redis: Redis) -> None:
    """An operator may turn the ten seconds off."""
    desk = make_desk(redis, DeskSettings(undo_s=0))
    await desk.add_staff("ana", "Ana")
    case = await desk.open_case()
    async with desk.browser("ana") as browser:
        await browser.act(f"/cases/{case.id}/claim")
        await browser.act(f"/cases/{case.id}/reply", text="hello")
        assert [told[0] for told in desk.line.told] == ["claimed", "reply"]
        desk.line.broken = True
        kept = await browser.act(f"/cases/{case.id}/reply", text="again")
        assert kept.headers["location"].endswith("done=reply_waits")


def test_an_unknown_language_has_no_ready_made_replies() -> None:
    """Nothing is guessed."""
    assert CannedReplies().shown("vi", ("en",), {}) == ()
