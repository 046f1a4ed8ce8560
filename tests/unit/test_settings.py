"""A wrong setting stops the start with one sentence that names the variable and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import ValidationError

from bot.desk.staff import Role
from bot.errors import SettingsError
from bot.gateway.app import open_id_settings
from bot.settings import GatewaySettings, ProcessSettings, StackSettings, is_loopback, load_settings

TOKEN = "t" * 43
KEY = Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def _only_these_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("BEDSIDE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BEDSIDE_REDIS_URL", "redis://127.0.0.1:6390/0")
    monkeypatch.setenv("BEDSIDE_INTERNAL_TOKEN", TOKEN)
    monkeypatch.setenv("BEDSIDE_DATA_KEY", KEY)


def test_the_defaults_are_the_contract_s_address_and_two_languages() -> None:
    """Without any further setting the gateway listens on 127.0.0.1:8080 and speaks English and Spanish."""
    settings = load_settings(GatewaySettings)
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.languages == ("en", "es")
    assert settings.default_language == "en"
    assert settings.message_max_chars == 4000


BROKEN: list[tuple[type[ProcessSettings], str, str | None, str]] = [
    (GatewaySettings, "BEDSIDE_PORT", "eighty", "a port number from 1 to 65535"),
    (GatewaySettings, "BEDSIDE_PORT", "0", "a port number from 1 to 65535"),
    (GatewaySettings, "BEDSIDE_PORT", "70000", "a port number from 1 to 65535"),
    (GatewaySettings, "BEDSIDE_REDIS_URL", None, "is missing"),
    (GatewaySettings, "BEDSIDE_REDIS_URL", "localhost:6379", "does not begin with redis://"),
    (GatewaySettings, "BEDSIDE_INTERNAL_TOKEN", None, "is missing"),
    (GatewaySettings, "BEDSIDE_INTERNAL_TOKEN", "short-secret", "shorter than 32 characters"),
    (GatewaySettings, "BEDSIDE_DATA_KEY", None, "is missing"),
    (GatewaySettings, "BEDSIDE_DATA_KEY", "not-a-secret-key", "is not a Fernet key"),
    (GatewaySettings, "BEDSIDE_DIALOGUE_URL", "dialogue:5005", "http:// or https://"),
    (GatewaySettings, "BEDSIDE_ACTIONS_URL", "ftp://actions", "http:// or https://"),
    (GatewaySettings, "BEDSIDE_LANGUAGES", "en,Español", "is not a language tag"),
    (GatewaySettings, "BEDSIDE_LANGUAGES", "en,en", "named twice"),
    (GatewaySettings, "BEDSIDE_LANGUAGES", ",", "no language is named"),
    (GatewaySettings, "BEDSIDE_DEFAULT_LANGUAGE", "fr", "is not one of BEDSIDE_LANGUAGES"),
    (GatewaySettings, "BEDSIDE_DEFAULT_COUNTRY", "usa", "two capital letters"),
    (GatewaySettings, "BEDSIDE_WIDGET_ORIGINS", "https://clinic.example/page", "is not an origin"),
    (GatewaySettings, "BEDSIDE_WIDGET_ORIGINS", "*", "is not an origin"),
    (GatewaySettings, "BEDSIDE_TRUST_PROXY", "perhaps", "true only behind a proxy"),
    (GatewaySettings, "BEDSIDE_MESSAGE_MAX_CHARS", "10", "from 100 to 20000"),
    (GatewaySettings, "BEDSIDE_MESSAGES_PER_MINUTE", "0", "messages one conversation may send"),
    (GatewaySettings, "BEDSIDE_ANSWER_BUDGET_S", "-1", "how long one answer may take"),
    (GatewaySettings, "BEDSIDE_LOCALES", "/nowhere/locales", "is not a folder"),
    (GatewaySettings, "BEDSIDE_GUARDRAILS", "/nowhere/rules", "is not a folder"),
    (GatewaySettings, "BEDSIDE_SECRETS_DIR", "/nowhere/secrets", "is not a folder"),
    (StackSettings, "BEDSIDE_STORE_PORT", "x", "a port number from 1 to 65535"),
    (StackSettings, "BEDSIDE_STORE_PORT", "8080", "BEDSIDE_PORT and BEDSIDE_STORE_PORT are the same port"),
    (StackSettings, "BEDSIDE_START_TIMEOUT_S", "soon", "a number of seconds above zero"),
    (StackSettings, "BEDSIDE_REDIS_URL", "http://store", "does not begin with redis://"),
]


@pytest.mark.parametrize(("settings_class", "name", "value", "says"), BROKEN, ids=[f"{b[1]}={b[2]}" for b in BROKEN])
def test_a_wrong_setting_is_one_sentence_with_the_variable_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch, settings_class: type[ProcessSettings], name: str, value: str | None, says: str
) -> None:
    """Whoever installs Bedside reads which variable is wrong and what to set it to."""
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings(settings_class)
    sentence = str(caught.value)
    assert name in sentence
    assert says in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


def test_a_wrong_secret_is_never_repeated_in_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error goes to logs, so it must not hold the secret that it is about."""
    monkeypatch.setenv("BEDSIDE_DATA_KEY", "hunter2-hunter2")
    with pytest.raises(SettingsError) as caught:
        load_settings(GatewaySettings)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_secrets_are_not_shown_when_settings_are_printed() -> None:
    """Printing the settings shows neither the token, the key nor the store's address with its password."""
    shown = repr(load_settings(GatewaySettings))
    assert TOKEN not in shown
    assert KEY not in shown
    assert "6390" not in shown


