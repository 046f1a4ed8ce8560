"""An organisation's sign-in for tests: a real OpenID provider on loopback, whose answers a test may spoil."""

from __future__ import annotations

import base64
import json
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import flask
import httpx
import werkzeug.serving
from joserfc import jwt
from joserfc.jwk import RSAKey

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it is written for an older Authlib
    import oidc_provider_mock  # type: ignore[import-untyped]

Claims = dict[str, Any]

_SHOWN = RSAKey.generate_key(2048, {"kid": "k1"})
"""The key that a provider shows once its answers are spoilt."""


@dataclass
class Provider:
    """What a test sees of the provider."""

    address: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Path and form of each request that it got."""
    spoil: Callable[[Claims], Claims] | None = None
    """Changes what the id token says before it is signed, with a key that the provider shows."""
    signer: RSAKey | None = None
    """Signs the spoilt token with another key than the one that it shows."""

    async def sign_in(self, url: str, who: str, **changes: str) -> httpx.URL:
        """Sign in at the provider as that person; return the address that the browser is sent back to."""
        return await self._post(url, {"sub": who}, changes)

    async def refuse(self, url: str) -> httpx.URL:
        """Do not sign in after all."""
        return await self._post(url, {"action": "deny"}, {})

    async def _post(self, url: str, form: dict[str, str], changes: dict[str, str]) -> httpx.URL:
        parts = urlsplit(url)
        query = urlencode(dict(parse_qsl(parts.query)) | changes)
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.post(parts._replace(query=query).geturl(), data=form)
        assert response.status_code == 302, response.text
        return httpx.URL(response.headers["location"])

    def _note(self) -> flask.Response | None:
        self.asked.append((flask.request.path, dict(flask.request.values)))
        if self.spoil is not None and flask.request.path == "/jwks":
            return flask.jsonify({"keys": [_SHOWN.as_dict(private=False)]})
        return None

    def _spoilt(self, response: flask.Response) -> flask.Response:
        if self.spoil is not None and flask.request.path == "/oauth2/token" and response.status_code == 200:
            token = json.loads(response.get_data())
            claims = self.spoil(_claims_of(token["id_token"]))
            key = self.signer or _SHOWN
            token["id_token"] = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, key)
            response.set_data(json.dumps(token))
        return response


@contextmanager
def running_provider(**people: Claims) -> Iterator[Provider]:
    """Give a provider that knows these people, by subject."""
    provider = Provider()
    users = [oidc_provider_mock.User(sub=sub, claims=claims) for sub, claims in people.items()]
    app = oidc_provider_mock.app(require_nonce=True, user_claims=users)
    app.before_request(provider._note)
    app.after_request(provider._spoilt)
    server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True)
    provider.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _claims_of(token: str) -> Claims:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))
