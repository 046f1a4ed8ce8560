"""The widget in a real Chromium, against a gateway that follows the contract and says what the test wrote down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.browser import AXE_RULES, FAULTS_BY_AXE, INSTALLED, QUIET, axe_script
from tests.fakes.web_gateway import PAGE, FakeWebGateway, ScriptedEvent, message, part, typing

pytestmark = pytest.mark.browser

QUESTION = "What is high blood pressure?"
SENTENCES = (
    "High blood pressure means that the force of the blood in your vessels stays too high.",
    "High blood pressure often has no signs.",
)
CITATIONS: list[dict[str, Any]] = [
    {
        "id": "high_blood_pressure/in_short/1",
        "title": "High Blood Pressure",
        "url": "https://medlineplus.gov/highbloodpressure.html",
        "publisher": "MedlinePlus (NIH)",
        "reviewed_on": None,
    },
    {
        "id": "high_blood_pressure/in_short/2",
        "title": "About High Blood Pressure",
        "url": "https://www.cdc.gov/high-blood-pressure/about/index.html",
        "publisher": "CDC",
        "reviewed_on": "2026-10-02",
    },
]
PARTS = tuple(part(at, text, CITATIONS[at]["id"]) for at, text in enumerate(SENTENCES))
ANSWER = message(
    "\n".join(SENTENCES),
    sentences=[{"text": text, "citations": [CITATIONS[at]["id"]]} for at, text in enumerate(SENTENCES)],
    citations=CITATIONS,
    quick_replies=[{"title": "Simpler", "payload": "simpler"}, {"title": "More detail", "payload": "detail"}],
)
EMERGENCY = message(
    "Chest pain can be a heart attack.\n- Call 911 now.\n- Poison Help: call 1-800-222-1222, 24 hours a day.",
    kind="emergency",
    case_id="c_1",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = INSTALLED or playwright.chromium.executable_path
        if not Path(path).exists():
            pytest.skip("no Chromium: neither an installed one nor the driver's own; the widget was not driven")
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def gateway() -> Iterator[FakeWebGateway]:
    with FakeWebGateway().running() as fake:
        yield fake


class Visit:
    """One patient's browser window, and what it must never do: complain, or talk to anyone but the gateway."""

    def __init__(self, browser: Browser, gateway: FakeWebGateway, **options: Any) -> None:
        self.gateway = gateway
        self.context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
        self.context.set_default_timeout(10_000)
        self.complaints: list[str] = []
        self.addresses: set[str] = set()
        self.page = self.context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.addresses.add(request.url))

    def _note(self, said: Any) -> None:
        # A browser reports each refused or broken request itself; those are what some tests are about.
        if said.type in {"error", "warning"} and not said.text.startswith("Failed to load resource"):
            self.complaints.append(said.text)

    def go(self, path: str = "/?open") -> Page:
        self.page.goto(self.gateway.url + path)
        return self.page

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    def write(self, text: str) -> None:
        self.page.get_by_role("textbox").fill(text)
        self.page.keyboard.press("Enter")


@pytest.fixture
def visit(browser: Browser, gateway: FakeWebGateway) -> Iterator[Visit]:
    opened = Visit(browser, gateway)
    yield opened
    opened.context.close()
    assert opened.complaints == []
    assert all(address.startswith((gateway.url, "data:")) for address in opened.addresses), opened.addresses


