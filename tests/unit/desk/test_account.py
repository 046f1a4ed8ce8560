"""One's own account: first password, second factor, recovery codes, open sessions, presence."""

from __future__ import annotations

import base64
import re
import time
from html import unescape

import httpx
import pytest
import segno
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from redis.asyncio import Redis

from actions.vault import Vault
from bot.desk import second_factor
from bot.desk.access import COOKIE
from bot.desk.presence import Presence, PresenceBoard
from bot.desk.second_factor import RECOVERY_CODES, SecondFactors
from bot.desk.services import DeskSettings
from bot.desk.session import (
    FAILURES_PER_NAME_AND_ADDRESS,
    LOCKED_FOR_S,
    LONGEST_LOCK_S,
    SessionStore,
    SignInGuard,
    SignInSteps,
)
from bot.desk.staff import Role
from tests.unit.desk.desk import PASSWORD, QUICK_HASHER, Browser, Desk, csrf_in, make_desk

FRESH = "four words that hold"
NOW = 1_790_000_000.0


class Telephone:
    """An authenticator app with a clock that can be set."""

    def __init__(self, at: float = NOW) -> None:
        self.at = at

    def now(self) -> float:
        return self.at

    def code(self, secret: str, later_s: float = 0) -> str:
        totp = TOTP(base64.b32decode(secret.replace(" ", "")), 6, SHA1(), 30)
        return totp.generate(int(self.at + later_s)).decode()


@pytest.fixture
def phone() -> Telephone:
    return Telephone()


@pytest.fixture
def factors(redis: Redis, phone: Telephone) -> SecondFactors:
    return SecondFactors(redis, Vault(Vault.new_key()), hasher=QUICK_HASHER, clock=phone.now)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recovery codes of the pages are hashed quickly."""
    monkeypatch.setattr(second_factor, "PasswordHasher", lambda: QUICK_HASHER)


async def form(browser: Browser, page: str, path: str, **fields: str) -> httpx.Response:
    shown = await browser.get(page)
    return await browser.post(path, csrf=csrf_in(shown.text), **fields)


# --- the second factor ----------------------------------------------------------------------------


async def test_a_code_opens_once_and_only_around_its_time(factors: SecondFactors, phone: Telephone) -> None:
    """Half a minute early or late is a telephone's clock; the same code twice was looked at over a shoulder."""
    enrolment = await factors.begin("s1", "ana")
    assert enrolment.address.startswith("otpauth://totp/Bedside%20care%20desk:ana?")
    assert not await factors.is_set_up("s1")
    assert await factors.confirm("s1", "000000") is None
    codes = await factors.confirm("s1", phone.code(enrolment.secret))
    assert codes is not None and len(set(codes)) == RECOVERY_CODES
    assert await factors.is_set_up("s1")
    for later_s, right in ((0, True), (0, False), (-30, True), (30, True), (-60, False), (60, False)):
        assert await factors.check("s1", phone.code(enrolment.secret, later_s)) is right, later_s
    phone.at += 120
    code = phone.code(enrolment.secret)
    assert await factors.check("s1", f" {code[:3]} {code[3:]} ")
    for wrong in ("", "12345", "1234567", "abcdef", "１２３４５６", code):
        assert not await factors.check("s1", wrong)
    assert not await factors.check("s2", code)


async def test_the_picture_says_what_the_address_says(factors: SecondFactors) -> None:
    """A telephone reads the same from it, and it brings neither style nor script to the page."""
    enrolment = await factors.begin("s1", "ana")
    drawn = re.search(r'stroke="#000" d="([^"]+)"', enrolment.picture)
    assert drawn is not None
    dark, row, at = set(), 0, 0
    for act, first, second in re.findall(r"([Mmh])(-?[0-9.]+)(?: (-?[0-9.]+))?", drawn[1]):
        if act == "h":
            dark |= {(row, column) for column in range(at, at + int(first))}
            at += int(first)
        else:
            row, at = (int(float(second)), int(first)) if act == "M" else (row + int(second or 0), at + int(first))
    modules = segno.make_qr(enrolment.address, error="m").matrix_iter(border=4)
    assert dark == {(y, x) for y, line in enumerate(modules) for x, module in enumerate(line) if module}
    assert not re.search(r"style|script|href|url\(", enrolment.picture)


