"""The people as leads and administrators see them, the log, and the test box of clinical safety."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from bot.desk.audit import LOG_KEY
from bot.desk.staff import Role, Staff
from careguard.rulebook import Rulebook
from careguard.screen import screen
from tests.rulebook import shipped_rulebook
from tests.unit.desk.desk import PASSWORD, Browser, Desk, csrf_in, with_content

REPOSITORY = Path(__file__).resolve().parents[3]
ACCOUNT = {"role": "nurse", "languages": "en, es", "skills": "pregnancy", "teams": "", "capacity": "3"}


@pytest.fixture
async def admin(desk: Desk) -> Staff:
    await desk.add_staff("lea", "Lea", Role.LEAD)
    return await desk.add_staff("ada", "Ada", Role.ADMIN)


async def form(browser: Browser, page: str, path: str, **fields: str) -> httpx.Response:
    return await browser.post(path, csrf=csrf_in((await browser.get(page)).text), **fields)


@pytest.mark.usefixtures("admin")
async def test_an_administrator_adds_a_person_who_chooses_a_password_at_once(desk: Desk) -> None:
    """The first password is shown once and opens only the page for a new one."""
    async with desk.browser("ada") as ada:
        added = await form(ada, "/people", "/people", sign_in="noa", name="Noa", **ACCOUNT)
        shown = re.search(r"noa / ([a-z0-9-]{19})<", added.text)
        assert shown is not None
        noa = await desk.services.staff.find("noa")
        assert noa is not None
        assert (noa.languages, noa.skills, noa.capacity, noa.role) == (("en", "es"), ("pregnancy",), 3, Role.NURSE)
        assert shown[1] not in await ada.text("/people")
        for wrong in ({"sign_in": "noa"}, {"languages": "English"}, {"capacity": "99"}, {"capacity": "many"}):
            fields = ACCOUNT | {"sign_in": "eve", "name": "Eve"} | wrong
            assert (await form(ada, "/people", "/people", **fields)).status_code == 409
        assert await desk.services.staff.find("eve") is None
    async with desk.browser() as browser:
        await browser.sign_in("noa", shown[1])
        assert (await browser.get("/")).headers["location"] == "/desk/account/password"
    told = [record async for record in desk.services.audit.records() if record.about == noa.id]
    assert [record.action for record in told] == ["people.added"]


async def test_an_administrator_changes_closes_and_opens_an_account(desk: Desk, admin: Staff) -> None:
    """A new role, password, closing and a lost telephone end the open sessions; each is in the log."""
    ana = await desk.services.staff.find("ana")
    assert ana is not None
    page = f"/people/{ana.id}"
    async with desk.browser("ada") as ada, desk.browser("ana") as nurse:
        await form(ada, page, page, **ACCOUNT | {"role": "lead", "name": "Ana R."})
        assert (await nurse.get("/")).status_code == 303
        changed = await desk.services.staff.get(ana.id)
        assert changed is not None
        assert (changed.role, changed.name, changed.capacity) == (Role.LEAD, "Ana R.", 3)
        await form(ada, page, page, **ACCOUNT | {"role": "made up", "name": "Ana R."})
        await nurse.sign_in("ana")
        for path in ("sessions", "second-factor", "disable"):
            await nurse.sign_in("ana")
            assert (await nurse.get("/")).status_code == 200
            assert (await form(ada, page, f"{page}/{path}")).status_code == 303, path
            assert (await nurse.get("/")).status_code == 303, path
        assert (await nurse.sign_in("ana")).status_code == 401
        assert "Open the account again" in await ada.text(page)
        await form(ada, page, f"{page}/enable")
        fresh = re.search(r"ana / ([a-z0-9-]{19})<", (await form(ada, page, f"{page}/password")).text)
        assert fresh is not None
        assert (await nurse.sign_in("ana")).status_code == 401
        assert (await nurse.sign_in("ana", fresh[1])).status_code == 303
        assert (await ada.get("/people/nobody")).status_code == 404
        for path in ("", "/disable", "/enable", "/password", "/second-factor", "/sessions"):
            assert (await form(ada, "/people", f"/people/nobody{path}", **ACCOUNT)).status_code == 404
    told = [record.action async for record in desk.services.audit.records() if record.about == ana.id]
    for action in ("change", "sessions.end", "second_factor.remove", "disable", "enable", "password"):
        assert f"people.{action}" in told


async def test_the_last_administrator_stays(desk: Desk, admin: Staff) -> None:
    """Nobody locks the installation out of itself."""
    page = f"/people/{admin.id}"
    async with desk.browser("ada") as ada:
        assert (await form(ada, page, f"{page}/disable")).status_code == 409
        assert (await form(ada, page, page, **ACCOUNT | {"name": "Ada"})).status_code == 409
        await desk.add_staff("bob", "Bob", Role.ADMIN)
        assert (await form(ada, page, f"{page}/disable")).status_code == 303


@pytest.mark.usefixtures("admin")
async def test_a_lead_sees_who_is_there_and_changes_nothing(desk: Desk) -> None:
    """Presence, load, languages and skills; the forms are the administrator's."""
    case = await desk.open_case()
    async with desk.browser("ana") as ana, desk.browser("lea") as lea:
        await ana.act(f"/cases/{case.id}/claim")
        page = await lea.text("/people")
        row = page[page.index("Ana Ruiz") :].split("</tr>")[0]
        assert "Here" in row and "1 of 5" in row
        assert "Away" in page[page.index("Ben Okafor") :].split("</tr>")[0]
        assert "Add an account" not in page
        assert (await form(lea, "/account", "/people", sign_in="eve", **ACCOUNT)).status_code == 403


