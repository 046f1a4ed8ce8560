"""The settings of the processes that `bot` starts: frozen, read once at start, passed down as arguments.

Before the line: a wrong or missing setting stops the process with one sentence that names the variable and the remedy.
Every setting is an environment variable with the prefix `BEDSIDE_`. Secrets may stand in files instead: a folder named
by `BEDSIDE_SECRETS_DIR` holds one file for each, named like the variable in small letters (`bedside_internal_token`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import SettingsError

REPOSITORY = Path(__file__).resolve().parents[1]
PREFIX = "BEDSIDE_"
SECRETS_DIR_VARIABLE = f"{PREFIX}SECRETS_DIR"

_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_COUNTRY_CODE = re.compile(r"[A-Z]{2}")
_GROUP_OF_ROLE = re.compile(r"(nurse|lead|clinical_safety|admin)=[^=].*")
_MAIL_ADDRESS = re.compile(r"[^@\s,<>]+@[^@\s,<>]+")


def is_loopback(host: str) -> bool:
    """Return whether the host name or address can be reached from this machine only."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _split(value: Any) -> Any:
    """Return the parts of a comma-separated text, without spaces and empty parts; anything else unchanged."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _languages(tags: tuple[str, ...]) -> tuple[str, ...]:
    if not tags:
        raise ValueError("no language is named")
    for tag in tags:
        if not _LANGUAGE_TAG.fullmatch(tag):
            raise ValueError(f"{tag!r} is not a language tag")
    if len(set(tags)) != len(tags):
        raise ValueError("a language is named twice")
    return tags


def _country(code: str) -> str:
    if not _COUNTRY_CODE.fullmatch(code):
        raise ValueError(f"{code!r} is not a country code of two capital letters")
    return code


def _http_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("it does not begin with http:// or https:// and a host")
    return url.rstrip("/")


def _redis_url(url: str) -> str:
    if urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("it does not begin with redis://, rediss:// or unix://")
    return url


def _origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
            raise ValueError(f"{origin!r} is not an origin")
    return tuple(origin.lower() for origin in origins)


def _internal_token(token: SecretStr) -> SecretStr:
    if len(token.get_secret_value()) < 32:
        raise ValueError("it is shorter than 32 characters")
    return token


def _none_when_empty(secret: SecretStr | None) -> SecretStr | None:
    return secret if secret is not None and secret.get_secret_value().strip() else None


def _data_key(key: SecretStr) -> SecretStr:
    try:
        Fernet(key.get_secret_value())
    except ValueError:
        raise ValueError("it is not a Fernet key") from None
    return key


def _mail_addresses(addresses: tuple[str, ...]) -> tuple[str, ...]:
    for address in addresses:
        if not _MAIL_ADDRESS.fullmatch(address):
            raise ValueError("it is not a list of mail addresses")
    return addresses


def _roles(pairs: tuple[str, ...]) -> tuple[str, ...]:
    for pair in pairs:
        if not _GROUP_OF_ROLE.fullmatch(pair):
            raise ValueError(f"{pair!r} is not a role, an equals sign and a group")
    return pairs


def _webhook_secret(secret: SecretStr | None) -> SecretStr | None:
    secret = _none_when_empty(secret)
    if secret is not None and len(secret.get_secret_value()) < 32:
        raise ValueError("it is shorter than 32 characters")
    return secret


def _existing_file(file: Path | None) -> Path | None:
    file = None if file is None else file.expanduser().absolute()
    if file is not None and not file.is_file():
        raise ValueError(f"{file} is not a file")
    return file


def _existing_folder(folder: Path) -> Path:
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder")
    return folder


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


Port = Annotated[int, Field(ge=1, le=65535)]
Languages = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_languages)]
Country = Annotated[str, AfterValidator(_country)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
MailAddresses = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_mail_addresses)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
GroupsOfRoles = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_roles)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_origins)]
InternalToken = Annotated[SecretStr, AfterValidator(_internal_token)]
DataKey = Annotated[SecretStr, AfterValidator(_data_key)]
Folder = Annotated[Path, AfterValidator(_existing_folder)]
AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
SecondsOrNone = Annotated[float, Field(ge=0)]

PORT_REMEDY = "a port number from 1 to 65535 that nothing else uses"
HOST_REMEDY = "the address to listen on, such as 127.0.0.1"
REDIS_REMEDY = "the address of a Redis or Valkey, such as redis://127.0.0.1:6379/0"
LANGUAGES_REMEDY = "the languages to speak as tags with commas between them, such as en,es"
COUNTRY_REMEDY = "the country whose emergency numbers are shown when none is known, such as US"
SECONDS_REMEDY = "a number of seconds above zero"
COUNT_REMEDY = "a whole number above zero"


class ProcessSettings(BaseSettings):
    """What the settings of every process share. Each field's description is its remedy: what to set it to."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        validate_default=True,
    )


