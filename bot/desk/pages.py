"""The pages of the desk: the queue, a case, and what the care team does with it.

After the access check. Each handler is short: ask the queue, tell the patient through `PatientLine`, show the page.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Awaitable

from redis.exceptions import RedisError
from starlette.responses import RedirectResponse, Response

from actions.errors import VaultError
from actions.handoff.case import Case, CaseState, Outcome
from actions.handoff.errors import AlreadyClaimedError, CaseClosedError, CaseNotFoundError, NotHolderError
from actions.transcript import EntryAuthor, TranscriptEntry
from bot.desk.access import Visit
from bot.desk.render import Renderer
from bot.desk.services import DeskServices
from bot.desk.staff import Role
from bot.desk.words import CHOSEN_OUTCOMES
from careguard.verdict import Level

_log = logging.getLogger(__name__)

LONGEST_TEXT = 4000
"""Characters of a reply or note; also what the channels carry in one message."""

_REPLY_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,64}")
_RELEASES_FOR_OTHERS = frozenset({Role.LEAD, Role.ADMIN})
_ROWS = 100
_ALL_ROWS = 1000
"""A long queue is cut to what a person can look at, so that twenty open desks never slow an emergency down."""

_DONE = {
    "claimed": "You hold this case now. The patient has been told.",
    "claimed_untold": "You hold this case now, but the patient could not be told yet. Write to them.",
    "replied": "Your reply is on its way to the patient.",
    "noted": "Your note is saved. The patient does not see it.",
    "released": "The case waits in the queue again, at its old place.",
    "resolved": "The case is resolved and the bot is back with the patient.",
    "resolved_untold": "The case is resolved, but the patient could not be told yet.",
}


class DeskPages:
    """The queue, the case, and the acts on a case."""

    def __init__(self, services: DeskServices, renderer: Renderer) -> None:
        self._services = services
        self._queue = services.queue
        self._renderer = renderer
        self._base = services.settings.base_path

    # Pages

    async def queue(self, visit: Visit) -> Response:
        """All open cases by level and age, or those of one person, or the resolved ones."""
        show = visit.request.query_params.get("show", "open")
        show = show if show in ("open", "mine", "resolved") else "open"
        level = _level(visit.request.query_params.get("level", ""))
        rows = _ALL_ROWS if visit.request.query_params.get("all") == "1" else _ROWS
        counts = await self._queue.counts()
        claimed = await self._queue.list_cases(CaseState.CLAIMED, limit=_ALL_ROWS, with_words=False)
        mine = [case for case in claimed if case.claimed_by == visit.staff.id]
        groups = await self._groups(show, level, claimed, mine)
        totals = {name: len(cases) for name, cases in groups}
        groups = [(name, cases[:rows]) for name, cases in groups]
        return self._renderer.page(
            "queue.html",
            **visit.for_every_page,
            show=show,
            level=level,
            groups=groups,
            totals=totals,
            more=sum(max(0, total - rows) for total in totals.values()),
            all_rows=rows == _ALL_ROWS,
            counts=counts,
            held=len(claimed),
            mine=len(mine),
            last_words=await self._services.transcript.last_words(
                list({case.conversation_id for _, cases in groups for case in cases})
            ),
            names=await self._names(),
            levels=sorted(Level, key=lambda each: -each.rank),
            now=time.time(),
            targets_s=self._services.settings.targets_s,
            idle_s=self._services.settings.session_idle_s,
            done=_DONE.get(visit.request.query_params.get("done", ""), ""),
        )

    async def _groups(
        self, show: str, level: Level | None, claimed: list[Case], mine: list[Case]
    ) -> list[tuple[str, list[Case]]]:
        """Return the lists of the view, each with its name; only cases of that level, if one is given."""
        groups = [("Yours", mine)]
        if show == "open":
            waiting = await self._queue.list_cases(CaseState.WAITING, limit=_ALL_ROWS, with_words=False)
            groups = [("Waiting", waiting), ("With a person", claimed)]
        elif show == "resolved":
            groups = [("Resolved", await self._queue.list_cases(CaseState.RESOLVED, limit=_ALL_ROWS, with_words=False))]
        return [(name, [case for case in cases if level in (None, case.level)]) for name, cases in groups]

    async def case(self, visit: Visit) -> Response:
        """One case with everything that was said."""
        done = _DONE.get(visit.request.query_params.get("done", ""), "")
        return await self._case_page(visit, _case_id(visit), done=done)

    # Acts

    async def claim(self, visit: Visit) -> Response:
        """The person holds the case, and the patient is told."""
        try:
            case = await self._queue.claim(_case_id(visit), visit.staff.id)
        except AlreadyClaimedError as error:
            holder = (await self._names()).get(error.holder, "a colleague")
            return await self._case_page(visit, error.case_id, problem=f"{holder} was faster and holds this case.")
        except (CaseClosedError, CaseNotFoundError) as error:
            return await self._gone(visit, error)
        told = await self._told(case, self._services.line.tell_claimed(case, visit.staff.name))
        return self._to_case(case.id, "claimed" if told else "claimed_untold")

    async def reply(self, visit: Visit) -> Response:
        """The patient gets the person's words in the same chat."""
        case_id, text = _case_id(visit), visit.form.get("text", "").strip()
        try:
            case = await self._queue.get(case_id)
        except CaseNotFoundError as error:
            return await self._gone(visit, error, typed=text)
        problem = self._why_no_reply(case, visit, text)
        if problem:
            return await self._case_page(visit, case_id, problem=problem, typed=text)
        reply_id, line = _reply_token(visit), self._services.line
        if not await self._told(case, line.send_human_reply(case, text, visit.staff.name, reply_id=reply_id)):
            return await self._case_page(
                visit,
                case_id,
                status=503,
                problem="Your reply could not be sent. It is still here; please try again.",
                typed=text,
                reply_token=reply_id,
            )
        await self._mark_replied(case, visit.staff.id)
        return self._to_case(case.id, "replied")

    async def note(self, visit: Visit) -> Response:
        """The care team finds the note in the case."""
        case_id, text = _case_id(visit), visit.form.get("text", "").strip()
        if not 1 <= len(text) <= LONGEST_TEXT:
            problem = f"A note has 1 to {LONGEST_TEXT} characters."
            return await self._case_page(visit, case_id, problem=problem, typed_note=text)
        try:
            await self._queue.add_note(case_id, visit.staff.id, text)
        except CaseNotFoundError as error:
            return await self._gone(visit, error, typed=text)
        return self._to_case(case_id, "noted")

    async def release(self, visit: Visit) -> Response:
        """The case waits again, and the patient is told."""
        any_holder = visit.staff.role in _RELEASES_FOR_OTHERS
        try:
            case = await self._queue.release(_case_id(visit), visit.staff.id, any_holder=any_holder)
        except NotHolderError as error:
            return await self._case_page(visit, error.case_id, problem="Only its holder or a lead can release it.")
        except (CaseClosedError, CaseNotFoundError) as error:
            return await self._gone(visit, error)
        await self._told(case, self._services.line.tell_released(case))
        return RedirectResponse(f"{self._base}/?done=released", status_code=303)

    async def resolve(self, visit: Visit) -> Response:
        """The case is closed with an outcome, and the bot is back with the patient."""
        case_id = _case_id(visit)
        outcome = visit.form.get("outcome", "")
        if outcome not in CHOSEN_OUTCOMES:
            return await self._case_page(visit, case_id, problem="Choose how the case ended.")
        try:
            case = await self._queue.resolve(case_id, visit.staff.id, Outcome(outcome))
        except NotHolderError:
            return await self._case_page(visit, case_id, problem="Claim the case before you resolve it.")
        except (CaseClosedError, CaseNotFoundError) as error:
            return await self._gone(visit, error)
        told = await self._told(case, self._services.line.tell_resolved(case))
        return RedirectResponse(f"{self._base}/?done={'resolved' if told else 'resolved_untold'}", status_code=303)

    async def present(self, _: Visit) -> Response:
        """The person is still there: the access check has kept the session alive."""
        return Response(status_code=204)

    # Parts

    async def _case_page(
        self,
        visit: Visit,
        case_id: str,
        *,
        status: int = 200,
        done: str = "",
        problem: str = "",
        typed: str = "",
        typed_note: str = "",
        reply_token: str = "",
    ) -> Response:
        try:
            case = await self._queue.get(case_id)
        except CaseNotFoundError as error:
            return await self._gone(visit, error, typed=typed or typed_note)
        entries, unreadable = await self._entries(case)
        earlier = [each for each in await self._queue.cases_of(case.conversation_id) if each.id != case.id]
        names = await self._names()
        return self._renderer.page(
            "case.html",
            (409 if problem else 200) if status == 200 else status,
            **visit.for_every_page,
            case=case,
            entries=entries,
            unreadable=unreadable,
            earlier=earlier,
            names=names,
            holder=names.get(case.claimed_by or ""),
            is_mine=case.is_open and case.claimed_by == visit.staff.id,
            may_release=case.claimed_by is not None and visit.staff.role in _RELEASES_FOR_OTHERS,
            outcomes=CHOSEN_OUTCOMES,
            reply_token=reply_token or secrets.token_urlsafe(12),
            longest_text=LONGEST_TEXT,
            now=time.time(),
            targets_s=self._services.settings.targets_s,
            idle_s=self._services.settings.session_idle_s,
            done=done,
            problem=problem,
            typed=typed,
            typed_note=typed_note,
            patient=EntryAuthor.PATIENT,
        )

    async def _entries(self, case: Case) -> tuple[list[TranscriptEntry], str]:
        """Return the transcript, or none and why it cannot be read; the case is shown all the same."""
        try:
            return await self._services.transcript.read(case.conversation_id), ""
        except VaultError:
            _log.error("case %s: its transcript cannot be opened with the vault keys at hand", case.id)
            return [], "The messages cannot be opened with the keys that this installation has."

    async def _gone(self, visit: Visit, error: CaseClosedError | CaseNotFoundError, typed: str = "") -> Response:
        if isinstance(error, CaseClosedError):
            return await self._case_page(visit, error.case_id, problem="This case is already resolved.", typed=typed)
        return self._renderer.page("trouble.html", 404, problem="no_case", typed=typed)

    def _why_no_reply(self, case: Case, visit: Visit, text: str) -> str:
        if not case.is_open:
            return "This case is resolved; the bot is with the patient again. Your text was not sent."
        if case.claimed_by is None:
            return "Claim the case before you reply. Your text was not sent."
        if case.claimed_by != visit.staff.id:
            return "Another person holds this case now. Your text was not sent."
        if not 1 <= len(text) <= LONGEST_TEXT:
            return f"A reply has 1 to {LONGEST_TEXT} characters."
        return ""

    async def _told(self, case: Case, telling: Awaitable[None]) -> bool:
        """Return whether the patient was told. What went wrong is logged by its kind only: it may hold their words."""
        try:
            await telling
        except Exception as error:  # the case has changed by now; the person must learn that the patient was not told
            _log.error("case %s: the patient could not be told: %s", case.id, type(error).__name__)
            return False
        return True

    async def _mark_replied(self, case: Case, staff_id: str) -> None:
        try:
            await self._queue.mark_replied(case.id, staff_id)
        except (NotHolderError, CaseClosedError, CaseNotFoundError, RedisError):
            _log.warning("case %s: the reply went out but is not among its events", case.id)

    async def _names(self) -> dict[str, str]:
        return {staff.id: staff.name for staff in await self._services.staff.list()}

    def _to_case(self, case_id: str, done: str) -> Response:
        return RedirectResponse(f"{self._base}/cases/{case_id}?done={done}", status_code=303)


def _case_id(visit: Visit) -> str:
    return str(visit.request.path_params["case_id"])


def _reply_token(visit: Visit) -> str:
    """Return the token of the shown form: sending the same form twice sends one reply."""
    token = visit.form.get("reply_token", "")
    return token if _REPLY_TOKEN.fullmatch(token) else secrets.token_urlsafe(12)


def _level(name: str) -> Level | None:
    try:
        return Level(name)
    except ValueError:
        return None