@pytest.mark.usefixtures("admin")
async def test_the_log_can_be_looked_through_by_case_and_person(desk: Desk) -> None:
    """What happened to one case, what one person did."""
    case, other = await desk.open_case("c1"), await desk.open_case("c2")
    ana = await desk.services.staff.find("ana")
    assert ana is not None
    async with desk.browser("ana") as nurse, desk.browser("lea") as lea:
        await nurse.act(f"/cases/{case.id}/claim")
        await lea.get(f"/cases/{other.id}")
        every = await lea.text("/audit")
        assert "case.claim" in every and "case.view" in every and "Ana Ruiz" in every
        one = await lea.text(f"/audit?case={case.id}")
        assert "case.claim" in one and "case.view" not in one.split("<tbody>")[-1]
        assert "case.view" not in (await lea.text(f"/audit?who={ana.id}")).split("<tbody>")[-1]
        assert "Nothing fits." in await lea.text("/audit?case=NONE")
        assert (await nurse.get("/audit")).status_code == 403


# --- clinical safety ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return shipped_rulebook()


async def safety_desk(desk: Desk, rulebook: Rulebook | None, guardrails: Path | None = None) -> Desk:
    await desk.add_staff("sam", "Sam", Role.CLINICAL_SAFETY)
    return with_content(desk, rulebook=rulebook, guardrails=guardrails or REPOSITORY / "guardrails")


async def test_the_box_says_what_the_bot_would_and_keeps_nothing(desk: Desk, redis: Redis, rulebook: Rulebook) -> None:
    """Verdict, level, rule, matched words and why; afterwards the sentence is nowhere in the store."""
    safe = await safety_desk(desk, rulebook)
    said = "My chest hurts badly and I cannot breathe"
    verdict = screen(said, rulebook)
    async with safe.browser("sam") as sam:
        assert (await sam.get("/")).headers["location"] == "/desk/safety"
        page = unescape((await form(sam, "/safety", "/safety", text=said)).text)
        assert "A person is called" in page
        assert "Emergency" in page
        for fired in verdict.rules:
            assert fired.id in page
            assert f'<mark dir="auto">{said[fired.start : fired.end]}</mark>' in page
            assert rulebook.rules[fired.id].meaning in page
        plain = unescape((await form(sam, "/safety", "/safety", text="What is <b>asthma</b>?")).text)
        assert "Allowed" in plain and "No rule fired." in plain
        assert (await form(sam, "/safety", "/safety", text=" ")).status_code == 409
        assert (await form(sam, "/safety", "/safety", text="x" * 2001)).status_code == 409
    for key in [key async for key in redis.scan_iter("*")]:
        dumped = await redis.dump(key)
        assert b"chest hurts" not in (dumped or b"")
    assert "safety.test" in str(await redis.lrange(LOG_KEY, 0, -1))


async def test_overdue_reviews_and_hazards_are_shown(desk: Desk, rulebook: Rulebook, tmp_path: Path) -> None:
    """What should have been looked at again, and what the hazard log says, whatever its fields are."""
    (tmp_path / "hazards.yaml").write_text(
        "hazards:\n  - {id: H1, title: Late handoff, severity: major, controls: [timer, notice], owner: null}\n",
        encoding="utf-8",
    )
    rule = next(iter(rulebook.rules.values()))
    old = {rule.id: replace(rule, review_due=date(2001, 1, 1), reviewed_by=None)}
    safe = await safety_desk(desk, replace(rulebook, rules={**rulebook.rules, **old}), tmp_path)
    async with safe.browser("sam") as sam:
        page = await sam.text("/safety")
    assert "2001-01-01" in page and rule.id in page
    assert "H1 Late handoff" in page
    assert "timer; notice" in page
    assert "Topics that no clinician has reviewed yet" in page


async def test_a_broken_file_leaves_the_page_usable(desk: Desk, rulebook: Rulebook, tmp_path: Path) -> None:
    """A hazard log with a mistake is named; the box still works."""
    (tmp_path / "hazards.yaml").write_text("hazards: [\n", encoding="utf-8")
    safe = await safety_desk(desk, rulebook, tmp_path)
    async with safe.browser("sam") as sam:
        page = await sam.text("/safety")
        assert "hazards.yaml" in page
        assert "No rule fired." in (await form(sam, "/safety", "/safety", text="hello")).text


async def test_without_a_rulebook_the_box_says_so(desk: Desk) -> None:
    """A desk that cannot screen never calls anything allowed."""
    safe = await safety_desk(desk, None)
    async with safe.browser("sam") as sam:
        refused = await form(sam, "/safety", "/safety", text="hello")
    assert refused.status_code == 409
    assert "Allowed" not in refused.text
    assert PASSWORD not in refused.text