async def test_a_recovery_code_opens_once(factors: SecondFactors, phone: Telephone, redis: Redis) -> None:
    """Each code is worth one lost telephone; new ones end the old ones."""
    enrolment = await factors.begin("s1", "ana")
    codes = await factors.confirm("s1", phone.code(enrolment.secret))
    assert codes is not None
    assert await factors.use_recovery_code("s1", codes[0].upper().replace("-", " "))
    assert not await factors.use_recovery_code("s1", codes[0])
    assert not await factors.use_recovery_code("s1", "aaaa-aaaa-aaaa")
    assert not await factors.use_recovery_code("s2", codes[1])
    assert await factors.recovery_codes_left("s1") == RECOVERY_CODES - 1
    await factors.renew_recovery_codes("s1")
    assert not await factors.use_recovery_code("s1", codes[1])
    await factors.remove("s1")
    assert not await factors.is_set_up("s1")
    assert [key async for key in redis.scan_iter("bedside:staff:factor:*")] == []


async def test_the_store_holds_neither_secret_nor_recovery_code(
    factors: SecondFactors, phone: Telephone, redis: Redis
) -> None:
    """A copy of the store makes no code."""
    enrolment = await factors.begin("s1", "ana")
    codes = await factors.confirm("s1", phone.code(enrolment.secret)) or []
    kept = str(await redis.hgetall("bedside:staff:factor:s1")) + str(await redis.smembers("bedside:staff:recovery:s1"))
    plain = enrolment.secret.replace(" ", "")
    assert plain not in kept
    assert kept.count("$argon2id$") == len(codes)
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)


async def set_up_factor(browser: Browser) -> tuple[str, list[str]]:
    """Set up the second factor through the pages; return its key and the recovery codes."""
    page = "/account/second-factor"
    assert (await form(browser, page, page, password=PASSWORD)).status_code == 303
    shown = unescape((await browser.get(page)).text)
    found = re.search(r'class="otp-key">([A-Z2-7 ]+)<', shown)
    assert found is not None
    done = await form(browser, page, f"{page}/confirm", code=Telephone(time.time()).code(found[1]))
    codes = re.findall(r"<li><code>([a-z0-9-]+)</code></li>", done.text)
    assert len(codes) == RECOVERY_CODES
    return found[1], codes


@pytest.mark.usefixtures("quick")
async def test_signing_in_asks_for_the_code_and_a_recovery_code_helps_once(desk: Desk, redis: Redis) -> None:
    """The password alone opens nothing any more; the code is asked for on a page of its own."""
    async with desk.browser("ana") as browser:
        secret, codes = await set_up_factor(browser)
    async with desk.browser() as browser:
        await redis.delete(*[key async for key in redis.scan_iter("bedside:staff:used:*")] or ["none"])
        asked = await browser.sign_in("ana", next="/desk/account")
        assert asked.headers["location"] == "/desk/sign-in/code"
        assert (await browser.get("/account")).status_code == 303
        wrong = await form(browser, "/sign-in/code", "/sign-in/code", code="000000")
        assert (wrong.status_code, "wrong or was used already" in wrong.text) == (401, True)
        strange = await browser.post("/sign-in/code", csrf="made up", code=codes[0])
        assert strange.status_code == 403
        right = await form(browser, "/sign-in/code", "/sign-in/code", code=codes[0])
        assert right.headers["location"] == "/desk/account"
        assert (await browser.get("/account")).status_code == 200
        assert "Recovery codes left: 9" in await browser.text("/account/second-factor")
    async with desk.browser() as again:
        await again.sign_in("ana")
        assert (await form(again, "/sign-in/code", "/sign-in/code", code=codes[0])).status_code == 401
        code = Telephone(time.time()).code(secret)
        assert (await form(again, "/sign-in/code", "/sign-in/code", code=code)).status_code == 303
    actions = [f"{record.action} {record.detail}".strip() async for record in desk.services.audit.records()]
    assert "sign_in.failed code" in actions
    assert "sign_in recovery_code" in actions
    assert "sign_in code" in actions


@pytest.mark.usefixtures("quick")
async def test_guessing_codes_closes_the_door(desk: Desk) -> None:
    """After five wrong codes the password is asked for again, and the door stays closed for a while."""
    async with desk.browser("ana") as browser:
        _, codes = await set_up_factor(browser)
    async with desk.browser() as browser:
        await browser.sign_in("ana")
        for _ in range(FAILURES_PER_NAME_AND_ADDRESS):
            assert (await form(browser, "/sign-in/code", "/sign-in/code", code="000000")).status_code == 401
        locked = await form(browser, "/sign-in/code", "/sign-in/code", code=codes[0])
        assert locked.status_code == 429
        assert (await browser.get("/sign-in/code")).status_code == 303


