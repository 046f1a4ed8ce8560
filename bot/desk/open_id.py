"""Signing in with OpenID Connect: to the organisation's own sign-in and back, until it is known who came.

Beside the password, before the desk's door (`bot.desk.open_id_door`), which knows the accounts. The provider is asked
by code flow with PKCE. What it says counts only when state and nonce are those that this browser took along, and when
the signature of the id token, its issuer, audience and times are right.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import httpx2  # Authlib's client is made of it
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.common.security import generate_token  # type: ignore[import-untyped]
from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from authlib.oidc.discovery import get_well_known_url  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from actions.errors import VaultError
from actions.vault import Vault
from bot.desk.errors import ProviderAwayError, ProviderRefusedError
from bot.desk.staff import Role

_log = logging.getLogger(__name__)

JOURNEY_S = 10 * 60
"""How long a person may take at the provider."""
_REREAD_S = 3600.0
"""A provider's description and keys are read again after this; an unknown key at once."""
_PATIENCE_S = 5.0
_LEEWAY_S = 60
_SCOPE = "openid profile email"
_ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""Signatures that only the provider can make: never `none`, and none that is made with a shared secret."""
_LONGEST_SUBJECT = 255
_LONGEST_CLAIM = 200


@dataclass(frozen=True, slots=True)
class OpenIdSettings:
    """Which provider is asked, and what its answer means here."""

    issuer: str
    client_id: str
    return_url: str
    """Where the provider sends the browser back to; registered there."""
    client_secret: str = ""
    """Empty for a public client: PKCE alone."""
    name: str = ""
    """What the button calls the organisation's sign-in."""
    account_claim: str = "email"
    """The claim that names the account; an address counts only when the provider has verified it."""
    mail_domains: frozenset[str] = frozenset()
    """Whose addresses may come in; none named means that the provider alone decides."""
    role_claim: str = ""
    """The claim with the person's groups; when named, whoever is in none of `roles` is refused."""
    roles: tuple[tuple[str, Role], ...] = ()
    """Group and role; the first that fits counts."""
    creates_accounts: bool = False
    """Whether a person without an account gets one, with the role of their group."""
    second_factor: str = "ask"
    """`ask` for the desk's own all the same, `amr`: not when the provider says that it asked, `trust`: never."""
    prompt: str = "login"
    """What the provider is told to ask; `login` even when somebody is signed in there: ward computers are shared."""

    def role_of(self, groups: Sequence[str]) -> Role | None:
        """Return the role of somebody in these groups."""
        return next((role for group, role in self.roles if group in groups), None)


