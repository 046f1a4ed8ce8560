"""Makes the pictures of the README: the widget, the desk's queue, a case, and the lead's page.

    python -m tests.pictures

The pages are the real ones, in a real Chromium. The patients, their words and the care team are made up; what the bot
says in the widget are reviewed sentences of the repository.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, ViewportSize
from redis.asyncio import Redis

from actions.answering.topic import read_topic
from actions.handoff.case import Case, CaseOpening, CaseReason, Outcome, OutgoingReply
from actions.transcript import CitedPassage, EntryAuthor, TranscriptEntry, summarise_case
from bot.desk.canned import read_canned_replies
from bot.desk.staff import Role, Staff
from bot.settings import REPOSITORY
from careguard.verdict import Level
from tests.browser import running_chromium
from tests.fakes.web_gateway import FakeWebGateway, message
from tests.serving import serving
from tests.store import running_store
from tests.unit.desk.desk import PASSWORD, Desk, make_desk
from tests.unit.handoff.clock import FakeClock

PICTURES = REPOSITORY / ".github" / "images"
SIZE: ViewportSize = {"width": 1280, "height": 800}
DAY_S = 86_400.0
QUESTION = "What can I do about high blood pressure?"
ANSWER = "To lower high blood pressure without pills, eat well, cut down on salt, move more and lose extra weight."
ITS_SOURCE = CitedPassage(
    "high_blood_pressure/what_you_can_do/1",
    "High Blood Pressure",
    "https://medlineplus.gov/highbloodpressure.html",
    "MedlinePlus (NIH)",
)
EARLIER = "A question."

HISTORY = (
    (Level.EMERGENCY, CaseReason.EMERGENCY, "chest_pain", (20, 110), Outcome.SENT_TO_EMERGENCY),
    (Level.URGENT, CaseReason.URGENT, "fever", (60, 1100), Outcome.ANSWERED),
    (Level.URGENT, CaseReason.URGENT, "danger_signs_in_pregnancy", (60, 800), Outcome.REFERRED),
    (Level.NONE, CaseReason.ASKED_FOR_PERSON, None, (120, 9000), Outcome.ANSWERED),
    (Level.NONE, CaseReason.ASKED_FOR_PERSON, None, (120, 16000), Outcome.ANSWERED),
    (Level.NONE, CaseReason.TWO_MISUNDERSTANDINGS, None, (120, 12000), Outcome.NOTHING_NEEDED),
)
NOW_WAITING = (
    (Level.EMERGENCY, CaseReason.EMERGENCY, "chest_pain", 70, "en", "I have crushing chest pain and my arm feels numb"),
    (Level.URGENT, CaseReason.URGENT, "danger_signs_in_pregnancy", 760, "es", "Estoy de 30 semanas y veo destellos"),
    (Level.URGENT, CaseReason.URGENT, "fever", 400, "en", "My baby is 2 months old and has 38.6"),
    (Level.NONE, CaseReason.ASKED_FOR_PERSON, None, 5400, "en", "Can somebody explain my lab letter to me?"),
    (Level.NONE, CaseReason.OWN_MEDICINE, None, 3100, "en", "Can I take my new tablet with my old ones?"),
    (Level.NONE, CaseReason.ASKED_FOR_PERSON, None, 1500, "es", "Quisiera hablar con una enfermera sobre mi dieta"),
    (Level.NONE, CaseReason.ASKED_FOR_PERSON, None, 300, "en", "I would like to talk to a nurse about my inhaler"),
)


async def open_case(
    desk: Desk, number: int, level: Level, reason: CaseReason, category: str | None, language: str, words: str
) -> Case:
    """A made-up patient writes and needs a person."""
    conversation = f"made-up-{number}"
    if category == "chest_pain" and words != EARLIER:
        for entry in (
            TranscriptEntry("p1", desk.services.clock() - 230, EntryAuthor.PATIENT, "text", QUESTION, language),
            TranscriptEntry(
                "b0", desk.services.clock() - 228, EntryAuthor.BOT, "answer", ANSWER, language, (ITS_SOURCE,)
            ),
        ):
            await desk.transcript.append(conversation, entry)
    said = TranscriptEntry(f"m{number}", desk.services.clock(), EntryAuthor.PATIENT, "text", words, language)
    await desk.transcript.append(conversation, said)
    return await desk.queue.open_case(
        CaseOpening(
            conversation_id=conversation,
            channel="telegram" if number % 3 == 2 else "web",
            level=level,
            reason=reason,
            opened_by_message=f"m{number}",
            category=category,
            rules=(category,) if category else (),
            matched=("crushing chest pain",) if category == "chest_pain" else (),
            language=language,
            country="US",
            summary=summarise_case(await desk.transcript.read(conversation), reason=reason),
        )
    )


async def live_through(desk: Desk, clock: FakeClock, people: list[Staff]) -> None:
    """Thirty days of work, seven who wait now, and two cases with somebody."""
    chance, now, number = random.Random(7), clock.now, 0
    for day in range(29, -1, -1):
        for _ in range(chance.randint(3, 9)):
            level, reason, category, (shortest, longest), outcome = chance.choice(HISTORY)
            staff, waited_s = chance.choice(people), chance.uniform(shortest, longest)
            clock.now = now - (day + 1) * DAY_S + chance.uniform(0, DAY_S - 18_000)
            number += 1
            language = chance.choice(["en", "en", "en", "es"])
            case = await open_case(desk, number, level, reason, category, language, EARLIER)
            clock.pass_s(waited_s)
            await desk.queue.claim(case.id, staff.id)
            clock.pass_s(chance.uniform(60, 600))
            await desk.queue.resolve(case.id, staff.id, outcome)
    for level, reason, category, waited_s, language, words in NOW_WAITING:
        clock.now = now - waited_s
        number += 1
        await open_case(desk, number, level, reason, category, language, words)
    clock.now = now - 1300
    taken = await open_case(desk, number + 1, Level.NONE, CaseReason.ASKED_FOR_PERSON, None, "es", "¿Puedo viajar?")
    await desk.queue.claim(taken.id, people[1].id)
    clock.now = now


async def work_on(desk: Desk, clock: FakeClock, staff: Staff) -> Case:
    """The nurse has taken the emergency, and her first words are on their way."""
    [case, *_] = await desk.queue.waiting()
    said = TranscriptEntry(
        "b1", clock.now - 69, EntryAuthor.BOT, "emergency",
        "Chest pain can be a heart attack. Call 911 now. A person of our care team has been called.", "en",
        case_id=case.id,
    )  # fmt: skip
    await desk.transcript.append(case.conversation_id, said)
    await desk.queue.claim(case.id, staff.id)
    words_of_hers = "I am here with you. Have you called 911?"
    reply = OutgoingReply("r1", staff.id, staff.name, words_of_hers, clock.now, clock.now + 9)
    await desk.queue.hold_reply(case.id, reply)
    return case


@asynccontextmanager
async def signed_in(chromium: Browser, address: str, who: str) -> AsyncIterator[Page]:
    """A page of somebody at the desk."""
    context = await chromium.new_context(viewport=SIZE, locale="en-US", color_scheme="light")
    page = await context.new_page()
    await page.goto(f"{address}/desk/sign-in")
    await page.locator("#sign_in").fill(who)
    await page.locator("#password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_text("Live", exact=True).wait_for()
    yield page
    await context.close()


async def show(page: Page, name: str) -> None:
    """Keep what the page shows."""
    await page.screenshot(path=PICTURES / name)
    print(f"  {name}  {(PICTURES / name).stat().st_size // 1024} kB")  # noqa: T201


async def show_desk(chromium: Browser) -> None:
    """The queue, a case, and the lead's page."""
    clock = FakeClock(time.time())
    async with running_store() as url, Redis.from_url(url, decode_responses=True) as redis:
        desk = make_desk(redis, clock=clock, canned=read_canned_replies(REPOSITORY / "locales", ["en", "es"]))
        people = [await desk.add_staff("ana", "Ana Ruiz"), await desk.add_staff("ben", "Ben Okafor")]
        await desk.add_staff("lea", "Lea Marin", Role.LEAD)
        await desk.services.staff.change("ben", languages=["en", "es"], skills=["fever"])
        await live_through(desk, clock, people)
        async with serving(desk.app) as address:
            async with signed_in(chromium, address, "ana") as page:
                await show(page, "desk.png")
                clock.now = time.time()
                case = await work_on(desk, clock, people[0])
                await page.goto(f"{address}/desk/cases/{case.id}")
                await page.get_by_text("Live", exact=True).wait_for()
                await show(page, "desk-case.png")
            async with signed_in(chromium, address, "lea") as page:
                await page.goto(f"{address}/desk/lead")
                await show(page, "desk-lead.png")