async def test_a_code_page_without_a_password_leads_back(desk: Desk) -> None:
    """Nobody begins with the second step."""
    async with desk.browser() as browser:
        assert (await browser.get("/sign-in/code")).headers["location"] == "/desk/sign-in"
        assert (await browser.post("/sign-in/code", csrf="x", code="1")).headers["location"] == "/desk/sign-in"


async def test_a_step_leads_in_once(redis: Redis) -> None:
    """A right password waits five minutes for its code, and is used up by it."""
    steps = SignInSteps(redis)
    step = await steps.begin("s1", "/desk/x")
    assert await steps.find(step.token) == step
    [key] = [key async for key in redis.scan_iter("bedside:desk:step:*")]
    assert step.token not in key and 0 < await redis.ttl(key) <= 300
    assert await steps.end(step.token)
    assert not await steps.end(step.token)
    assert await steps.find("") is None


@pytest.mark.usefixtures("quick")
async def test_the_second_factor_is_changed_with_the_password_only(desk: Desk) -> None:
    """A desk left open for a minute is not enough to take an account over."""
    async with desk.browser("ana") as browser:
        page = "/account/second-factor"
        assert (await form(browser, page, page, password="a wrong password")).status_code == 409
        await set_up_factor(browser)
        for path in (f"{page}/remove", "/account/recovery-codes"):
            assert (await form(browser, page, path, password="a wrong password")).status_code == 409
        assert "Your recovery codes" in (await form(browser, page, "/account/recovery-codes", password=PASSWORD)).text
        assert (await form(browser, page, f"{page}/remove", password=PASSWORD)).status_code == 303
        assert "Not set up yet" in await browser.text(page)
        for _ in range(FAILURES_PER_NAME_AND_ADDRESS - 1):
            await form(browser, page, page, password="a wrong password")
        assert (await form(browser, page, page, password="a wrong password")).status_code == 409
        assert (await browser.get(page)).status_code == 303
    ana = await desk.services.staff.find("ana")
    assert ana is not None
    locked = [record async for record in desk.services.audit.records() if record.action == "account.locked"]
    assert [record.who for record in locked] == [ana.id]


# --- the password ---------------------------------------------------------------------------------


async def test_the_first_sign_in_chooses_a_password_before_anything_else(desk: Desk) -> None:
    """A password that somebody else has seen opens nothing but the page for a new one."""
    await desk.services.staff.add("new", PASSWORD, must_change_password=True)
    async with desk.browser("new") as browser:
        for path in ("/", "/account", "/?show=mine"):
            assert (await browser.get(path)).headers["location"] == "/desk/account/password"
        page = "/account/password"
        for new, again in ((FRESH, "another"), ("short", "short"), (PASSWORD, PASSWORD)):
            assert (await form(browser, page, page, new=new, again=again)).status_code == 409
        assert (await form(browser, page, page, new=FRESH, again=FRESH)).headers["location"] == "/desk/"
        assert (await browser.get("/")).status_code == 200
    async with desk.browser() as later:
        assert (await later.sign_in("new")).status_code == 401
        assert (await later.sign_in("new", FRESH)).status_code == 303
        assert (await later.get("/")).status_code == 200


async def test_a_new_password_needs_the_old_one_and_ends_the_other_sessions(desk: Desk) -> None:
    """Whoever stole a session loses it with the change."""
    async with desk.browser("ana") as mine, desk.browser("ana") as other:
        page = "/account/password"
        wrong = await form(mine, page, page, password="a wrong password", new=FRESH, again=FRESH)
        assert wrong.status_code == 409
        right = await form(mine, page, page, password=PASSWORD, new=FRESH, again=FRESH)
        assert right.headers["location"] == "/desk/account?done=password"
        assert (await mine.get("/")).status_code == 200
        assert (await other.get("/")).status_code == 303


async def test_the_first_account_must_choose_a_password(desk: Desk) -> None:
    """What `bedside up` printed was seen by whoever watched."""
    assert await desk.services.staff.ensure_first_account() is None
    for staff in await desk.services.staff.list():
        assert not staff.must_change_password


# --- lock and sessions ----------------------------------------------------------------------------