def scrolled_width(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


def test_the_one_script_stays_under_40_kb_and_asks_nothing_of_anyone_else() -> None:
    """What a clinic adds to its page is small, and is the whole of it."""
    source = (PAGE / "widget.js").read_bytes()
    assert len(source) < 40_000
    assert re.findall(rb"\beval\(|new Function|innerHTML|document\.write|import\(", source) == []


def test_a_patient_who_uses_only_the_keyboard_can_open_write_and_close(visit: Visit, gateway: FakeWebGateway) -> None:
    """Focus moves into the chat, Escape closes it, and focus comes back to where it was."""
    gateway.when(QUESTION, ANSWER)
    page = visit.go("/")
    launcher = page.locator(".launcher")
    expect(launcher).to_have_accessible_name("Open the chat")
    expect(launcher).to_have_attribute("aria-expanded", "false")
    launcher.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Health questions")).to_be_visible()
    expect(page.get_by_role("textbox", name="Write your question")).to_be_focused()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect(visit.log).to_contain_text(SENTENCES[1])
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(launcher).to_be_focused()


def test_shift_and_enter_starts_a_new_line_instead_of_sending(visit: Visit, gateway: FakeWebGateway) -> None:
    """Patients write more than one line."""
    page = visit.go()
    page.get_by_role("textbox").fill("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    page.keyboard.press("Enter")
    expect(visit.log).to_contain_text("two")
    assert gateway.received == ["one\ntwo"]


def test_an_answer_streams_in_sentence_by_sentence_and_the_finished_one_takes_its_place(
    visit: Visit, gateway: FakeWebGateway
) -> None:
    """Every sentence stands there once, at first without and then with its sources."""
    gateway.when(QUESTION, typing(), PARTS[0])
    page = visit.go()
    visit.write(QUESTION)
    expect(visit.log).to_contain_text(SENTENCES[0])
    expect(visit.log).not_to_contain_text(SENTENCES[1])
    asked = next(iter(gateway.newest.messages.values()))
    gateway.push(PARTS[1], reply_to=asked)
    expect(visit.log).to_contain_text(SENTENCES[1])
    expect(page.locator("article")).to_have_count(1)
    assert page.locator(".sources").count() == 0
    gateway.push(ANSWER, reply_to=asked)
    expect(page.locator(".sources")).to_have_count(1)
    expect(page.locator("article")).to_have_count(1)
    for sentence in SENTENCES:
        expect(page.get_by_text(sentence)).to_have_count(1)
    # It was read out sentence by sentence and must not be read out again.
    expect(page.locator("article .body")).to_have_attribute("aria-live", "off")


def test_a_draft_that_was_withdrawn_is_gone_from_the_screen(visit: Visit, gateway: FakeWebGateway) -> None:
    """Sentences that turned out not to stand are replaced by what is said instead."""
    gateway.when(QUESTION, PARTS[0], message("I have no reviewed information on that.", kind="refusal"))
    visit.go()
    visit.write(QUESTION)
    expect(visit.log).to_contain_text("I have no reviewed information on that.")
    expect(visit.log).not_to_contain_text(SENTENCES[0])


def test_a_sentences_number_opens_its_source_with_publisher_link_and_review_date(
    visit: Visit, gateway: FakeWebGateway
) -> None:
    """A patient sees who says so, can open it, and is told when no clinician has reviewed it yet."""
    gateway.when(QUESTION, ANSWER)
    page = visit.go()
    visit.write(QUESTION)
    expect(page.get_by_role("link", name="About High Blood Pressure")).to_be_hidden()
    page.get_by_role("button", name="Source 2: About High Blood Pressure").click()
    second = page.locator(".sources li").nth(1)
    expect(second).to_be_focused()
    expect(second).to_contain_text("CDC")
    expect(second).to_contain_text("Reviewed by a clinician on October 2, 2026")
    expect(second.get_by_role("link")).to_have_attribute("href", CITATIONS[1]["url"])
    expect(second.get_by_role("link")).to_have_attribute("rel", "noopener noreferrer")
    expect(page.locator(".sources li").nth(0)).to_contain_text("Not yet reviewed by a clinician")


def test_the_card_shows_the_passage_when_to_get_help_the_review_mark_and_what_to_ask_next(
    visit: Visit, gateway: FakeWebGateway
) -> None:
    """One tap on a number shows the passage behind the sentence; one on a topic asks about it."""
    help_now = "Call 911 if very high blood pressure comes with chest pain."
    cited = [{"text": text, "citations": [CITATIONS[0]["id"]]} for text in (SENTENCES[0], help_now)]
    related = [
        {"title": "Simpler", "payload": "simpler"},
        {"title": "Causes", "payload": "topic:high_blood_pressure:cause"},
        {"title": "Stroke", "payload": "topic:stroke"},
    ]
    answer = message(
        f"{SENTENCES[0]}\n\n{help_now}",
        sentences=cited,
        citations=CITATIONS[:1],
        quick_replies=related,
        help=[1],
        passages={CITATIONS[0]["id"]: {"text": "The passage, word for word.", "written_on": "2026-11-24"}},
    )
    gateway.when(QUESTION, answer)
    gateway.when("topic:stroke", message("A stroke is an emergency."))
    page = visit.go()
    visit.write(QUESTION)
    article = page.locator("article")
    expect(article.locator(".help")).to_have_text("When to get help")
    expect(article.locator(".help + p")).to_contain_text(help_now)
    expect(article.locator(":scope > .fine")).to_have_text("Not yet reviewed by a clinician")
    expect(page.get_by_text("The passage, word for word.")).to_be_hidden()
    page.get_by_role("button", name="Source 1: High Blood Pressure").first.press("Enter")
    source = page.locator(".sources li")
    expect(source).to_be_focused()
    expect(source).to_contain_text("The passage, word for word.")
    expect(source).to_contain_text("MedlinePlus (NIH) · Written on November 24, 2026")
    group = page.get_by_role("group", name="You may also ask")
    expect(group.get_by_role("button")).to_have_text(["Causes", "Stroke"])
    group.get_by_role("button", name="Stroke").click()
    expect(visit.log).to_contain_text("A stroke is an emergency.")
    expect(page.get_by_role("group", name="You may also ask")).to_have_count(0)
    assert gateway.received == [QUESTION, "topic:stroke"]


def test_a_quick_reply_sends_its_payload_and_shows_its_title(visit: Visit, gateway: FakeWebGateway) -> None:
    """The patient reads their own words; the bot gets exactly what it offered, once."""
    gateway.when(QUESTION, ANSWER)
    gateway.when("simpler", message("It means the push of your blood is too strong."))
    page = visit.go()
    visit.write(QUESTION)
    page.get_by_role("button", name="Simpler").click()
    expect(visit.log).to_contain_text("the push of your blood")
    expect(page.locator(".own").last).to_contain_text("Simpler")
    expect(page.get_by_role("button", name="More detail")).to_have_count(0)
    assert gateway.received == [QUESTION, "simpler"]


def test_a_button_that_opens_a_page_opens_it_and_writes_nothing(visit: Visit, gateway: FakeWebGateway) -> None:
    """The page for a visit is opened by its ticket, which stands behind the # and so in no request."""
    button = {"title": "Open the page", "payload": "visit_sheet:open"}
    opens = {"visit_sheet:open": "visit-sheet.html#ticket"}
    gateway.when("make a list", message("Your page is ready.", kind="notice", quick_replies=[button], opens=opens))
    page = visit.go()
    visit.write("make a list")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Open the page").click()
    assert "/visit-sheet" in opened.value.url
    assert gateway.received == ["make a list"]


def test_a_person_can_be_asked_for_at_any_time(visit: Visit, gateway: FakeWebGateway) -> None:
    """The way to a person is always there; the chat says that the care team knows, and who it is that writes."""
    gateway.when("person", message("I have asked the care team.", kind="handoff", case_id="c_1"))
    page = visit.go()
    page.get_by_role("button", name="Talk to a person").click()
    expect(visit.log).to_contain_text("I have asked the care team.")
    assert gateway.received == ["person"]
    gateway.push(ScriptedEvent("case", {"case_id": "c_1", "state": "waiting", "level": "none"}))
    expect(page.locator(".case")).to_contain_text("The care team has been told.")
    gateway.push(
        ScriptedEvent("case", {"case_id": "c_1", "state": "claimed", "level": "none"}),
        message("Hello, how can I help?", kind="human", author="human", person_name="Rosa"),
    )
    expect(page.locator(".case")).to_contain_text("A person from the care team is in this chat.")
    expect(page.locator("article").last).to_contain_text("Rosa · Care team")
    gateway.push(ScriptedEvent("case", {"case_id": "c_1", "state": "resolved", "level": "none"}))
    expect(page.locator(".case")).to_be_hidden()


def test_a_patient_sees_that_the_care_team_has_read_a_message(visit: Visit, gateway: FakeWebGateway) -> None:
    """While a person holds the conversation the bot is silent, so being read is shown."""
    page = visit.go()
    visit.write("first")
    expect(page.locator(".own.sent")).to_have_count(1)
    asked = next(iter(gateway.newest.messages.values()))
    gateway.push(ScriptedEvent("read", {"case_id": "c_1"}), reply_to=asked)
    expect(page.locator(".own .state")).to_have_text("Seen by the care team")


def test_it_says_all_the_time_that_it_is_not_a_doctor_and_whom_to_call(visit: Visit) -> None:
    """The line stays while the conversation scrolls, and the number can be tapped."""
    page = visit.go()
    line = page.locator("#line")
    expect(line).to_contain_text("I am an AI assistant, not a doctor.")
    expect(line.get_by_role("link", name="911")).to_have_attribute("href", "tel:911")


def test_an_emergency_is_announced_at_once_and_its_numbers_can_be_called(visit: Visit, gateway: FakeWebGateway) -> None:
    """A screen reader interrupts for it, it is more than a colour, and every number in it is a link."""
    gateway.when("I have crushing chest pain", EMERGENCY)
    page = visit.go()
    visit.write("I have crushing chest pain")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Emergency")
    expect(alert.get_by_role("link", name="Call 911")).to_have_attribute("href", "tel:911")
    expect(alert.get_by_role("link", name="1-800-222-1222")).to_have_attribute("href", "tel:18002221222")
    expect(alert.get_by_role("link")).to_have_count(3)  # "24 hours" is no number to call
    in_view = page.evaluate(
        "() => { const call = document.querySelector('[data-bedside]').shadowRoot.querySelector('.call');"
        " const box = call.getBoundingClientRect(); return box.top > 0 && box.bottom < innerHeight; }"
    )
    assert in_view


def test_after_a_reload_the_conversation_is_there_in_the_same_order_and_nothing_is_announced_again(
    visit: Visit, gateway: FakeWebGateway
) -> None:
    """Own words and replies come back, each once; an old emergency does not shout a second time."""
    gateway.when(QUESTION, ANSWER)
    gateway.when("I have crushing chest pain", EMERGENCY)
    page = visit.go("/")
    page.get_by_role("link", name="Ask a health question").click()
    visit.write(QUESTION)
    expect(visit.log).to_contain_text(SENTENCES[1])
    visit.write("I have crushing chest pain")
    expect(visit.log).to_contain_text("heart attack")
    visit.write("thank you")
    expect(page.locator(".own.sent")).to_have_count(3)
    before = visit.log.inner_text()
    page.reload()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.locator(".own")).to_have_count(3)
    assert visit.log.inner_text().replace("Simpler\nMore detail\n", "") == before
    expect(page.get_by_role("alert")).to_have_count(0)
    assert len(gateway.conversations) == 1


def test_a_lost_connection_is_taken_up_where_it_broke_without_loss_or_repeats(
    visit: Visit, gateway: FakeWebGateway
) -> None:
    """The stream resumes from the last event; what was sent meanwhile arrives once."""
    gateway.when(QUESTION, ANSWER)
    page = visit.go()
    visit.write(QUESTION)
    expect(page.locator("article")).to_have_count(1)
    gateway.lose_streams()
    gateway.push(message("While you were away.", kind="notice"))
    expect(visit.log).to_contain_text("While you were away.")
    expect(page.locator("article")).to_have_count(2)
    assert gateway.resumed_from[0] is None
    assert gateway.resumed_from[-1] == "1-0"


def test_a_message_that_could_not_be_sent_says_so_and_is_sent_again_once(visit: Visit, gateway: FakeWebGateway) -> None:
    """Nothing is lost in silence: the message is marked, the emergency number shown, and the retry sends it once."""
    gateway.when(QUESTION, ANSWER)
    page = visit.go()
    expect(page.locator(".starters")).to_be_visible()
    gateway.is_away = True
    gateway.lose_streams()
    visit.write(QUESTION)
    expect(page.locator(".offline")).to_contain_text("call 911", timeout=20_000)
    expect(page.locator(".own .state")).to_contain_text("Not sent.", timeout=20_000)
    gateway.is_away = False
    page.get_by_role("button", name="Send again").click()
    expect(visit.log).to_contain_text(SENTENCES[0])
    expect(page.locator(".own")).to_have_count(1)
    expect(page.locator(".offline")).to_be_hidden(timeout=20_000)
    assert gateway.received == [QUESTION]


def test_an_expired_conversation_is_replaced_and_the_message_still_arrives(
    visit: Visit, gateway: FakeWebGateway
) -> None:
    """A patient who comes back after days just goes on writing."""
    gateway.when(QUESTION, ANSWER)
    page = visit.go()
    visit.write(QUESTION)
    expect(page.locator("article")).to_have_count(1)
    gateway.forget_conversations()
    visit.write("and how is it treated?")
    expect(visit.log).to_contain_text("This is a new one.")
    expect(page.locator(".own.sent")).to_have_count(2)
    assert gateway.received == [QUESTION, "and how is it treated?"]
    assert len(gateway.conversations) == 1


@pytest.mark.parametrize("status", [413, 422, 429])
def test_a_refused_message_shows_the_servers_words(visit: Visit, gateway: FakeWebGateway, status: int) -> None:
    """The patient is told why in words, and can go on from what they wrote."""
    page = visit.go()
    gateway.refuse_next(status, "Please write a little less.")
    visit.write("a refused message")
    expect(page.locator(".own .state")).to_contain_text("Please write a little less.")
    if status == 429:
        page.get_by_role("button", name="Send again").click()
        expect(page.locator(".own.sent")).to_have_count(1)
    else:
        expect(page.get_by_role("textbox")).to_have_value("a refused message")


def test_a_message_that_is_too_long_is_counted_and_held_back(visit: Visit, gateway: FakeWebGateway) -> None:
    """Four thousand characters go, counted as people count them; one more does not, and the reason is given."""
    page = visit.go()
    box = page.get_by_role("textbox")
    box.fill("🙂" * 3_990)
    expect(page.locator("#count")).to_have_text("3990 / 4000")
    box.fill("a" * 4_001)
    expect(page.locator("#count")).to_contain_text("Too long: 4001 of 4000 characters")
    page.keyboard.press("Enter")
    assert gateway.received == []
    box.fill("a" * 4_000)
    page.keyboard.press("Enter")
    expect(page.locator(".own.sent")).to_have_count(1)


def test_the_language_can_be_changed_and_stays_changed(visit: Visit, gateway: FakeWebGateway) -> None:
    """The panel and the bot both speak the chosen language, also after a reload."""
    gateway.when("language:es", message("De acuerdo, sigo en español.", kind="notice", language="es"))
    page = visit.go()
    page.get_by_role("combobox", name="Language").select_option("es")
    expect(page.get_by_role("button", name="Hablar con una persona")).to_be_visible()
    expect(visit.log).to_contain_text("De acuerdo, sigo en español.")
    expect(page.locator(".own")).to_contain_text("Español")
    assert gateway.received == ["language:es"]
    page.reload()
    expect(page.get_by_role("button", name="Hablar con una persona")).to_be_visible()


def test_the_panel_follows_the_language_in_which_the_bot_answers(visit: Visit, gateway: FakeWebGateway) -> None:
    """Who writes in Spanish also reads the buttons and the emergency line in Spanish."""
    gateway.when("¿Qué es la diabetes?", message("La diabetes es una enfermedad.", language="es"))
    page = visit.go()
    visit.write("¿Qué es la diabetes?")
    expect(page.locator("#line")).to_contain_text("no un médico")
    expect(page.locator("article")).to_have_attribute("lang", "es")


def test_a_right_to_left_language_mirrors_the_panel(visit: Visit, gateway: FakeWebGateway) -> None:
    """Own words stand at the other side, and the panel and its launcher too."""
    gateway.direction = "rtl"
    gateway.when("مرحبا", message("مرحبا بك"))
    page = visit.go()
    visit.write("مرحبا")
    expect(page.locator("article")).to_have_count(1)
    panel, own, reply, launcher = (
        page.locator(each).bounding_box() for each in (".panel", ".own .bubble", "article", ".launcher")
    )
    assert panel is not None and own is not None and reply is not None and launcher is not None
    assert panel["x"] < 100 and launcher["x"] < 100
    assert own["x"] < reply["x"] + reply["width"] - own["width"]
    assert own["x"] - panel["x"] < 40


@pytest.mark.parametrize(
    "size", [(320, 640), (360, 740), (640, 400), (320, 256)], ids=["320 px", "phone", "zoom 200 %", "zoom 400 %"]
)
def test_it_fits_small_and_zoomed_screens_and_keeps_the_focus_in_sight(
    browser: Browser, gateway: FakeWebGateway, size: tuple[int, int]
) -> None:
    """No sideways scrolling; where the chat fills the screen, Tab stays in it and what has focus can be seen."""
    gateway.when(QUESTION, ANSWER)
    visit = Visit(browser, gateway, viewport={"width": size[0], "height": size[1]})
    page = visit.go()
    visit.write(QUESTION)
    expect(visit.log).to_contain_text(SENTENCES[1])
    expect(page.get_by_role("dialog")).to_have_attribute("aria-modal", "true")
    assert page.locator(".panel").evaluate("panel => panel.scrollWidth <= panel.clientWidth")
    assert page.locator(".log").evaluate("log => log.scrollWidth <= log.clientWidth")
    for _ in range(20):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
              const shadow = document.querySelector('[data-bedside]').shadowRoot;
              const it = shadow.activeElement;
              if (!it) return 'left the chat';
              const box = it.getBoundingClientRect();
              const x = box.left + box.width / 2;
              const y = Math.min(Math.max(box.top, 0) + 8, innerHeight - 2);
              const top = shadow.elementFromPoint(x, y);
              return it === top || it.contains(top) || top?.contains(it) ? '' : `hidden: ${it.className}`;
            }"""
        )
        assert seen == ""
    assert scrolled_width(page) <= size[0]
    visit.context.close()
    assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_in_light_and_dark_and_everything_to_press_has_a_name_and_a_size(
    browser: Browser, gateway: FakeWebGateway, scheme: str
) -> None:
    """WCAG 2.2 AA by measurement: contrast 4.5 to 1, targets of 24 px, names on all controls, one heading, a log."""
    gateway.when(QUESTION, ANSWER, message("Are you well?", kind="human", author="human"))
    crisis, urgent = message("You are not alone.", kind="crisis"), message("See a doctor.", kind="urgent")
    gateway.when("pain", EMERGENCY, crisis, urgent)
    visit = Visit(browser, gateway, color_scheme=scheme)
    page = visit.go()
    visit.write(QUESTION)
    expect(page.locator("article")).to_have_count(2)
    page.locator("summary").click()
    visit.write("pain")
    expect(page.locator(".reply")).to_have_count(5)
    page.get_by_role("button", name="Options").click()
    found = page.evaluate(MEASURE)
    assert found == []
    expect(page.get_by_role("log", name="Conversation")).to_have_attribute("aria-live", "polite")
    expect(page.get_by_role("heading", name="Health questions")).to_have_count(1)
    assert visit.complaints == []
    axe = axe_script()

    def faults() -> str:
        page.evaluate(axe)
        return "\n".join(page.evaluate(FAULTS_BY_AXE, AXE_RULES))

    assert faults() == "", "the page with the chat and its options open"
    page.get_by_role("button", name="Options").click()
    assert faults() == "", "the page with the chat open"
    visit.go("/")
    assert faults() == "", "the page with the chat closed"
    visit.context.close()


MEASURE = r"""() => {
  const shadow = document.querySelector('[data-bedside]').shadowRoot;
  const problems = [];
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at instanceof Element; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  for (const element of shadow.querySelectorAll('.root *')) {
    if (!element.checkVisibility() || element.closest('.unseen, svg')) continue;
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (own) {
      const [a, b] = [light(numbers(getComputedStyle(element).color)), light(behind(element))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) problems.push(`contrast ${ratio.toFixed(2)} of "${element.textContent.slice(0, 30)}"`);
    }
    if (element.matches('button, select, textarea, summary, a')) {
      const name = element.getAttribute('aria-label') || element.textContent.trim();
      const { width, height } = element.getBoundingClientRect();
      if (!name) problems.push(`no name: ${element.className || element.tagName}`);
      const inText = element.matches('a') && element.parentElement.closest('p, li');
      if (!inText && (width < 24 || height < 24)) problems.push(`small: ${name} ${width} x ${height}`);
    }
    for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls']) {
      const id = element.getAttribute(attribute);
      if (id && !shadow.getElementById(id)) problems.push(`${attribute} of nothing: ${id}`);
    }
  }
  return problems;
}"""


def test_who_asks_for_less_motion_sees_none(browser: Browser, gateway: FakeWebGateway) -> None:
    """The sign that an answer is being written stands still."""
    gateway.when(QUESTION, typing())
    visit = Visit(browser, gateway, reduced_motion="reduce")
    page = visit.go()
    visit.write(QUESTION)
    expect(page.locator(".typing")).to_contain_text("Writing an answer")
    assert page.locator(".typing i").first.evaluate("dot => getComputedStyle(dot).animationName") == "none"
    visit.context.close()


def test_text_from_anywhere_is_shown_as_text_and_only_web_addresses_become_links(
    visit: Visit, gateway: FakeWebGateway
) -> None:
    """Nothing that a patient, a source or a model writes can run in the clinic's page."""
    attack = '<img src=x onerror="document.title=1"><script>document.title=1</script> javascript:alert(1)'
    bad = [{"id": "a", "title": attack, "url": "javascript:alert(1)", "publisher": attack, "reviewed_on": None}]
    gateway.when(attack, message(f"{attack} https://example.org/a.", citations=bad))
    page = visit.go()
    visit.write(attack)
    expect(page.locator("article")).to_have_count(1)
    expect(page.locator(".own .bubble")).to_contain_text(attack)
    expect(page.locator(".log img, .log script")).to_have_count(0)
    assert page.locator(".log a").evaluate_all("links => links.map((link) => link.href)") == ["https://example.org/a"]
    expect(page).to_have_title("Riverside Family Clinic (demonstration)")


