"""Signing in by the organisation's own sign-in, against a real OpenID provider on loopback."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from redis.asyncio import Redis

from bot.desk import second_factor
from bot.desk.open_id import JOURNEY_S, Journey, OpenIdSettings
from bot.desk.second_factor import SecondFactors
from bot.desk.services import DeskSettings
from bot.desk.session import FAILURES_PER_NAME_AND_ADDRESS
from bot.desk.staff import Role, Staff
from tests.unit.desk.desk import PASSWORD, QUICK_HASHER, Browser, Desk, csrf_in, make_desk
from tests.unit.desk.provider import Claims, Provider, running_provider

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the provider is written for an older Authlib

ANA = {"email": "Ana.Ruiz@clinic.example", "email_verified": True, "name": "Ana Ruiz", "groups": ["ward staff"]}
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "k1"})
RETURN = "http://desk.test/desk/sign-in/open-id/back"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider(
        ana=ANA,
        strong=ANA | {"amr": ["pwd", "mfa"]},
        unsure=ANA | {"email_verified": False},
        other={"email": "ana.ruiz@elsewhere.example", "email_verified": True, "groups": ["ward leads", "ward staff"]},
    ) as running:
        yield running


def desk_with(redis: Redis, provider: Provider, *, required: bool = False, **more: Any) -> Desk:
    settings = OpenIdSettings(
        issuer=provider.address, client_id="bedside", client_secret="s3cret", return_url=RETURN, name="Clinic"
    )
    return make_desk(redis, DeskSettings(open_id=replace(settings, **more), second_factor_required=required))


async def with_ana(desk: Desk, **traits: Any) -> Staff:
    await desk.add_staff("ana", "Ana Ruiz")
    return await desk.services.staff.change("ana", **{"open_id": "ana.ruiz@clinic.example"} | traits)


async def begin(browser: Browser, next_path: str = "") -> str:
    sent = await browser.get(f"/sign-in/open-id?next={next_path}")
    assert sent.status_code == 303, sent.text
    return sent.headers["location"]


async def come_back(browser: Browser, url: httpx.URL) -> httpx.Response:
    return await browser.client.get(url)


async def sign_in(browser: Browser, provider: Provider, who: str = "ana") -> httpx.Response:
    return await come_back(browser, await provider.sign_in(await begin(browser), who))


async def told(desk: Desk) -> list[str]:
    return [f"{record.action} {record.detail}".strip() async for record in desk.services.audit.records()]


# --- in -------------------------------------------------------------------------------------------


async def test_a_person_whom_an_administrator_named_signs_in_and_is_known_from_then_on(
    redis: Redis, provider: Provider
) -> None:
    """From the button to the page that was asked for; later also with another address: the person is the same."""
    desk = desk_with(redis, provider)
    ana = await with_ana(desk)
    case = await desk.open_case()
    async with desk.browser() as browser:
        page = await browser.text(f"/sign-in?next=/desk/cases/{case.id}")
        assert f'href="/desk/sign-in/open-id?next=/desk/cases/{case.id}"' in page
        assert "Sign in with Clinic" in page
        back = await come_back(browser, await provider.sign_in(await begin(browser, f"/desk/cases/{case.id}"), "ana"))
        assert (back.status_code, back.headers["location"]) == (303, f"/desk/cases/{case.id}")
        assert (await browser.get(f"/cases/{case.id}")).status_code == 200
        assert "bedside_desk_journey" not in browser.client.cookies
    assert "sign_in open_id" in await told(desk)
    known = await desk.services.staff.get(ana.id)
    assert known is not None and len(known.open_id_subject) == 64
    provider.spoil = lambda claims: claims | {"email": "ana.gomez@clinic.example"}
    async with desk_with(redis, provider).browser() as browser:  # a desk that has read no keys yet
        assert (await sign_in(browser, provider)).headers["location"] == "/desk/"
        assert "Ana Ruiz" in await browser.text("/account")


async def test_the_code_is_bound_to_this_browser_by_pkce_and_the_secret_travels_in_no_address(
    redis: Redis, provider: Provider
) -> None:
    """Source: RFC 7636: the challenge is the SHA-256 of the verifier, which only the token request shows."""
    desk = desk_with(redis, provider)
    await with_ana(desk)
    async with desk.browser() as browser:
        url = await begin(browser)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        await come_back(browser, await provider.sign_in(url, "ana"))
    [given] = [form for path, form in provider.asked if path == "/oauth2/token"]
    digest = hashlib.sha256(given["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
    assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")
    assert (asked["scope"], asked["prompt"], asked["redirect_uri"]) == ("openid profile email", "login", RETURN)
    assert "s3cret" not in url
    assert "client_secret" not in given  # it travels in the header


async def test_a_person_without_an_account_gets_one_only_where_a_setting_says_so(
    redis: Redis, provider: Provider
) -> None:
    """With the role of the first group that fits, and never by taking an account that is somebody's."""
    roles = (("ward leads", Role.LEAD), ("ward staff", Role.NURSE))
    asked: dict[str, Any] = {"role_claim": "groups", "roles": roles}
    desk = desk_with(redis, provider, **asked)
    async with desk.browser() as browser:
        page = await sign_in(browser, provider, "other")
        assert (page.status_code, "no open account here" in page.text) == (403, True)
    desk = desk_with(redis, provider, **asked, creates_accounts=True)
    async with desk.browser() as browser:
        assert (await sign_in(browser, provider, "other")).status_code == 303
    [added] = await desk.services.staff.list()
    assert (added.role, added.sign_in) == (Role.LEAD, "ana.ruiz@elsewhere.example")
    async with desk.browser() as browser:
        assert (await browser.sign_in(added.sign_in, "")).status_code == 401
    await desk.add_staff("ana.ruiz@clinic.example", "Somebody else")
    async with desk.browser() as browser:
        assert (await sign_in(browser, provider)).status_code == 403
    assert "sign_in.failed open_id:taken" in await told(desk)
    assert "people.added lead" in await told(desk)


