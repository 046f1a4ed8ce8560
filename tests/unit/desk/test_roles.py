"""Who may use what: every route of the desk, tried by everyone; and what the log says of it."""

from __future__ import annotations

import re

import httpx
import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route

from bot.desk.audit import LOG_KEY, AuditRecord
from bot.desk.roles import NOBODY, RULES, Unrecorded, home_of, route_name
from bot.desk.services import DeskSettings
from bot.desk.staff import Role
from tests.unit.desk.desk import Browser, Desk, csrf_in, make_desk


def routes_of(desk: Desk) -> list[BaseRoute]:
    [mount] = desk.app.routes
    assert isinstance(mount, Mount)
    [inner] = mount.routes
    assert isinstance(inner, Mount)
    return list(inner.routes)


def names_of(routes: list[BaseRoute]) -> set[str]:
    named = set()
    for route in routes:
        methods = (route.methods or {"GET"}) - {"HEAD"} if isinstance(route, Route) else {"*"}
        named |= {route_name(route, method) for method in methods}
    return named


async def records(desk: Desk) -> list[AuditRecord]:
    return [record async for record in desk.services.audit.records()]


async def test_every_route_has_a_rule_and_every_rule_a_route(redis: Redis) -> None:
    """Whoever adds a page says who may use it and what the log says of it; until then it is closed to everyone."""
    named = names_of(routes_of(make_desk(redis)))
    assert named - set(RULES) == set(), "these routes have no rule in bot/desk/roles.py"
    assert set(RULES) - named == set(), "these rules have no route"


def test_only_what_shows_or_changes_nothing_of_others_goes_unrecorded() -> None:
    """A new route with an audit entry of its own passes; one without must be added here by name, with its reason."""
    unrecorded = {name for name, rule in RULES.items() if isinstance(rule.records, Unrecorded)}
    assert unrecorded == {
        "GET /sign-in",
        "POST /sign-in",
        "GET /sign-in/code",
        "POST /sign-in/code",
        "GET /sign-in/open-id",
        "GET /sign-in/open-id/back",
        "* /static",
        "GET /{path:path}",
        "GET /cases/{case_id}/break-glass",
        "POST /cases/{case_id}/break-glass",
        "POST /views",
        "POST /views/remove",
        "POST /present",
        "GET /events",
        "GET /account",
        "GET /account/password",
        "GET /account/second-factor",
    }
    open_to_all = {name for name, rule in RULES.items() if not rule.signed_in}
    assert open_to_all == {
        "GET /sign-in",
        "POST /sign-in",
        "GET /sign-in/code",
        "POST /sign-in/code",
        "GET /sign-in/open-id",
        "GET /sign-in/open-id/back",
        "* /static",
        "GET /{path:path}",
    }
    assert all(rule.allows for rule in RULES.values() if rule.signed_in)


@pytest.fixture
async def house(redis: Redis) -> Desk:
    desk = make_desk(redis)
    for role in Role:
        await desk.add_staff(role.value, role.value.title(), role)
    return desk


async def use(browser: Browser, name: str, case_id: str, staff_id: str) -> httpx.Response:
    method, path = name.split(" ")
    path = path.replace("{case_id}", case_id).replace("{staff_id}", staff_id)
    if method == "GET":
        return await browser.get(path)
    page = await browser.get("/account")
    return await browser.post(path, csrf=csrf_in(page.text), text="some words of mine", reason="complaint")


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_uses_what_it_may_and_nothing_else(house: Desk, role: Role) -> None:
    """Every route, tried by every role: what the table allows goes through, what it does not is denied and recorded."""
    case = await house.open_case()
    other = await house.add_staff("other", "Other")
    async with house.browser(role.value) as browser:
        for name, rule in RULES.items():
            if not rule.signed_in or name in {"GET /events", "POST /sign-out", "POST /cases/{case_id}/break-glass"}:
                continue
            before = len(await records(house))
            response = await use(browser, name, case.id, other.id)
            told = (await records(house))[before:]
            denied = [record for record in told if record.action.startswith("denied.")]
            if role in rule.allows:
                assert denied == [], name
                assert "is not for your role" not in response.text, name
                assert response.status_code < 500, name
                if isinstance(rule.records, str):
                    assert told[0].action == rule.records, name
                    assert (told[0].who, told[0].role) == ((await staff_id(house, role)), role.value)
                    assert told[0].case_id == (case.id if "{case_id}" in name else "")
            elif role in rule.glass:
                assert response.status_code in {303, 403}, name
                assert "some words" not in response.text
            elif name == "GET /":
                assert response.headers["location"].endswith(home_of(role))
            else:
                assert response.status_code == 403, name
                assert len(denied) == 1, name
                assert [record.action for record in told] == ["denied.role"]