def test_erasing_the_chat_leaves_nothing_of_it_on_the_device(visit: Visit, gateway: FakeWebGateway) -> None:
    """On a shared phone the next person finds neither the words nor the key to them."""
    gateway.when(QUESTION, ANSWER)
    page = visit.go("/")
    page.locator(".launcher").click()
    visit.write(QUESTION)
    expect(page.locator("article")).to_have_count(1)
    page.get_by_role("button", name="Options").click()
    page.get_by_role("button", name="Erase this chat from this device").click()
    page.locator(".confirm").get_by_role("button", name="Erase").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    token = gateway.newest.token
    assert QUESTION not in kept and token not in kept
    page.locator(".launcher").click()
    expect(page.locator(".starters")).to_be_visible()
    expect(page.locator("article")).to_have_count(0)


def test_leaving_quickly_wipes_and_closes_in_one_press(visit: Visit, gateway: FakeWebGateway) -> None:
    """No question is asked of someone who must not be seen here."""
    page = visit.go("/")
    page.locator(".launcher").click()
    visit.write("he hits me")
    expect(page.locator(".own.sent")).to_have_count(1)
    page.get_by_role("button", name="Options").click()
    page.get_by_role("button", name="Leave quickly and erase").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert "he hits me" not in page.evaluate("JSON.stringify([localStorage, sessionStorage])")