class StackSettings(ProcessSettings):
    """What `bedside up` and the commands that speak to the running stack need to know."""

    data_dir: AbsolutePath = Field(
        default=REPOSITORY / ".bedside", description="a folder that this account may write, for everything that is kept"
    )
    host: str = Field(default="127.0.0.1", min_length=1, description=HOST_REMEDY)
    port: Port = Field(default=8080, description=PORT_REMEDY)
    redis_url: RedisUrl | None = Field(default=None, repr=False, description=REDIS_REMEDY)
    store_port: Port = Field(default=6390, description=PORT_REMEDY)
    dialogue_port: Port = Field(default=5005, description=PORT_REMEDY)
    actions_port: Port = Field(default=5055, description=PORT_REMEDY)
    dialogue_url: HttpUrl | None = Field(
        default=None, description="the address of a dialogue process started elsewhere"
    )
    actions_url: HttpUrl | None = Field(default=None, description="the address of an actions process started elsewhere")
    languages: Languages = Field(default=("en", "es"), description=LANGUAGES_REMEDY)
    default_country: Country = Field(default="US", description=COUNTRY_REMEDY)
    internal_token: InternalToken | None = Field(default=None, description="a random text of 32 characters or more")
    data_key: DataKey | None = Field(default=None, description="a Fernet key: 32 random bytes in URL-safe base64")
    store_fsync: Literal["everysec", "always"] = Field(
        default="everysec", description="everysec, or always to lose nothing even when the power fails"
    )
    start_timeout_s: Seconds = Field(default=180.0, description=SECONDS_REMEDY)
    stop_grace_s: Seconds = Field(default=10.0, description=SECONDS_REMEDY)
    log_max_bytes: Count = Field(default=10_000_000, description=COUNT_REMEDY)
    locales: Folder = Field(default=REPOSITORY / "locales", description="the folder with languages/ and countries/")
    guardrails: Folder = Field(default=REPOSITORY / "guardrails", description="the folder with rules/ and cases/")

    @model_validator(mode="after")
    def _no_port_twice(self) -> StackSettings:
        ports: dict[int, str] = {}
        for name in ("port", "store_port", "dialogue_port", "actions_port"):
            other = ports.setdefault(getattr(self, name), name)
            if other != name:
                raise ValueError(f"{variable(other)} and {variable(name)} are the same port: give each its own")
        return self


