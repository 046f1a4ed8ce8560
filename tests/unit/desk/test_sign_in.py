"""The door of the desk."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from bot.desk.access import COOKIE
from bot.desk.services import DeskSettings
from bot.desk.session import FAILURES_PER_NAME_AND_ADDRESS, SessionStore
from tests.unit.desk.desk import PASSWORD, Desk, csrf_in, make_desk


async def test_nobody_sees_a_case_without_signing_in(desk: Desk) -> None:
    """Every page leads to the sign-in, and from there to where the person wanted to go."""
    case = await desk.open_case()
    async with desk.browser() as browser:
        response = await browser.get(f"/cases/{case.id}?x=1")
        assert response.status_code == 303
        assert response.headers["location"] == f"/desk/sign-in?next=/desk/cases/{case.id}%3Fx%3D1"
        page = await browser.client.get(response.headers["location"])
        signed_in = await browser.post(
            "/sign-in",
            csrf=csrf_in(page.text),
            sign_in="ana",
            password=PASSWORD,
            next=f"/desk/cases/{case.id}?x=1",
        )
        assert signed_in.headers["location"] == f"/desk/cases/{case.id}?x=1"
        assert (await browser.get(f"/cases/{case.id}")).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["https://evil.example/", "//evil.example", "/desk//evil.example", "/desk/\\evil.example", "/web", "/desk/\nx", ""],
)
async def test_signing_in_never_leads_off_the_desk(desk: Desk, path: str) -> None:
    """A link to the sign-in cannot send a nurse to another site."""
    async with desk.browser() as browser:
        response = await browser.sign_in("ana", next=path)
        assert response.headers["location"] == "/desk/"


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(redis: Redis) -> None:
    """HttpOnly, SameSite, the desk's path only, and Secure where people use https."""
    desk = make_desk(redis, DeskSettings(secure_cookies=True))
    await desk.add_staff("ana", "Ana")
    async with desk.browser() as browser:
        page = await browser.get("/sign-in")
        assert all("Secure" in cookie for cookie in page.headers.get_list("set-cookie"))
        door = page.cookies["bedside_desk_door"]
        response = await browser.client.post(
            "/desk/sign-in",
            data={"csrf": csrf_in(page.text), "sign_in": "ana", "password": PASSWORD},
            headers={"cookie": f"bedside_desk_door={door}"},
        )
    [cookie] = [each for each in response.headers.get_list("set-cookie") if each.startswith(f"{COOKIE}=")]
    for part in ("HttpOnly", "SameSite=lax", "Path=/desk", "Secure"):
        assert part in cookie


async def test_a_wrong_password_says_only_that_the_two_do_not_fit(desk: Desk) -> None:
    """Whether a name exists cannot be found out, and what was typed as name stays."""
    async with desk.browser() as browser:
        wrong = await browser.sign_in("ana", "a wrong password")
        unknown = await browser.sign_in("<nobody>", "a wrong password")
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    for page in (wrong, unknown):
        assert "That name and password do not fit together." in page.text
    assert "&lt;nobody&gt;" in unknown.text


async def test_the_door_closes_after_repeated_wrong_passwords(desk: Desk, redis: Redis) -> None:
    """Guessing stops after five; then even the right password waits, and everyone else still gets in."""
    async with desk.browser() as browser:
        for _ in range(FAILURES_PER_NAME_AND_ADDRESS):
            assert (await browser.sign_in("ana", "a wrong password")).status_code == 401
        locked = await browser.sign_in("ana")
        assert locked.status_code == 429
        assert "Too many wrong passwords. Try again in 15 min." in locked.text or "14 min" in locked.text
        assert (await browser.sign_in("ben")).status_code == 303
    assert [key async for key in redis.scan_iter("*ana*")] == []


async def test_the_right_password_clears_the_count(desk: Desk) -> None:
    """A nurse who mistypes now and then is not locked out in the end."""
    async with desk.browser() as browser:
        for _ in range(3):
            for _ in range(FAILURES_PER_NAME_AND_ADDRESS - 1):
                await browser.sign_in("ana", "a wrong password")
            assert (await browser.sign_in("ana")).status_code == 303


async def test_nobody_can_be_signed_in_by_another_site(desk: Desk) -> None:
    """The sign-in form works only in the browser that it was shown in."""
    async with desk.browser() as browser:
        response = await browser.sign_in("ana", csrf="made up")
        assert response.status_code == 403
        browser.client.cookies.clear()
        response = await browser.post("/sign-in", sign_in="ana", password=PASSWORD, csrf="")
        assert response.status_code == 403


async def test_signing_out_ends_the_session_on_the_server(desk: Desk) -> None:
    """A copied cookie is worth nothing after signing out."""
    async with desk.browser("ana") as browser:
        copied = browser.client.cookies[COOKIE]
        response = await browser.act("/sign-out")
        assert response.headers["location"] == "/desk/sign-in"
        browser.client.cookies.set(COOKIE, copied, domain="desk.test", path="/desk")
        assert (await browser.get("/")).status_code == 303


async def test_a_disabled_account_is_out_with_the_next_request(desk: Desk) -> None:
    """Access ends when the account is disabled, not when the session does."""
    async with desk.browser("ana") as browser:
        await desk.services.staff.disable("ana")
        assert (await browser.get("/")).status_code == 303
        await desk.services.staff.enable("ana")
        assert (await browser.get("/")).status_code == 303


async def test_only_people_keep_a_session_open(desk: Desk, redis: Redis) -> None:
    """A page that refreshes by itself on an empty desk does not stop the log-off; a person's click does."""
    async with desk.browser("ana") as browser:
        [key] = [key async for key in redis.scan_iter("bedside:desk:session:*")]
        await redis.expire(key, 60)
        background = await browser.client.get("/desk/", headers={"X-Desk-Background": "1"})
        assert background.status_code == 200
        assert await redis.ttl(key) <= 60
        assert (await browser.act("/present")).status_code == 204
        assert await redis.ttl(key) > 60
        await redis.delete(key)
        assert (await browser.client.get("/desk/", headers={"X-Desk-Background": "1"})).status_code == 401


async def test_a_session_ends_with_the_shift(redis: Redis) -> None:
    """However busy, after its longest time a session asks for the password again."""
    now = [1000.0]
    sessions = SessionStore(redis, idle_s=900, longest_s=3600, clock=lambda: now[0])
    session = await sessions.begin("s1")
    assert await sessions.find(session.token, active=True) == session
    now[0] += 3601
    assert await sessions.find(session.token, active=True) is None
    assert [key async for key in redis.scan_iter("*")] == []
    assert await sessions.find("", active=True) is None


async def test_the_store_holds_no_session_token(redis: Redis) -> None:
    """A copy of the store opens no session."""
    session = await SessionStore(redis, idle_s=900, longest_s=3600).begin("s1")
    keys = [key async for key in redis.scan_iter("*")]
    dumped = [await redis.dump(key) for key in keys]
    assert dumped
    assert session.token not in str(keys)
    assert not any(session.token.encode() in (each or b"") for each in dumped)


async def test_an_endless_form_is_refused(desk: Desk) -> None:
    """Nobody can fill the memory of the process that answers emergencies."""
    async with desk.browser() as browser:
        assert (await browser.post("/sign-in", sign_in="x" * 70_000)).status_code == 413
        assert (await browser.post("/sign-in", **{f"f{n}": "x" for n in range(30)})).status_code == 413
    async with desk.browser("ana") as browser:
        assert (await browser.act("/present", text="x" * 70_000)).status_code == 413