async def test_each_lock_lasts_twice_as_long_as_the_one_before(redis: Redis) -> None:
    """Whoever keeps guessing waits longer and longer, to an end; the right password clears it."""
    guard = SignInGuard(redis)

    async def close() -> int:
        closed = [await guard.note_failure("ana", "10.0.0.1") for _ in range(FAILURES_PER_NAME_AND_ADDRESS)]
        assert closed == [False] * (FAILURES_PER_NAME_AND_ADDRESS - 1) + [True]
        left = await guard.locked_for_s("ana", "10.0.0.1")
        await redis.delete(*[key async for key in redis.scan_iter("bedside:desk:locked:*")])
        await redis.delete(*[key async for key in redis.scan_iter("bedside:desk:failed:*")] or ["none"])
        return left

    waits = [await close() for _ in range(6)]
    expected = [min(LONGEST_LOCK_S, LOCKED_FOR_S * 2**times) for times in range(6)]
    assert all(want - 2 <= wait <= want for wait, want in zip(waits, expected, strict=True))
    await guard.note_success("ana", "10.0.0.1")
    assert LOCKED_FOR_S - 2 <= await close() <= LOCKED_FOR_S
    assert await guard.locked_for_s("ben", "10.0.0.2") == 0


async def test_open_sessions_are_listed_and_can_be_ended(desk: Desk) -> None:
    """A person sees where they are signed in, ends one, or all the others; never those of another."""
    ana = await desk.services.staff.find("ana")
    assert ana is not None
    async with desk.browser("ana") as here, desk.browser("ana") as there, desk.browser("ben") as ben:
        there.client.headers["user-agent"] = "Firefox <b>"
        store = SessionStore(desk.services.redis, idle_s=900, longest_s=3600)
        sessions = await store.open_sessions(ana.id)
        assert len(sessions) == 2
        page = await here.text("/account")
        assert "This one" in page and "10.0.0.1" in page
        [other] = set(re.findall(r'name="session" value="([0-9a-f]+)"', page))
        foreign = await form(ben, "/account", "/account/sessions/end", session=other)
        assert foreign.status_code == 409
        assert (await form(here, "/account", "/account/sessions/end", session=other)).status_code == 303
        assert (await there.get("/")).status_code == 303
        assert (await here.get("/")).status_code == 200
        assert (await form(here, "/account", "/account/sessions/end", session=other)).status_code == 409
        await there.sign_in("ana")
        await form(here, "/account", "/account/sessions/end")
        assert [session.id for session in await store.open_sessions(ana.id)] != []
        assert (await there.get("/")).status_code == 303
        assert here.client.cookies[COOKIE] not in str(await store.open_sessions(ana.id))
        assert (await ben.get("/")).status_code == 200


# --- presence -------------------------------------------------------------------------------------


async def test_new_cases_come_to_those_who_are_there_and_take_them(desk: Desk) -> None:
    """Here is who did something lately; whoever wants nothing new, or is none of the care team, is left out."""
    await desk.add_staff("safety", "Safety", Role.CLINICAL_SAFETY)
    board = PresenceBoard(desk.services.redis, SessionStore(desk.services.redis, idle_s=900, longest_s=3600))
    people = await desk.services.staff.list()
    assert await board.on_shift(people) == []
    async with desk.browser("ana") as ana, desk.browser("ben") as ben, desk.browser("safety"):
        assert [person.sign_in for person in await board.on_shift(people)] == ["ana", "ben"]
        await form(ben, "/account", "/account/presence", presence="busy")
        assert [person.sign_in for person in await board.on_shift(people)] == ["ana"]
        assert "Take new cases again" in await ben.text("/account")
        await form(ben, "/account", "/account/presence", presence="here")
        assert len(await board.on_shift(people)) == 2
        await ana.act("/sign-out")
        assert [person.sign_in for person in await board.on_shift(people)] == ["ben"]
        found = await desk.services.staff.find("ana")
        assert found is not None
        assert await board.of(found.id) is Presence.AWAY


async def test_the_desk_speaks_the_language_that_the_person_chose(desk: Desk) -> None:
    """Chosen once, kept with the account; a language that the desk lacks is refused."""
    async with desk.browser("ana") as browser:
        assert (await form(browser, "/account", "/account/settings", reads="xx")).status_code == 409
        assert (await form(browser, "/account", "/account/settings", reads="es")).status_code == 303
        page = await browser.text("/account")
        assert '<html lang="es">' in page
        assert "Su cuenta" in page


async def test_an_installation_can_ask_everyone_for_a_second_factor(redis: Redis) -> None:
    """There it cannot be removed either."""
    desk = make_desk(redis, DeskSettings(second_factor_required=True))
    await desk.add_staff("ana", "Ana")
    async with desk.browser("ana") as browser:
        page = "/account/second-factor"
        assert (await form(browser, page, f"{page}/remove", password=PASSWORD)).status_code == 403