class GatewaySettings(ProcessSettings):
    """What the gateway process, with the desk, needs to know."""

    host: str = Field(default="127.0.0.1", min_length=1, description=HOST_REMEDY)
    port: Port = Field(default=8080, description=PORT_REMEDY)
    redis_url: RedisUrl = Field(repr=False, description=REDIS_REMEDY)
    dialogue_url: HttpUrl = Field(
        default="http://127.0.0.1:5005", description="the dialogue process, such as http://127.0.0.1:5005"
    )
    actions_url: HttpUrl = Field(
        default="http://127.0.0.1:5055", description="the actions process, such as http://127.0.0.1:5055"
    )
    internal_token: InternalToken = Field(
        description="the random text of 32 characters or more that all Bedside processes share"
    )
    data_key: DataKey = Field(
        description="the Fernet key that seals what is stored: 32 random bytes in URL-safe base64"
    )

    languages: Languages = Field(default=("en", "es"), description=LANGUAGES_REMEDY)
    default_language: str = Field(
        default_factory=lambda fields: fields.get("languages", ("en",))[0],
        description="the language to speak until the patient's is known, one of BEDSIDE_LANGUAGES",
    )
    default_country: Country = Field(default="US", description=COUNTRY_REMEDY)
    locales: Folder = Field(default=REPOSITORY / "locales", description="the folder with languages/ and countries/")
    guardrails: Folder = Field(default=REPOSITORY / "guardrails", description="the folder with rules/ and cases/")

    widget_origins: Origins = Field(
        default=(), description="the websites that show the widget, such as https://clinic.example, commas between them"
    )
    trust_proxy: bool = Field(
        default=False, description="true only behind a proxy of yours that sets X-Forwarded-For, else false"
    )
    telegram_token: Annotated[SecretStr | None, AfterValidator(_none_when_empty)] = Field(
        default=None, description="the token that BotFather gave for the bot"
    )
    telegram_base_url: HttpUrl | None = Field(
        default=None, description="the address of an own Bot API server, such as http://127.0.0.1:8081/bot"
    )

    message_max_chars: Annotated[int, Field(ge=100, le=20_000)] = Field(
        default=4000, description="how long one message may be, from 100 to 20000 characters"
    )
    request_max_bytes: Annotated[int, Field(ge=1000)] = Field(
        default=65_536, description="how large the body of one request may be, in bytes"
    )
    messages_per_minute: Count = Field(
        default=20, description="how many messages one conversation may send in a minute"
    )
    conversations_per_hour: Count = Field(
        default=60, description="how many conversations one address may begin in an hour"
    )
    requests_per_minute: Count = Field(default=600, description="how many requests one address may make in a minute")

    conversation_ttl_s: Count = Field(
        default=30 * 86_400, description="after how many seconds a conversation is forgotten"
    )
    desk_session_s: Count = Field(
        default=12 * 3600, description="after how many seconds the desk asks to sign in again"
    )
    desk_idle_s: Annotated[int, Field(ge=60)] = Field(
        default=15 * 60, description="after how many seconds without a person the desk signs out, 60 or more"
    )
    desk_second_factor: Literal["optional", "required"] = Field(
        default="optional", description="optional, or required when everyone at the desk must have a second factor"
    )
    answer_budget_s: Seconds = Field(default=60.0, description="how long one answer may take, in seconds")
    answers_at_once: Count = Field(
        default=4, description="how many answers are made at once; more only helps with a model that batches"
    )
    dialogue_timeout_s: Seconds = Field(default=5.0, description="how long dialogue may take for one turn, in seconds")

    # The care desk's time
    target_emergency_s: Seconds = Field(default=120.0, description=SECONDS_REMEDY)
    target_urgent_s: Seconds = Field(default=900.0, description=SECONDS_REMEDY)
    target_other_s: Seconds = Field(default=14_400.0, description=SECONDS_REMEDY)
    holder_reminded_after_s: Seconds = Field(default=300.0, description=SECONDS_REMEDY)
    case_returned_after_s: Seconds = Field(default=300.0, description=SECONDS_REMEDY)
    asked_emergency_s: Seconds = Field(default=120.0, description=SECONDS_REMEDY)
    asked_urgent_s: Seconds = Field(default=900.0, description=SECONDS_REMEDY)
    asked_other_s: Seconds = Field(default=3600.0, description=SECONDS_REMEDY)
    silent_after_s: Seconds = Field(default=120.0, description=SECONDS_REMEDY)
    reopen_within_s: SecondsOrNone = Field(default=86_400.0, description="a number of seconds, 0 to open a new case")
    undo_send_s: Annotated[float, Field(ge=0, le=60)] = Field(default=10.0, description="from 0 to 60 seconds")
    hours: Annotated[Path | None, AfterValidator(_existing_file)] = Field(
        default=None, description="the file with the care teams' hours, such as deploy/hours.example.yaml"
    )

    # The organisation's own sign-in at the desk
    openid_issuer: HttpUrl | None = Field(
        default=None, description="the address of the organisation's OpenID provider, such as https://id.clinic.example"
    )
    openid_client_id: str = Field(default="", description="what the provider calls Bedside")
    openid_client_secret: Annotated[SecretStr | None, AfterValidator(_none_when_empty)] = Field(
        default=None, description="the secret that the provider gave for that client; none for a public client"
    )
    openid_name: Annotated[str, Field(max_length=40)] = Field(
        default="", description="what the sign-in page calls the provider, 40 characters or fewer"
    )
    openid_account_claim: Annotated[str, Field(min_length=1)] = Field(
        default="email", description="the claim that names an account, such as email or preferred_username"
    )
    openid_mail_domains: Words = Field(
        default=(), description="whose mail addresses may sign in, such as clinic.example, commas between them"
    )
    openid_role_claim: str = Field(default="", description="the claim with the person's groups, such as groups")
    openid_roles: GroupsOfRoles = Field(
        default=(), description="roles and their groups, such as nurse=ward staff,lead=ward leads"
    )
    openid_creates_accounts: bool = Field(
        default=False, description="true when people in those groups get an account by signing in, else false"
    )
    openid_second_factor: Literal["ask", "amr", "trust"] = Field(
        default="ask", description="ask, amr or trust: whether the provider's own second factor counts"
    )
    openid_prompt: Literal["login", "select_account", "none"] = Field(
        default="login", description="login, select_account, or none to let the provider decide what it asks"
    )

    # Who is told of cases
    public_url: HttpUrl | None = Field(
        default=None, description="the address at which the care team reaches Bedside, such as https://bedside.example"
    )
    webhook_url: HttpUrl | None = Field(
        default=None, description="the address that is told of cases, such as https://pager.example/bedside"
    )
    webhook_secret: Annotated[SecretStr | None, AfterValidator(_webhook_secret)] = Field(
        default=None, description="a random text of 32 characters or more that the receiver shares"
    )
    smtp_host: str = Field(default="", description="the mail server, such as mail.clinic.example; empty sends no mail")
    smtp_port: Port = Field(default=587, description=PORT_REMEDY)
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls, tls, or none on this machine only"
    )
    smtp_user: str = Field(default="", description="the name at the mail server; empty signs in nowhere")
    smtp_password: Annotated[SecretStr | None, AfterValidator(_none_when_empty)] = Field(
        default=None, description="the password at the mail server"
    )
    mail_from: MailAddresses = Field(default=(), description="the one address that mails come from")
    mail_to: MailAddresses = Field(default=(), description="who is mailed of every case, commas between them")
    mail_to_leads: MailAddresses = Field(
        default=(), description="who is mailed when a case is late or its holder silent, commas between them"
    )

    @model_validator(mode="after")
    def _tellers_are_complete(self) -> GatewaySettings:
        if self.webhook_url is not None and self.webhook_secret is None:
            raise ValueError(
                f"{variable('webhook_secret')} is missing: set it to a random text of 32 characters or more that the "
                f"receiver at {variable('webhook_url')} shares"
            )
        if self.smtp_host and (len(self.mail_from) != 1 or not (self.mail_to or self.mail_to_leads)):
            raise ValueError(
                f"{variable('smtp_host')} is set, but {variable('mail_from')} is not one address or nobody stands in "
                f"{variable('mail_to')}: set both"
            )
        return self

    @model_validator(mode="after")
    def _openid_is_complete(self) -> GatewaySettings:
        if self.openid_issuer is None:
            return self
        parts = urlsplit(self.openid_issuer)
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise ValueError(
                f"{variable('openid_issuer')} does not begin with https://: set it to the provider's address"
            )
        if not self.openid_client_id or self.public_url is None:
            raise ValueError(
                f"{variable('openid_issuer')} is set, but {variable('openid_client_id')} or {variable('public_url')} "
                "is missing: set both"
            )
        if bool(self.openid_role_claim) != bool(self.openid_roles):
            raise ValueError(
                f"Of {variable('openid_role_claim')} and {variable('openid_roles')} only one is set: set both or none"
            )
        if self.openid_creates_accounts and not self.openid_roles:
            raise ValueError(
                f"{variable('openid_creates_accounts')} is true, but {variable('openid_roles')} names no role for "
                "a new account: set it"
            )
        return self

    @model_validator(mode="after")
    def _default_language_is_spoken(self) -> GatewaySettings:
        if self.default_language not in self.languages:
            raise ValueError(f"{variable('default_language')} is not one of {variable('languages')}: name one of them")
        return self

    def accepts_origin(self, origin: str) -> bool:
        """Return whether a page of this origin may hold the widget; this machine may while only it reaches us."""
        if origin.lower() in self.widget_origins:
            return True
        return is_loopback(self.host) and is_loopback(urlsplit(origin).hostname or "")