async def test_the_role_follows_the_group_and_the_last_administrator_stays(redis: Redis, provider: Provider) -> None:
    """Who changes wards at the organisation changes here at the next sign-in; the log says so."""
    desk = desk_with(redis, provider, role_claim="groups", roles=(("ward staff", Role.NURSE),))
    ana = await with_ana(desk, role=Role.ADMIN)
    async with desk.browser() as browser:
        assert (await sign_in(browser, provider)).status_code == 303
        assert (await desk.services.staff.get(ana.id)).role is Role.ADMIN  # type: ignore[union-attr]
        await desk.add_staff("noa", "Noa", Role.ADMIN)
        assert (await sign_in(browser, provider)).status_code == 303
    assert (await desk.services.staff.get(ana.id)).role is Role.NURSE  # type: ignore[union-attr]
    assert "people.change nurse" in await told(desk)


# --- the second factor ----------------------------------------------------------------------------


async def set_up_factor(desk: Desk, staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_factor, "PasswordHasher", lambda: QUICK_HASHER)
    factors = SecondFactors(desk.services.redis, desk.services.vault)
    enrolment = await factors.begin(staff.id, staff.sign_in)
    secret = base64.b32decode(enrolment.secret.replace(" ", ""))
    assert await factors.confirm(staff.id, second_factor._totp(secret).generate(int(time.time())).decode())


