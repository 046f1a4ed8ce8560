"""What the open desks are told the moment it happens: one subscription a process, handed on to every open page."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from redis.exceptions import RedisError
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from actions.handoff.errors import CaseNotFoundError
from actions.handoff.queue import CaseChange, CaseQueue
from actions.transcript import Transcript
from bot.desk.access import Access
from bot.desk.services import DeskServices
from bot.desk.tongue import t
from bot.desk.words import level_words, plain

_log = logging.getLogger(__name__)

_KEPT = 100
_RETRY_S = 1.0
_SESSION_CHECK_S = 10.0


@dataclass(frozen=True, slots=True)
class ConversationWentOn:
    """Something was said in a conversation."""

    conversation_id: str


@dataclass(frozen=True, slots=True)
class ListenedAgain:
    """The store was away; whatever happened meanwhile was missed, so everything must be read again."""


News = CaseChange | ConversationWentOn | ListenedAgain


class Newsroom:
    """Listens to cases and conversations while anyone is at the desk."""

    def __init__(self, queue: CaseQueue, transcript: Transcript) -> None:
        self._queue = queue
        self._transcript = transcript
        self._readers: set[asyncio.Queue[News]] = set()
        self._listening: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def reader(self) -> AsyncIterator[asyncio.Queue[News]]:
        """Give a queue that fills with news; a reader who is too slow loses the oldest."""
        reader: asyncio.Queue[News] = asyncio.Queue(_KEPT)
        self._readers.add(reader)
        if not self._listening:
            self._listening = [
                asyncio.create_task(self._listen(self._cases)),
                asyncio.create_task(self._listen(self._conversations)),
            ]
        try:
            yield reader
        finally:
            self._readers.discard(reader)
            if not self._readers:
                await self._stop()

    async def _stop(self) -> None:
        tasks, self._listening = self._listening, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, source: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await source()
            except (RedisError, OSError) as error:
                _log.warning("the desk lost its live news: %s", type(error).__name__)
            await asyncio.sleep(_RETRY_S)
            self._tell(ListenedAgain())

    async def _cases(self) -> None:
        async for change in self._queue.changes():
            self._tell(change)

    async def _conversations(self) -> None:
        async for conversation_id in self._transcript.changes():
            self._tell(ConversationWentOn(conversation_id))

    def _tell(self, news: News) -> None:
        for reader in self._readers:
            if reader.full():
                reader.get_nowait()
            reader.put_nowait(news)


class LiveEvents:
    """The stream that keeps an open page fresh. It says that something changed, never what a patient wrote."""

    def __init__(self, services: DeskServices, access: Access) -> None:
        self._services = services
        self._access = access
        self._newsroom = Newsroom(services.queue, services.transcript)

    async def stream(self, request: Request) -> Response:
        """Server-Sent Events `hello`, `case`, `conversation` and `signed-out`, for the signed-in."""
        if await self._access.find(request, active=False) is None:
            return Response(status_code=401)
        watched = await self._watched(request.query_params.get("case", ""))
        return EventSourceResponse(self._events(request, watched), ping=15, headers={"Cache-Control": "no-store"})

    async def _watched(self, case_id: str) -> str | None:
        """Return the conversation of the case that the page shows."""
        try:
            return (await self._services.queue.get(case_id)).conversation_id if case_id else None
        except CaseNotFoundError:
            return None

    async def _events(self, request: Request, watched: str | None) -> AsyncIterator[ServerSentEvent]:
        loop = asyncio.get_running_loop()
        async with self._newsroom.reader() as reader:
            yield ServerSentEvent("{}", event="hello", retry=2000)
            checked = loop.time()
            while True:
                try:
                    async with asyncio.timeout(_SESSION_CHECK_S):
                        event = _as_event(await reader.get(), watched)
                except TimeoutError:
                    event = None
                if event is not None:
                    yield event
                if loop.time() - checked >= _SESSION_CHECK_S:
                    checked = loop.time()
                    if await self._signed_out(request):
                        yield ServerSentEvent("{}", event="signed-out")
                        return

    async def _signed_out(self, request: Request) -> bool:
        try:
            return await self._access.find(request, active=False) is None
        except RedisError:
            return False  # the page is told by the newsroom; a store that is away signs nobody out


def _as_event(news: News, watched: str | None) -> ServerSentEvent | None:
    match news:
        case CaseChange():
            told = {
                "case_id": news.case_id,
                "act": news.act.value,
                "state": news.state.value,
                "level": news.level.value,
                "language": news.language,
                "holder": news.holder,
                "detail": news.detail,
                "words": f"{level_words(news.level)}: {t(plain(news.category))}"
                if news.category
                else level_words(news.level),
            }
            return ServerSentEvent(json.dumps(told), event="case")
        case ConversationWentOn(conversation_id):
            return ServerSentEvent("{}", event="conversation") if conversation_id == watched else None
        case ListenedAgain():
            return ServerSentEvent("{}", event="hello")