def test_what_the_server_erased_goes_from_the_screen_and_the_device_too(visit: Visit, gateway: FakeWebGateway) -> None:
    """After "delete what you stored about me" only the receipt is left, also after a reload."""
    gateway.when(QUESTION, ANSWER)
    gateway.when("/delete", message("It is deleted.", kind="notice", id="m_2.erased"))
    page = visit.go("/")
    page.locator(".launcher").click()
    visit.write(QUESTION)
    expect(page.locator("article")).to_have_count(1)
    page.get_by_role("button", name="Options").click()
    page.get_by_role("button", name="Delete what you stored about me").click()
    expect(visit.log).to_contain_text("It is deleted.")
    expect(visit.log).not_to_contain_text(QUESTION)
    visit.write("a new start")
    expect(page.locator(".own.sent")).to_have_count(1)
    assert QUESTION not in page.evaluate("JSON.stringify(localStorage)")
    conversation = gateway.newest
    conversation.events[:] = conversation.events[-1:]
    page.reload()
    expect(visit.log).to_contain_text("It is deleted.")
    expect(page.locator(".own")).to_have_count(1)
    expect(page.locator(".own")).to_contain_text("a new start")


def test_a_reply_to_a_closed_chat_is_counted_on_the_launcher(visit: Visit, gateway: FakeWebGateway) -> None:
    """A nurse's answer is not missed because the patient was reading the page."""
    page = visit.go("/")
    page.locator(".launcher").click()
    visit.write("hello")
    expect(page.locator(".own.sent")).to_have_count(1)
    page.keyboard.press("Escape")
    gateway.push(message("Are you still there?", kind="human", author="human"))
    expect(page.locator(".launcher")).to_have_accessible_name("Open the chat. New message: 1")
    page.locator(".launcher").click()
    expect(page.locator(".badge")).to_be_hidden()
    expect(visit.log).to_contain_text("Are you still there?")