Settings = TypeVar("Settings", bound=BaseSettings)


def variable(field: str) -> str:
    """Return the name of the environment variable that holds the field."""
    return f"{PREFIX}{field.upper()}"


def load_settings(settings_class: type[Settings], **given: Any) -> Settings:
    """Return the process's settings, read from the environment and the secrets folder; `given` fields win.

    Raises:
        SettingsError: a setting is wrong or missing, in one sentence with the variable and the remedy.
    """
    secrets_dir = _secrets_dir(os.environ)
    try:
        return settings_class(_secrets_dir=secrets_dir, **given)
    except ValidationError as error:
        raise SettingsError(_sentence(settings_class, error.errors(include_url=False)[0])) from None


def _secrets_dir(environment: Mapping[str, str]) -> Path | None:
    named = environment.get(SECRETS_DIR_VARIABLE)
    if not named:
        return None
    if not Path(named).is_dir():
        raise SettingsError(
            f"{SECRETS_DIR_VARIABLE} is wrong ({named} is not a folder): name the folder with the secrets."
        )
    return Path(named)


def _sentence(settings_class: type[BaseSettings], error: ErrorDetails) -> str:
    """Return what is wrong with one setting and its remedy. Never the value: it may be a secret."""
    reason = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return f"{reason}."
    field = str(error["loc"][0])
    remedy = settings_class.model_fields[field].description
    if error["type"] == "missing":
        return f"{variable(field)} is missing: set it to {remedy}."
    return f"{variable(field)} is wrong ({reason[:1].lower()}{reason[1:]}): set it to {remedy}."