async def show_widget(chromium: Browser) -> None:
    """An answer with its sources in the chat widget."""
    topic = read_topic(REPOSITORY / "locales/languages/en/topics/high_blood_pressure.md", "en")
    passages = [each for each in topic.section("what_you_can_do") if "{" not in each.text][:3]
    citations = [
        {
            "id": each.id,
            "title": each.source_title,
            "url": each.source_url,
            "publisher": each.source_publisher,
            "reviewed_on": None,
        }
        for each in passages
    ]
    sentences = [{"text": each.text, "citations": [each.id]} for each in passages]
    gateway = FakeWebGateway()
    gateway.when(QUESTION, message("\n".join(each.text for each in passages), sentences=sentences, citations=citations))
    with gateway.running():
        context = await chromium.new_context(viewport={"width": 1280, "height": 860}, locale="en-US")
        page = await context.new_page()
        await page.goto(f"{gateway.url}/?open")
        await page.get_by_role("textbox").fill(QUESTION)
        await page.keyboard.press("Enter")
        await page.locator("article summary").wait_for()
        await page.wait_for_timeout(500)  # until it has come to rest
        await show(page, "widget.png")
        await context.close()


async def main() -> None:
    """Make all of them."""
    async with running_chromium() as chromium:
        await show_widget(chromium)
        await show_desk(chromium)


if __name__ == "__main__":
    asyncio.run(main())
