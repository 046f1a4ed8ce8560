"""HTTP to our own processes, dialogue and actions: one kept session each, opened at the first call.

aiohttp, because a turn makes several such calls on the loop that an emergency travels on, and it takes a quarter of the
time there that httpx takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp

IDLE_CONNECTION_S = 2.0
"""Kept shorter than the processes keep it (5 s), so that none is used while it is being closed."""

CONNECT_S = 2.0
LONGEST_LINE_BYTES = 2**20


class InternalHttp:
    """One process, its address and our token."""

    def __init__(self, url: str, token: str, *, timeout_s: float) -> None:
        """`timeout_s` is how long the process may be silent."""
        self._url = url.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, silent_s: float | None = None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Return the response, to be entered; whatever is not a success raises on entering.

        Raises:
            aiohttp.ClientError, TimeoutError: The process is down, slow, or refused.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {self._token}"},
                connector=aiohttp.TCPConnector(limit=200, keepalive_timeout=IDLE_CONNECTION_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                raise_for_status=True,
                read_bufsize=LONGEST_LINE_BYTES,
            )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=silent_s or self._timeout_s)
        return self._session.request(method, self._url + path, json=body, timeout=timeout)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
