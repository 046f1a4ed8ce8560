"""The page on which somebody says why they need a case that is not theirs."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import RedirectResponse, Response

from actions.handoff.errors import CaseNotFoundError
from bot.desk.access import Visit
from bot.desk.glass import LONGEST_WORDS, GlassBox, GlassReason
from bot.desk.render import Renderer
from bot.desk.services import DeskServices

GLASS_REASONS: Mapping[GlassReason, str] = {
    GlassReason.PATIENT_IN_DANGER: "A patient may be in danger",
    GlassReason.COLLEAGUE_AWAY: "The colleague who holds it cannot be reached",
    GlassReason.ASKED_BY_LEAD: "A lead asked me to",
    GlassReason.SAFETY_REVIEW: "Review of a safety rule",
    GlassReason.COMPLAINT: "A complaint or an inquiry",
}
_SHORTEST_WORDS = 8


class GlassPage:
    """Asks for the reason, and breaks the glass."""

    def __init__(self, services: DeskServices, renderer: Renderer) -> None:
        self._services = services
        self._renderer = renderer
        self._glass = GlassBox(services.redis, services.vault)
        self._base = services.settings.base_path

    async def show(self, visit: Visit) -> Response:
        """The form for the reason."""
        return self._page(visit)

    async def break_it(self, visit: Visit) -> Response:
        """The person sees the case for an hour; the log and the lead know why."""
        case_id = str(visit.request.path_params["case_id"])
        reason, words = visit.form.get("reason", ""), visit.form.get("text", "").strip()
        if reason not in set(GlassReason) or len(words) < _SHORTEST_WORDS:
            return self._page(visit, problem="Choose a reason and say it in a few words.", typed=words)
        try:
            await self._services.queue.get(case_id)
        except CaseNotFoundError:
            return self._renderer.page("trouble.html", 404, problem="no_case", typed=words)
        await self._services.audit.record(visit.actor, "case.break_glass", case_id=case_id, detail=reason)
        await self._glass.break_for(visit.staff.id, case_id, GlassReason(reason), words)
        return RedirectResponse(f"{self._base}/cases/{case_id}", status_code=303)

    def _page(self, visit: Visit, *, problem: str = "", typed: str = "") -> Response:
        return self._renderer.page(
            "glass.html",
            409 if problem else 200,
            **visit.for_every_page,
            idle_s=self._services.settings.session_idle_s,
            case_id=str(visit.request.path_params["case_id"]),
            reasons=GLASS_REASONS,
            longest=LONGEST_WORDS,
            problem=problem,
            typed=typed,
        )