async def staff_id(desk: Desk, role: Role) -> str:
    found = await desk.services.staff.find(role.value)
    assert found is not None
    return found.id


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.signed_in])
async def test_nobody_uses_anything_without_signing_in(house: Desk, name: str) -> None:
    """Each route, tried by a stranger: a page leads to the sign-in, an act does nothing, and nothing is recorded."""
    case = await house.open_case()
    async with house.browser() as browser:
        method, path = name.split(" ")
        path = path.replace("{case_id}", case.id).replace("{staff_id}", "x")
        response = await (browser.get(path) if method == "GET" else browser.post(path, text="typed", csrf="x"))
    assert response.status_code in {303, 401}
    if response.status_code == 303:
        assert "/desk/sign-in?next=" in response.headers["location"]
    assert await records(house) == []


async def test_a_route_without_a_rule_is_closed_to_everyone(
    house: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forgetting the table closes a page; it never opens it."""
    monkeypatch.delitem(RULES, "GET /people")
    async with house.browser("admin") as browser:
        response = await browser.get("/people")
    assert response.status_code == 403
    assert "stays closed" in response.text
    assert "has no rule" in caplog.text


async def test_nothing_happens_that_cannot_be_recorded(
    house: Desk, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that cannot be written stops the act, and says so."""
    case = await house.open_case()
    async with house.browser("nurse") as browser:
        csrf = csrf_in((await browser.get("/account")).text)
        await redis.delete(LOG_KEY)
        await redis.set(LOG_KEY, "not a list")
        response = await browser.post(f"/cases/{case.id}/claim", csrf=csrf)
        assert response.status_code == 503
        assert (await browser.get("/account")).status_code == 200
    assert (await house.queue.get(case.id)).claimed_by is None


async def test_what_came_to_nothing_is_recorded_too(house: Desk) -> None:
    """The log tells a claim that failed from one that did not."""
    case = await house.open_case()
    async with house.browser("nurse") as nurse, house.browser("lead") as lead:
        await nurse.act(f"/cases/{case.id}/claim")
        before = len(await records(house))
        page = await lead.get("/account")
        assert (await lead.post(f"/cases/{case.id}/claim", csrf=csrf_in(page.text))).status_code == 409
    asked, refused = (await records(house))[before:]
    assert (asked.action, refused.action) == ("case.claim", "case.claim.refused")
    assert refused.detail == f"409:{asked.number}"


async def test_a_page_that_refreshes_by_itself_is_recorded_once(house: Desk) -> None:
    """The log tells of people, not of timers; and nobody can look at a case unseen by calling it a refresh."""
    case = await house.open_case()
    background = {"X-Desk-Background": "1"}
    async with house.browser("nurse") as browser:
        for _ in range(3):
            await browser.client.get(f"/desk/cases/{case.id}", headers=background)
        assert [record.action for record in await records(house)] == ["sign_in", "case.view"]
        for _ in range(2):
            await browser.get(f"/cases/{case.id}")
    assert [record.action for record in await records(house)].count("case.view") == 3


async def test_no_words_of_a_patient_reach_the_log(house: Desk, redis: Redis) -> None:
    """Neither what is written at the desk nor an address that holds words."""
    case = await house.open_case()
    async with house.browser("nurse") as browser:
        await browser.act(f"/cases/{case.id}/note", text="the canary sings at dawn")
        await browser.get("/cases/the canary sings")
        await browser.sign_in("the canary sings", "the canary sings")
    told = str(await redis.lrange(LOG_KEY, 0, -1))
    assert "case.note" in told
    assert "canary" not in told
    assert "unreadable" in told


async def test_glass_is_broken_for_one_case_and_a_reason_that_the_lead_reads(house: Desk, redis: Redis) -> None:
    """Clinical safety sees no case, unless it says why; then the log, and the lead's page, know."""
    case, other = await house.open_case("c1"), await house.open_case("c2")
    async with house.browser("clinical_safety") as safety:
        refused = await safety.get(f"/cases/{case.id}")
        assert refused.headers["location"] == f"/desk/cases/{case.id}/break-glass"
        form = await safety.get(f"/cases/{case.id}/break-glass")
        assert "outside your role or team" in form.text
        csrf = csrf_in(form.text)
        for reason, text in (("", "a review of the rule"), ("complaint", "short"), ("made_up", "a review of the rule")):
            again = await safety.post(f"/cases/{case.id}/break-glass", csrf=csrf, reason=reason, text=text)
            assert again.status_code == 409
        assert (await safety.get(f"/cases/{case.id}")).status_code == 303
        await safety.post(f"/cases/{case.id}/break-glass", csrf=csrf, reason="safety_review", text="Rule chest_pain")
        assert (await safety.get(f"/cases/{case.id}")).status_code == 200
        assert (await safety.get(f"/cases/{other.id}")).status_code == 303
        assert (await safety.post(f"/cases/{case.id}/claim", csrf=csrf)).status_code == 403
        [key] = [key async for key in redis.scan_iter("bedside:desk:glass:*")]
        assert 0 < await redis.ttl(key) <= 3600
        await redis.delete(key)
        assert (await safety.get(f"/cases/{case.id}")).status_code == 303
    told = [record for record in await records(house) if record.action == "case.break_glass"]
    assert [(record.case_id, record.detail) for record in told] == [(case.id, "safety_review")]
    stored = str(await redis.lrange("bedside:desk:glass", 0, -1))
    assert "chest_pain" not in stored
    async with house.browser("lead") as lead:
        page = await lead.text("/lead")
        assert "Rule chest_pain" in page
        assert "Review of a safety rule" in page
        assert case.id in page


async def test_a_nurse_of_one_team_breaks_the_glass_for_a_case_of_another(house: Desk) -> None:
    """Teams see their own cases, those of no team, and what they hold."""
    case = await house.open_case("c1")
    nurse = await house.services.staff.change("nurse", teams=["wards"])
    async with house.browser("nurse") as browser:
        assert (await browser.get(f"/cases/{case.id}")).status_code == 200
        await house.queue.release(case.id, nurse.id)
        await give_team(house, case.id, "births")
        assert (await browser.get(f"/cases/{case.id}")).status_code == 303
        page = await browser.get("/account")
        denied = await browser.post(f"/cases/{case.id}/note", csrf=csrf_in(page.text), text="unseen")
        assert denied.status_code == 403
        await house.services.staff.change("nurse", teams=["births"])
        assert (await browser.get(f"/cases/{case.id}")).status_code == 200


async def give_team(desk: Desk, case_id: str, team: str) -> None:
    """Pass the case to a team, as its holder does."""
    lead = await desk.services.staff.find("lead")
    assert lead is not None
    await desk.queue.claim(case_id, lead.id)
    await desk.queue.transfer(case_id, lead.id, to_team=team)


async def test_the_gate_lets_nothing_but_pages_of_the_desk_through(redis: Redis) -> None:
    """What is no route is said to be none; a wrong method is no way around the table."""
    desk = make_desk(redis)
    await desk.add_staff("nurse", "Nurse")
    async with desk.browser("nurse") as browser:
        assert (await browser.get("/nowhere")).status_code == 404
        assert (await browser.client.delete("/desk/people")).status_code == 405
        assert (await browser.client.head("/desk/people")).status_code == 403
        assert (await browser.client.put("/desk/cases/x/claim")).status_code == 405


async def test_a_page_without_the_gate_shows_nothing(redis: Redis) -> None:
    """Mounted without the gate, by mistake, a page of the desk is closed."""
    desk = make_desk(redis)
    page = next(route for route in routes_of(desk) if isinstance(route, Route) and route.path == "/people")
    assert isinstance(page, Route)
    bare = Starlette(routes=[Route("/people", page.endpoint), Route("/x", lambda _: PlainTextResponse("x"))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=bare), base_url="http://desk.test") as client:
        assert (await client.get("/people")).status_code == 403


async def test_a_required_second_factor_comes_before_everything_else(redis: Redis) -> None:
    """Where everyone must have a second factor, nothing is shown before it is set up."""
    desk = make_desk(redis, DeskSettings(second_factor_required=True))
    await desk.add_staff("nurse", "Nurse")
    async with desk.browser("nurse") as browser:
        assert (await browser.get("/")).headers["location"] == "/desk/account/second-factor"
        assert (await browser.client.get("/desk/", headers={"X-Desk-Background": "1"})).status_code == 403
        page = await browser.get("/account/second-factor")
        assert page.status_code == 200
        denied = await browser.post("/account/presence", csrf=csrf_in(page.text), presence="busy")
        assert denied.status_code == 403
        assert re.search("Set up a second factor first", denied.text)


def test_nobody_means_nobody() -> None:
    """The empty set of roles lets nobody in."""
    assert not any(role in NOBODY for role in Role)