def test_secrets_can_stand_in_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder with one file for each secret replaces the environment, as container secrets do."""
    monkeypatch.delenv("BEDSIDE_INTERNAL_TOKEN")
    (tmp_path / "bedside_internal_token").write_text("f" * 40 + "\n")
    (tmp_path / "bedside_telegram_token").write_text("123:abc\n")
    monkeypatch.setenv("BEDSIDE_SECRETS_DIR", str(tmp_path))
    settings = load_settings(GatewaySettings)
    assert settings.internal_token.get_secret_value() == "f" * 40
    assert settings.telegram_token is not None
    assert settings.telegram_token.get_secret_value() == "123:abc"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """An env file may list a variable without a value; the default then holds."""
    monkeypatch.setenv("BEDSIDE_PORT", "")
    monkeypatch.setenv("BEDSIDE_TELEGRAM_TOKEN", "")
    settings = load_settings(GatewaySettings)
    assert settings.port == 8080
    assert settings.telegram_token is None


def test_the_first_language_is_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Naming languages is enough: the first is spoken until the patient's is known."""
    monkeypatch.setenv("BEDSIDE_LANGUAGES", "es, en")
    assert load_settings(GatewaySettings).default_language == "es"


def test_settings_cannot_change_after_the_start() -> None:
    """What was read at the start holds until the process ends."""
    settings = load_settings(GatewaySettings)
    with pytest.raises(ValidationError):
        settings.port = 9


@pytest.mark.parametrize(
    ("host", "origin", "accepted"),
    [
        ("127.0.0.1", "http://localhost:3000", True),
        ("127.0.0.1", "http://127.0.0.1:8080", True),
        ("127.0.0.1", "https://clinic.example", True),
        ("127.0.0.1", "https://other.example", False),
        ("127.0.0.1", "null", False),
        ("0.0.0.0", "http://localhost:3000", False),
        ("0.0.0.0", "https://CLINIC.example", True),
    ],
)
def test_the_widget_stands_on_named_websites_and_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, host: str, origin: str, accepted: bool
) -> None:
    """Websites that the clinic named hold the widget; pages of this machine only while nobody else can reach us."""
    monkeypatch.setenv("BEDSIDE_HOST", host)
    monkeypatch.setenv("BEDSIDE_WIDGET_ORIGINS", "https://clinic.example")
    assert load_settings(GatewaySettings).accepts_origin(origin) is accepted


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("::1", True), ("[::1]", True), ("127.8.8.8", True), ("10.0.0.1", False)],
)
def test_loopback_is_recognised(host: str, expected: bool) -> None:
    """Addresses that only this machine reaches are told apart from all others."""
    assert is_loopback(host) is expected


@pytest.mark.parametrize("settings_class", [StackSettings, GatewaySettings])
def test_every_setting_says_what_to_set_it_to(settings_class: type[ProcessSettings]) -> None:
    """No setting is without a remedy, or its error sentence would be useless."""
    assert [name for name, field in settings_class.model_fields.items() if not field.description] == []


OPEN_ID = {
    "BEDSIDE_OPENID_ISSUER": "https://id.clinic.example/",
    "BEDSIDE_OPENID_CLIENT_ID": "bedside",
    "BEDSIDE_OPENID_CLIENT_SECRET": "s3cret",
    "BEDSIDE_PUBLIC_URL": "https://bedside.clinic.example",
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"BEDSIDE_OPENID_ISSUER": "http://id.clinic.example"}, "does not begin with https://"),
        ({"BEDSIDE_OPENID_CLIENT_ID": ""}, "BEDSIDE_OPENID_CLIENT_ID or BEDSIDE_PUBLIC_URL is missing"),
        ({"BEDSIDE_PUBLIC_URL": ""}, "BEDSIDE_OPENID_CLIENT_ID or BEDSIDE_PUBLIC_URL is missing"),
        ({"BEDSIDE_OPENID_ROLE_CLAIM": "groups"}, "only one is set"),
        ({"BEDSIDE_OPENID_ROLES": "nurse=ward staff"}, "only one is set"),
        ({"BEDSIDE_OPENID_ROLES": "doctor=ward staff"}, "BEDSIDE_OPENID_ROLES is wrong"),
        ({"BEDSIDE_OPENID_CREATES_ACCOUNTS": "true"}, "names no role"),
        ({"BEDSIDE_OPENID_SECOND_FACTOR": "perhaps"}, "BEDSIDE_OPENID_SECOND_FACTOR is wrong"),
    ],
)
def test_half_an_organisations_sign_in_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], says: str
) -> None:
    """Nobody finds out at the door that the way there was set up by halves."""
    for name, value in (OPEN_ID | changes).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=says):
        load_settings(GatewaySettings)


def test_an_organisations_sign_in_is_handed_to_the_desk_as_it_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups keep their order and their names; the address to return to is below the public one."""
    more = {"BEDSIDE_OPENID_ROLE_CLAIM": "groups", "BEDSIDE_OPENID_ROLES": "lead=ward leads, nurse=/ward=staff"}
    for name, value in (OPEN_ID | more | {"BEDSIDE_OPENID_MAIL_DOMAINS": "Clinic.example"}).items():
        monkeypatch.setenv(name, value)
    found = open_id_settings(load_settings(GatewaySettings))
    assert found is not None
    assert (found.issuer, found.client_secret) == ("https://id.clinic.example", "s3cret")
    assert found.return_url == "https://bedside.clinic.example/desk/sign-in/open-id/back"
    assert found.roles == (("ward leads", Role.LEAD), ("/ward=staff", Role.NURSE))
    assert found.mail_domains == {"clinic.example"}
    assert found.role_of(["kitchen", "/ward=staff"]) is Role.NURSE
    monkeypatch.setenv("BEDSIDE_OPENID_ISSUER", "")
    assert open_id_settings(load_settings(GatewaySettings)) is None
