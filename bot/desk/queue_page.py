"""The queue's page: who waits, the most pressing first, as a person wants to see it.

After the access check. It reads, orders and filters; what is done with a case is in `pages`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from starlette.responses import RedirectResponse, Response

from actions.handoff.case import Case, CaseState
from actions.handoff.errors import CaseNotFoundError
from actions.handoff.hours import utc_day
from bot.desk.access import Visit
from bot.desk.presence import PresenceBoard
from bot.desk.render import Renderer
from bot.desk.services import DeskServices
from bot.desk.views import Offering, QueueView, SavedViews
from bot.desk.words import DONE
from careguard.verdict import Level

ROWS = 100
ALL_ROWS = 1000
"""A long queue is cut to what a person can look at, so that twenty open desks never slow an emergency down."""

Group = tuple[str, list[Case]]


class QueuePage:
    """The queue with its filters, search and saved views."""

    def __init__(self, services: DeskServices, renderer: Renderer, board: PresenceBoard) -> None:
        self._services = services
        self._board = board
        self._queue = services.queue
        self._renderer = renderer
        self._views = SavedViews(services.redis)
        self._base = services.settings.base_path

    async def show(self, visit: Visit) -> Response:
        """All open cases by level and age, or what the address asks for."""
        query = visit.request.query_params
        view = QueueView.read(query)
        rows = ALL_ROWS if query.get("all") == "1" else ROWS
        accounts = await self._services.staff.list()
        claimed = await self._list(CaseState.CLAIMED)
        offering = Offering.of(accounts, await self._board.on_shift(accounts), claimed)
        waiting = offering.ordered(await self._list(CaseState.WAITING), visit.staff)
        mine = [case for case in claimed if case.claimed_by == visit.staff.id]
        found = await self._found(view, waiting, claimed, mine)
        groups = [(name, [case for case in cases if view.fits(case)]) for name, cases in found]
        totals = {name: len(cases) for name, cases in groups}
        groups = [(name, cases[:rows]) for name, cases in groups]
        now = self._services.clock()
        # Hundreds of rows take a while to write, and an emergency reply may be waiting for this loop meanwhile.
        return await asyncio.to_thread(
            self._renderer.page,
            "queue.html",
            **visit.for_every_page,
            view=view,
            views=await self._views.of(visit.staff.id),
            groups=groups,
            totals=totals,
            more=sum(max(0, total - rows) for total in totals.values()),
            all_rows=rows == ALL_ROWS,
            counts=await self._queue.counts(),
            late=sum(1 for case in waiting if case.late_tier or self._is_late(case, now)),
            held=len(claimed),
            mine=len(mine),
            choices=_choices([*waiting, *claimed]),
            teams=self._services.hours.teams,
            offering=offering,
            last_words=await self._services.transcript.last_words(
                list({case.conversation_id for _, cases in groups for case in cases})
            ),
            names={staff.id: staff.name for staff in accounts},
            team_languages=sorted(offering.speakers),
            levels=sorted(Level, key=lambda each: -each.rank),
            now=now,
            today=utc_day(now),
            target_s=self._services.target_s,
            idle_s=self._services.settings.session_idle_s,
            done=DONE.get(query.get("done", ""), ""),
        )

    async def save_view(self, visit: Visit) -> Response:
        """The person finds the present view under a name."""
        view = QueueView.read(visit.form)
        saved = await self._views.save(visit.staff.id, visit.form.get("name", ""), view)
        return self._to_queue(view, "view_saved" if saved else "view_not_saved")

    async def remove_view(self, visit: Visit) -> Response:
        """The view of that name is gone from the person's list."""
        await self._views.remove(visit.staff.id, visit.form.get("name", ""))
        return self._to_queue(QueueView.read(visit.form), "view_removed")

    async def _found(
        self, view: QueueView, waiting: Sequence[Case], claimed: Sequence[Case], mine: Sequence[Case]
    ) -> list[Group]:
        """Return the lists that the view looks through, each with its name."""
        match view.show:
            case "mine":
                return [("Yours", list(mine))]
            case "unclaimed":
                return [("Waiting", list(waiting))]
            case "resolved":
                return [("Resolved", await self._list(CaseState.RESOLVED))]
            case "follow_up":
                everything = [*waiting, *claimed, *await self._list(CaseState.RESOLVED)]
                planned = [case for case in everything if case.follow_up_on]
                return [("Follow-up", sorted(planned, key=lambda case: case.follow_up_on or ""))]
        groups = [("Waiting", list(waiting)), ("With a person", list(claimed))]
        if view.search:
            groups.append(("Resolved", await self._resolved_by_search(view)))
        return groups

    async def _resolved_by_search(self, view: QueueView) -> list[Case]:
        """Return resolved cases that the search finds, and the very one of that id however old it is."""
        found = [case for case in await self._list(CaseState.RESOLVED) if view.finds(case)]
        try:
            exact = await self._queue.get(view.search.upper())
        except CaseNotFoundError:
            return found
        return found if exact.is_open or any(case.id == exact.id for case in found) else [exact, *found]

    async def _list(self, state: CaseState) -> list[Case]:
        return await self._queue.list_cases(state, limit=ALL_ROWS, with_words=False)

    def _is_late(self, case: Case, now: float) -> bool:
        return now - case.waiting_since > self._services.target_s(case)

    def _to_queue(self, view: QueueView, done: str) -> Response:
        query = view.query()
        return RedirectResponse(f"{self._base}/?{query}{'&' if query else ''}done={done}", status_code=303)


def _choices(cases: Iterable[Case]) -> dict[str, list[str]]:
    """Return what can be chosen in each filter: what is there now."""
    cases = list(cases)
    return {
        "category": sorted({case.category or case.reason.value for case in cases}),
        "language": sorted({case.language for case in cases}),
        "channel": sorted({case.channel for case in cases}),
        "holder": sorted({case.claimed_by for case in cases if case.claimed_by}),
    }
