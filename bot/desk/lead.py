"""The lead's page: how the care team did today and in the last 30 days, and the same as a table without identifiers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from actions.answering.gaps import GapKind
from actions.handoff.case import Case, CaseState
from bot.desk import charts
from bot.desk.access import Visit
from bot.desk.gaps_page import GapPages
from bot.desk.glass import GlassBox
from bot.desk.glass_page import GLASS_REASONS
from bot.desk.render import Renderer
from bot.desk.report import DAYS, LEVELS, Report, as_csv, beginning, make_report
from bot.desk.services import DeskServices
from bot.desk.tongue import t
from bot.desk.words import OUTCOMES, REASONS, duration, level_words

_PAGE = 500
_MOST_CASES = 20_000
_MOST_GAPS = 20
"""Groups of questions without an answer; the page of gaps shows the others."""


class LeadPages:
    """The overview and its export."""

    def __init__(self, services: DeskServices, renderer: Renderer, gaps: GapPages) -> None:
        self._services = services
        self._renderer = renderer
        self._gaps = gaps
        self._glass = GlassBox(services.redis, services.vault)

    async def show(self, visit: Visit) -> Response:
        """Today, or the last 30 days."""
        days = 1 if visit.request.query_params.get("days") == "1" else DAYS
        now = self._services.clock()
        since = beginning(now, days)
        staff = await self._services.staff.list()
        cases = await self._cases(since)
        # Counting thousands of cases must not keep the loop from an emergency.
        report = await asyncio.to_thread(
            make_report, cases, staff, self._services.settings.targets_s, since=since, now=now
        )
        return self._renderer.page(
            "lead.html",
            **visit.for_every_page,
            idle_s=self._services.settings.session_idle_s,
            days=days,
            report=report,
            drawn=_drawn(report),
            levels=LEVELS,
            targets_s=self._services.settings.targets_s,
            names={person.id: person.name for person in staff},
            glass=await self._glass.recent(since),
            glass_reasons=GLASS_REASONS,
            cut=len(cases) >= _MOST_CASES,
            gaps=(await self._gaps.groups(days))[:_MOST_GAPS],
            gap_kinds=GapKind,
        )

    async def export(self, visit: Visit) -> Response:
        """The cases of the last 30 days as CSV: no identifiers, no words."""
        now = self._services.clock()
        since = beginning(now, DAYS)
        cases = await self._cases(since)
        table = await asyncio.to_thread(as_csv, cases, self._services.settings.targets_s, since=since, now=now)
        name = f"bedside-cases-{datetime.fromtimestamp(now, UTC):%Y-%m-%d}.csv"
        return Response(
            table,
            media_type="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )

    async def _cases(self, since: float) -> Sequence[Case]:
        """Return every case that may have been opened since then, without words, a page at a time."""
        found: list[Case] = []
        for state in CaseState:
            for offset in range(0, _MOST_CASES, _PAGE):
                page = await self._services.queue.list_cases(state, limit=_PAGE, offset=offset, with_words=False)
                found += (case for case in page if case.opened_at >= since)
                await asyncio.sleep(0)
                ended_before = state is CaseState.RESOLVED and page and (page[-1].resolved_at or 0.0) < since
                if len(page) < _PAGE or ended_before:
                    break
        return found[:_MOST_CASES]


def _drawn(report: Report) -> dict[str, Any]:
    """Return the charts of the report."""
    return {
        "volume": charts.stacked(
            [(f"{day:%d.%m.}", [(level.value, counts[level]) for level in LEVELS]) for day, counts in report.by_day],
            label_every=5,
        ),
        "waits": charts.lying(
            [
                (f"{level_words(level)}, {words}", duration(value), value, level.value)
                for level, waits in report.by_level
                for words, value in ((t("median"), waits.median_s), ("p90", waits.p90_s))
                if value is not None
            ]
        ),
        "reasons": charts.lying([(t(REASONS[reason]), str(n), n, "plain") for reason, n in report.reasons]),
        "outcomes": charts.lying([(t(OUTCOMES[outcome]), str(n), n, "plain") for outcome, n in report.outcomes]),
        "load": charts.lying(
            [(load.name or t("a former colleague"), str(load.claimed), load.claimed, "plain") for load in report.load]
        ),
    }
