"""A named stand-in for an OpenAI-compatible server: it says what it is told, or fails as it is told."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


class Endpoint:
    """Answers on loopback. Each behaviour is one that servers of models have."""

    def __init__(self) -> None:
        self.pieces: list[str] = ["Sunburn is ", "skin. [1]"]
        self.statuses: list[int] = []
        """Said to the next requests, one each; then 200."""
        self.refuses_system_role = False
        self.is_silent = False
        """Takes the request and never says a word."""
        self.never_stops = False
        self.raw: bytes | None = None
        """Sent in place of a stream of pieces."""
        self.requests: list[dict[str, Any]] = []
        self.left = threading.Event()
        """Set when somebody closed the connection before the end."""
        app = Starlette(routes=[Route("/v1/chat/completions", self._complete, methods=["POST"])])
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> str:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}/v1"

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(5)

    async def _complete(self, request: Request) -> Response:
        asked = await request.json() | {"key": request.headers.get("authorization")}
        self.requests.append(asked)
        status = self.statuses.pop(0) if self.statuses else 200
        if self.refuses_system_role and asked["messages"][0]["role"] == "system":
            status = 400
        if status != 200:
            return JSONResponse({"error": {"message": "patient text in an error"}}, status_code=status)
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[bytes]:
        ended = False
        try:
            if self.raw is not None:
                yield self.raw
            elif self.is_silent:
                await asyncio.sleep(60)
            else:
                for piece in self.pieces:
                    yield _chunk(piece)
                while self.never_stops:
                    yield _chunk("and so on ")
                    await asyncio.sleep(0.001)
                yield b"data: [DONE]\n\n"
            ended = True
        finally:
            if not ended:
                self.left.set()


def _chunk(piece: str) -> bytes:
    chunk = {
        "id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m",
        "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}],
    }  # fmt: skip
    return f"data: {json.dumps(chunk)}\n\n".encode()