@pytest.mark.parametrize(
    ("counts", "who", "asked"),
    [("ask", "strong", True), ("amr", "ana", True), ("amr", "strong", False), ("trust", "ana", False)],
)
async def test_the_providers_second_factor_counts_only_where_a_setting_says_so(
    redis: Redis, provider: Provider, monkeypatch: pytest.MonkeyPatch, counts: str, who: str, asked: bool
) -> None:
    """Unless the setting trusts it, the desk asks for its own code all the same."""
    desk = desk_with(redis, provider, second_factor=counts)
    ana = await with_ana(desk)
    await set_up_factor(desk, ana, monkeypatch)
    async with desk.browser() as browser:
        back = await sign_in(browser, provider, who)
        assert back.headers["location"] == ("/desk/sign-in/code" if asked else "/desk/")
        assert (await browser.get("/account")).status_code == (303 if asked else 200)


async def test_where_everyone_must_have_a_second_factor_the_providers_counts_only_when_it_was_asked_for(
    redis: Redis, provider: Provider
) -> None:
    """Nothing is shown before one is set up, unless the provider has asked for more than a password."""
    desk = desk_with(redis, provider, required=True, second_factor="amr")
    await with_ana(desk)
    async with desk.browser() as browser:
        await sign_in(browser, provider, "ana")
        assert (await browser.get("/")).headers["location"] == "/desk/account/second-factor"
    await desk.services.staff.change("ana", open_id="")
    await desk.services.staff.change("ana", open_id="ana.ruiz@clinic.example")
    async with desk.browser() as browser:
        await sign_in(browser, provider, "strong")
        assert (await browser.get("/")).status_code == 200


async def test_a_first_password_is_not_asked_to_be_changed_by_who_came_another_way(
    redis: Redis, provider: Provider
) -> None:
    """Who never uses the password need not change it, and an open desk cannot be used to set one unasked."""
    desk = desk_with(redis, provider)
    await desk.services.staff.add("ana", PASSWORD, must_change_password=True, open_id="ana.ruiz@clinic.example")
    async with desk.browser() as browser:
        await sign_in(browser, provider)
        page = await browser.get("/account/password")
        assert (await browser.get("/")).status_code == 200
        fresh = {"new": "four words that hold", "again": "four words that hold"}
        refused = await browser.post("/account/password", csrf=csrf_in(page.text), **fresh)
        assert "That is not your password" in refused.text


# --- out ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "signed_elsewhere"),
    [
        (lambda claims: claims | {"nonce": "another"}, False),
        (lambda claims: {name: value for name, value in claims.items() if name != "nonce"}, False),
        (lambda claims: claims | {"aud": "another client"}, False),
        (lambda claims: claims | {"iss": "https://elsewhere.example"}, False),
        (lambda claims: claims | {"exp": int(time.time()) - 3600}, False),
        (lambda claims: claims | {"azp": "another client"}, False),
        (lambda claims: claims | {"sub": ""}, False),
        (lambda claims: claims | {"sub": 7}, False),
        (lambda claims: claims, True),
    ],
    ids=["nonce", "no nonce", "audience", "issuer", "expired", "party", "no subject", "strange subject", "signature"],
)
async def test_an_answer_that_does_not_hold_lets_nobody_in(
    redis: Redis, provider: Provider, spoil: Callable[[Claims], Claims], signed_elsewhere: bool
) -> None:
    """Source: OpenID Connect Core 1.0, section 3.1.3.7: what a client must check of an id token."""
    provider.spoil = spoil
    provider.signer = OTHER_KEY if signed_elsewhere else None
    desk = desk_with(redis, provider)
    await with_ana(desk)
    async with desk.browser() as browser:
        page = await sign_in(browser, provider)
        assert (page.status_code, "did not confirm who you are" in page.text) == (401, True)
        assert (await browser.get("/account")).status_code == 303
    assert await told(desk) == ["sign_in.failed open_id:strange"]


