"""The content gaps at the desk: what patients asked and got no good answer to, grouped, with a way to answer it."""

from __future__ import annotations

import asyncio

from starlette.responses import RedirectResponse, Response

from actions.answering.gaps import GapGroup, GapKind, GapStore, TopicNames, grouped
from bot.desk.access import Visit
from bot.desk.answers_page import ContentReader
from bot.desk.render import Renderer
from bot.desk.report import DAYS, beginning
from bot.desk.roles import SIGNING
from bot.desk.services import DeskServices

_MOST_GROUPS = 200


class GapPages:
    """The list of gaps."""

    def __init__(self, services: DeskServices, renderer: Renderer, reader: ContentReader) -> None:
        self._services = services
        self._renderer = renderer
        self._reader = reader
        self._gaps = GapStore(services.redis, services.vault, clock=services.clock)

    async def show(self, visit: Visit) -> Response:
        """The gaps of today or of the last 30 days, the largest group first."""
        days = 1 if visit.request.query_params.get("days") == "1" else DAYS
        groups = await self.groups(days)
        return self._renderer.page(
            "gaps.html",
            **visit.for_every_page,
            idle_s=self._services.settings.session_idle_s,
            days=days,
            groups=groups[:_MOST_GROUPS],
            left_out=max(0, len(groups) - _MOST_GROUPS),
            kinds=GapKind,
            may_sign=visit.staff.role in SIGNING,
        )

    async def drop(self, visit: Visit) -> Response:
        """The gaps named by the form are off the list."""
        await self._gaps.drop(visit.form.get("ids", "").split()[:500])
        return RedirectResponse(f"{self._services.settings.base_path}/gaps", status_code=303)

    async def groups(self, days: int) -> list[GapGroup]:
        """Return the gaps of the last days, today included, in groups."""
        gaps = await self._gaps.list(beginning(self._services.clock(), days))
        content = await self._reader.content() if gaps else None
        return await asyncio.to_thread(grouped, gaps, TopicNames(content.topics if content is not None else ()))