def test_one_tag_is_enough_on_another_websites_page_with_a_strict_policy(
    browser: Browser, gateway: FakeWebGateway
) -> None:
    """No style, font or picture has to be allowed there, and the script talks only to where it came from."""
    gateway.when(QUESTION, ANSWER)
    visit = Visit(browser, gateway)
    elsewhere = gateway.url.replace("127.0.0.1", "localhost")
    visit.page.goto(f"{elsewhere}/elsewhere?language=es&country=ES")
    launcher = visit.page.locator(".launcher")
    expect(launcher).to_have_accessible_name("Abrir el chat")
    launcher.click()
    expect(visit.page.locator("#line")).to_contain_text("112")
    visit.write(QUESTION)
    expect(visit.log).to_contain_text(SENTENCES[1])
    assert launcher.evaluate("button => getComputedStyle(button).position") == "fixed"
    assert {address for address in visit.addresses if not address.startswith((gateway.url, elsewhere))} == set()
    assert visit.complaints == []
    visit.context.close()


def test_the_launcher_steps_aside_for_what_has_the_focus_under_it(visit: Visit) -> None:
    """A keyboard user of the clinic's page always sees where they are."""
    page = visit.go("/")
    expect(page.locator(".launcher")).to_have_accessible_name("Open the chat")
    page.evaluate(
        "() => { const link = document.createElement('button'); link.textContent = 'x';"
        " link.className = 'test'; document.body.append(link);"
        " Object.assign(link.style, { position: 'fixed', right: '30px', bottom: '30px' }); link.focus(); }"
    )
    expect(page.locator(".launcher")).to_have_class(re.compile("aside"))
    page.get_by_role("link", name="Hours").focus()
    expect(page.locator(".launcher")).not_to_have_class(re.compile("aside"))


def test_without_a_server_the_launcher_waits_and_opens_when_it_is_back(visit: Visit, gateway: FakeWebGateway) -> None:
    """A press on the button is kept, not lost."""
    gateway.is_away = True
    page = visit.go("/")
    page.locator(".launcher").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    gateway.is_away = False
    expect(page.get_by_role("dialog")).to_be_visible()


def test_the_demo_page_says_that_it_is_one_and_gives_the_line_to_embed(visit: Visit, gateway: FakeWebGateway) -> None:
    """An operator copies one line, with this server's own address in it."""
    page = visit.go("/")
    expect(page.get_by_text("This is a demonstration.")).to_be_visible()
    expect(page.locator("#snippet")).to_contain_text(f'<script src="{gateway.url}/widget.js"')


def test_a_server_that_refuses_every_stream_gets_no_flood_of_new_conversations(
    visit: Visit, gateway: FakeWebGateway
) -> None:
    """A wrong set-up shows as "no connection", with the emergency number, and keeps the patient's conversation."""
    gateway.refuses_streams = True
    page = visit.go()
    expect(page.locator(".offline")).to_contain_text("call 911")
    assert len(gateway.conversations) == 1