@dataclass(frozen=True, slots=True)
class Journey:
    """What a browser takes along to the provider, sealed, and must bring back."""

    state: str
    nonce: str
    verifier: str
    next_path: str
    began_at: float

    def sealed(self, vault: Vault) -> str:
        """Return it as the value of a cookie."""
        return vault.seal(json.dumps(asdict(self)))

    @classmethod
    def opened(cls, cookie: str, vault: Vault, *, now: float) -> Journey | None:
        """Return the journey of a cookie; None when there is none, or it began too long ago."""
        try:
            journey = cls(**json.loads(vault.open(cookie)))
        except (VaultError, ValueError, TypeError):
            return None
        return journey if now - journey.began_at <= JOURNEY_S else None

    def is_of(self, state: str) -> bool:
        """Return whether the provider's answer belongs to this journey."""
        return hmac.compare_digest(self.state.encode(), state.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who came, as the provider says. What it has not verified is left out."""

    subject: str
    """Names the person for ever; a hash of issuer and subject, so that the store holds neither."""
    account: str
    """What the account claim says."""
    mail: str
    """The verified address, in small letters."""
    name: str
    groups: tuple[str, ...]
    methods: tuple[str, ...]
    """How the provider checked who it is (RFC 8176)."""

    @property
    def is_strong(self) -> bool:
        """Whether the provider says that it asked for more than one factor."""
        return "mfa" in self.methods


@dataclass(frozen=True, slots=True)
class _Description:
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    algorithms: tuple[str, ...]
    posts_secret: bool
    read_at: float


class OpenIdProvider:
    """The organisation's sign-in."""

    def __init__(self, settings: OpenIdSettings, *, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self._clock = clock
        self._known: _Description | None = None
        self._keys: KeySet | None = None
        self._tls: ssl.SSLContext | None = None

    async def begin(self, next_path: str) -> tuple[str, Journey]:
        """Return where to send the browser, and what it takes along.

        Raises:
            ProviderAwayError: The provider does not answer, or not as one.
        """
        found = await self._described()
        journey = Journey(
            state=generate_token(32),
            nonce=generate_token(32),
            verifier=generate_token(64),
            next_path=next_path[:300],
            began_at=self._clock(),
        )
        more = {"prompt": self.settings.prompt} if self.settings.prompt else {}
        async with await self._client(found) as client:
            url, _ = client.create_authorization_url(
                found.authorization_endpoint,
                state=journey.state,
                code_verifier=journey.verifier,
                nonce=journey.nonce,
                **more,
            )
        return str(url), journey

    async def identity(self, code: str, journey: Journey) -> Identity:
        """Return who came back with that code.

        Raises:
            ProviderAwayError: The provider does not answer, or not as one.
            ProviderRefusedError: It does not know the code, or what it says does not hold.
        """
        found = await self._described()
        try:
            async with await self._client(found) as client:
                token = await client.fetch_token(
                    found.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=journey.verifier,
                    redirect_uri=self.settings.return_url,
                )
                claims = await self._claims(client, found, token, journey.nonce)
                if self.settings.account_claim not in claims or "email" not in claims:
                    claims = await self._with_more(client, found, token, claims)
        except (AuthlibBaseError, JoseError, KeyError, TypeError) as error:
            _log.warning("the OpenID provider's answer does not hold: %s", type(error).__name__)
            raise ProviderRefusedError(type(error).__name__) from None
        except (httpx2.HTTPError, ValueError) as error:
            raise _away(error) from None
        return self._identity(claims)

    # What the provider says of itself

    async def _described(self) -> _Description:
        known = self._known
        if known is not None and self._clock() - known.read_at < _REREAD_S:
            return known
        try:
            told = await self._read(get_well_known_url(self.settings.issuer, external=True))
            found = self._description(told)
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            raise _away(error) from None
        self._known, self._keys = found, None
        return found

    def _description(self, told: Mapping[str, Any]) -> _Description:
        if str(told["issuer"]).rstrip("/") != self.settings.issuer.rstrip("/"):
            raise ValueError("another issuer")
        algorithms = tuple(
            each for each in told.get("id_token_signing_alg_values_supported", []) if each in _ALGORITHMS
        )
        methods = told.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return _Description(
            issuer=str(told["issuer"]),
            authorization_endpoint=str(told["authorization_endpoint"]),
            token_endpoint=str(told["token_endpoint"]),
            userinfo_endpoint=str(told.get("userinfo_endpoint") or ""),
            jwks_uri=str(told["jwks_uri"]),
            algorithms=algorithms or ("RS256",),
            posts_secret="client_secret_basic" not in methods and "client_secret_post" in methods,
            read_at=self._clock(),
        )

    async def _read_keys(self, found: _Description) -> KeySet:
        self._keys = KeySet.import_key_set(await self._read(found.jwks_uri))  # type: ignore[arg-type]
        return self._keys

    async def _read(self, url: str) -> dict[str, Any]:
        async with httpx2.AsyncClient(**await self._wire()) as client:
            response = await client.get(url)
            response.raise_for_status()
            told = response.json()
        if not isinstance(told, dict):
            raise ValueError("no object")
        return told

    # What it says of a person

    async def _claims(self, client: Any, found: _Description, token: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """Return what the id token says, once everything about it was checked."""
        registry = JWSRegistry(algorithms=list(found.algorithms), strict_check_header=False)
        keys = self._keys or await self._read_keys(found)
        try:
            decoded = jwt.decode(token["id_token"], key=keys, registry=registry)
        except InvalidKeyIdError:  # the provider has new keys
            decoded = jwt.decode(token["id_token"], key=await self._read_keys(found), registry=registry)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": found.issuer},
                "aud": {"essential": True, "value": self.settings.client_id},
            },
            {"nonce": nonce, "client_id": self.settings.client_id, "access_token": token.get("access_token")},
        )
        claims.validate(now=int(self._clock()), leeway=_LEEWAY_S)
        return dict(claims)

    async def _with_more(
        self, client: Any, found: _Description, token: Mapping[str, Any], claims: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the claims with those that the provider tells only when asked; the id token's own win."""
        if not found.userinfo_endpoint or "access_token" not in token:
            return claims
        response = await client.get(
            found.userinfo_endpoint,
            withhold_token=True,
            headers={"Authorization": f"Bearer {token['access_token']}", "Accept": "application/json"},
        )
        response.raise_for_status()
        told = response.json()
        if not isinstance(told, dict) or told.get("sub") != claims["sub"]:
            raise ProviderRefusedError("another subject")
        return told | claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 1 <= len(subject) <= _LONGEST_SUBJECT:
            raise ProviderRefusedError("no subject")
        verified = claims.get("email_verified") in (True, "true")
        mail = _text(claims.get("email")).casefold() if verified else ""
        claim = self.settings.account_claim
        return Identity(
            subject=hashlib.sha256(f"{self.settings.issuer.rstrip('/')} {subject}".encode()).hexdigest(),
            account=mail if claim == "email" else _text(claims.get(claim)),
            mail=mail,
            name=_text(claims.get("name")),
            groups=_texts(claims.get(self.settings.role_claim)) if self.settings.role_claim else (),
            methods=_texts(claims.get("amr")),
        )

    # The wire

    async def _client(self, found: _Description) -> Any:
        """Return a client for one exchange: it keeps what it is told, so no two people share one."""
        secret = self.settings.client_secret
        method = "none" if not secret else "client_secret_post" if found.posts_secret else "client_secret_basic"
        return AsyncOAuth2Client(
            self.settings.client_id,
            secret or None,
            token_endpoint_auth_method=method,
            scope=_SCOPE,
            redirect_uri=self.settings.return_url,
            code_challenge_method="S256",
            **await self._wire(),
        )

    async def _wire(self) -> dict[str, Any]:
        if self._tls is None:  # reading the machine's certificates takes a while
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return {"verify": self._tls, "timeout": _PATIENCE_S, "trust_env": False, "follow_redirects": False}


def _away(error: Exception) -> ProviderAwayError:
    _log.warning("the OpenID provider does not answer as one: %s", type(error).__name__)
    return ProviderAwayError(type(error).__name__)


def _text(value: object) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return text if len(text) <= _LONGEST_CLAIM else ""


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