async def test_an_answer_to_another_browser_or_a_late_one_is_not_taken(redis: Redis, provider: Provider) -> None:
    """Nobody can be signed in as somebody else by a link; each answer is taken once."""
    desk = desk_with(redis, provider)
    await with_ana(desk)
    async with desk.browser() as ana, desk.browser() as stranger:
        answer = await provider.sign_in(await begin(ana), "ana")
        assert "not begun in this browser" in (await come_back(stranger, answer)).text
        await begin(stranger)
        assert (await come_back(stranger, answer)).status_code == 403
        spoilt = answer.copy_set_param("state", "made up")
        assert (await come_back(ana, spoilt)).status_code == 403
        assert (await come_back(ana, answer)).status_code == 403  # the journey is over
        answer = await provider.sign_in(await begin(ana), "ana")
        assert (await come_back(ana, answer)).status_code == 303
        assert (await come_back(ana, answer)).status_code == 403
    vault = desk.services.vault
    journey = Journey("s", "n", "v", "", began_at=1000.0)
    assert Journey.opened(journey.sealed(vault), vault, now=1000.0 + JOURNEY_S) == journey
    assert Journey.opened(journey.sealed(vault), vault, now=1001.0 + JOURNEY_S) is None
    assert Journey.opened(vault.seal("[]"), vault, now=1000.0) is None


async def test_guessed_codes_close_the_door_for_their_address_only(redis: Redis, provider: Provider) -> None:
    """Five answers that the provider does not know, and it is asked no more for a while."""
    desk = desk_with(redis, provider)
    await with_ana(desk)
    async with desk.browser() as browser:
        for number in range(FAILURES_PER_NAME_AND_ADDRESS + 1):
            answer = await provider.sign_in(await begin(browser), "ana")
            page = await come_back(browser, answer.copy_set_param("code", "made up"))
            assert page.status_code == (401 if number < FAILURES_PER_NAME_AND_ADDRESS else 429)
    elsewhere = httpx.ASGITransport(app=desk.app, client=("10.0.0.2", 1))
    async with httpx.AsyncClient(transport=elsewhere, base_url="http://desk.test") as client:
        assert (await sign_in(Browser(client), provider)).status_code == 303


@pytest.mark.parametrize(
    ("who", "more", "why", "said"),
    [
        ("nobody", {}, "unknown", "you have no open account here"),
        ("unsure", {}, "unknown", "you have no open account here"),
        ("other", {"mail_domains": frozenset({"clinic.example"})}, "domain", "you have no open account here"),
        ("unsure", {"mail_domains": frozenset({"clinic.example"})}, "domain", "you have no open account here"),
        ("ana", {"role_claim": "groups", "roles": (("kitchen", Role.NURSE),)}, "role", "you are in no group"),
    ],
)
async def test_whom_the_provider_knows_but_nobody_here_is_told_so(
    redis: Redis, provider: Provider, who: str, more: dict[str, Any], why: str, said: str
) -> None:
    """An address that the provider has not verified names nobody, and a group of another house opens nothing."""
    desk = desk_with(redis, provider, **more)
    await with_ana(desk)
    async with desk.browser() as browser:
        page = await sign_in(browser, provider, who)
        assert (page.status_code, said in page.text) == (403, True)
    assert await told(desk) == [f"sign_in.failed open_id:{why}"]


async def test_an_account_is_never_guessed(redis: Redis, provider: Provider) -> None:
    """Not when two have the name, not when another person came by it first, and not when it is closed."""
    desk = desk_with(redis, provider)
    await with_ana(desk)
    await desk.add_staff("twin", "Ana Ruiz")
    await desk.services.staff.change("twin", open_id="ana.ruiz@clinic.example")
    async with desk.browser() as browser:
        assert (await sign_in(browser, provider, "ana")).status_code == 403
        await desk.services.staff.change("twin", open_id="")
        assert (await sign_in(browser, provider, "ana")).status_code == 303
        assert (await sign_in(browser, provider, "strong")).status_code == 403  # the address was given to a new person
        await desk.services.staff.disable("ana")
        assert (await sign_in(browser, provider, "ana")).status_code == 403
    assert (await told(desk))[-1] == "sign_in.failed open_id:closed"


async def test_who_changes_their_mind_at_the_provider_may_begin_again(redis: Redis, provider: Provider) -> None:
    """Refusing there is no guess, and closes no door."""
    desk = desk_with(redis, provider)
    await with_ana(desk)
    async with desk.browser() as browser:
        for _ in range(FAILURES_PER_NAME_AND_ADDRESS + 1):
            url = await begin(browser)
            state = parse_qs(urlsplit(url).query)["state"][0]
            page = await come_back(browser, httpx.URL(RETURN, params={"error": "access_denied", "state": state}))
            assert (page.status_code, "Please begin again" in page.text) == (403, True)
        assert (await sign_in(browser, provider)).status_code == 303


# --- away -----------------------------------------------------------------------------------------


async def test_a_provider_that_is_away_is_said_in_words_and_the_password_still_opens(redis: Redis) -> None:
    """Before the way there and on the way back; nobody is locked out of the desk by an outage elsewhere."""
    with running_provider() as gone:
        pass
    desk = desk_with(redis, gone)
    await with_ana(desk)
    async with desk.browser() as browser:
        page = await browser.get("/sign-in/open-id?next=/desk/account")
        assert (page.status_code, "does not answer" in page.text) == (503, True)
        assert 'name="next" value="/desk/account"' in page.text
        assert (await browser.sign_in("ana")).status_code == 303
    with ExitStack() as here:
        leaving = here.enter_context(running_provider(ana=ANA))
        desk = desk_with(redis, leaving)
        async with desk.browser() as browser:
            answer = await leaving.sign_in(await begin(browser, "/desk/account"), "ana")
            here.close()
            page = await come_back(browser, answer)
            assert (page.status_code, "does not answer" in page.text) == (503, True)
            assert 'name="next" value="/desk/account"' in page.text


async def test_a_provider_that_describes_another_issuer_is_not_used(redis: Redis, provider: Provider) -> None:
    """A description that was moved elsewhere sends nobody anywhere."""
    port = urlsplit(provider.address).port
    desk = desk_with(redis, provider, issuer=f"http://localhost:{port}/tenant")
    async with desk.browser() as browser:
        assert (await browser.get("/sign-in/open-id")).status_code == 503


async def test_without_a_provider_there_is_no_button_and_no_way(desk: Desk) -> None:
    """An installation with passwords only shows nothing of it."""
    async with desk.browser() as browser:
        assert "open-id" not in await browser.text("/sign-in")
        for path in ("/sign-in/open-id", "/sign-in/open-id/back?code=x&state=y"):
            assert (await browser.get(path)).headers["location"] == "/desk/sign-in"


# --- who is who -----------------------------------------------------------------------------------


async def test_an_administrator_writes_down_the_name_and_another_name_lets_the_old_person_in_no_more(
    redis: Redis, provider: Provider
) -> None:
    """On the page of the person, where it also says whether they came already."""
    desk = desk_with(redis, provider)
    await desk.add_staff("noa", "Noa", Role.ADMIN)
    await desk.add_staff("ana", "Ana Ruiz")
    ana = await desk.services.staff.find("ana")
    assert ana is not None
    async with desk.browser("noa") as noa, desk.browser() as browser:
        path = f"/people/{ana.id}"

        async def name_her(open_id: str) -> None:
            csrf = csrf_in(await noa.text(path))
            fields = {"name": "Ana Ruiz", "role": "nurse", "languages": "en", "capacity": "5", "open_id": open_id}
            assert (await noa.post(path, csrf=csrf, **fields)).status_code == 303

        await name_her(" ANA.ruiz@clinic.example ")
        assert "Has not come by the organisation's sign-in yet." in await noa.text(path)
        assert (await sign_in(browser, provider)).status_code == 303
        assert "Has come by the organisation's sign-in." in await noa.text(path)
        await name_her("ana.gomez@clinic.example")
        assert (await browser.get("/account")).status_code == 303
        assert (await sign_in(browser, provider)).status_code == 403
