"""The page of a case, and what the care team does with it.

After the access check. Each handler is short: ask the queue, tell the patient through `PatientLine`, show the page.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Awaitable
from datetime import date, timedelta

from redis.exceptions import RedisError
from starlette.responses import RedirectResponse, Response

from actions.errors import VaultError
from actions.handoff.case import Case, Outcome, OutgoingReply
from actions.handoff.errors import (
    AlreadyClaimedError,
    CaseClosedError,
    CaseNotFoundError,
    NotHolderError,
    ReplyGoneError,
)
from actions.handoff.hours import utc_day
from actions.transcript import EntryAuthor, TranscriptEntry
from bot.desk.access import Visit
from bot.desk.canned import ShownReply
from bot.desk.outgoing import send_leaving
from bot.desk.presence import PresenceBoard
from bot.desk.render import Renderer
from bot.desk.services import Delivery, DeskServices
from bot.desk.staff import Role, Staff
from bot.desk.tongue import t
from bot.desk.words import CHOSEN_OUTCOMES, DONE
from bot.errors import BedsideError

_log = logging.getLogger(__name__)

LONGEST_TEXT = 4000
"""Characters of a reply or note; also what the channels carry in one message."""
MOST_TAGS = 10
LONGEST_FOLLOW_UP_DAYS = 28
"""A resolved case is kept for 30 days unless the operator says otherwise; a later day would find nothing."""
HELPED_WITH_LANGUAGE = "language_help"
"""The tag of a case in which somebody used phrases of a language that they do not speak."""

_REPLY_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,64}")
_TAG = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_FOR_OTHERS = frozenset({Role.LEAD, Role.ADMIN})
"""Who may release and pass on what another person holds."""


class DeskPages:
    """The case, and the acts on a case."""

    def __init__(self, services: DeskServices, renderer: Renderer, board: PresenceBoard) -> None:
        self._services = services
        self._board = board
        self._queue = services.queue
        self._renderer = renderer
        self._base = services.settings.base_path

    # Pages

    async def case(self, visit: Visit) -> Response:
        """One case with everything that was said."""
        done = visit.request.query_params.get("done", "")
        return await self._case_page(visit, _case_id(visit), done=DONE.get(done, ""))

    # Holding a case

    async def claim(self, visit: Visit) -> Response:
        """The person holds the case, and the patient is told."""
        try:
            case = await self._queue.claim(_case_id(visit), visit.staff.id)
        except AlreadyClaimedError as error:
            problem = t("{name} was faster and holds this case.", name=await self._name(error.holder))
            return await self._case_page(visit, error.case_id, problem=problem)
        except (CaseClosedError, CaseNotFoundError) as error:
            return await self._gone(visit, error)
        told = await self._told(case, self._services.line.tell_claimed(case, visit.staff.name))
        return self._to_case(case.id, "claimed" if told else "claimed_untold")

    async def release(self, visit: Visit) -> Response:
        """The case waits again, and the patient is told."""
        any_holder = visit.staff.role in _FOR_OTHERS
        try:
            case = await self._queue.release(_case_id(visit), visit.staff.id, any_holder=any_holder)
        except NotHolderError as error:
            problem = t("Only its holder or a lead can release it.")
            return await self._case_page(visit, error.case_id, problem=problem)
        except (CaseClosedError, CaseNotFoundError) as error:
            return await self._gone(visit, error)
        await self._told(case, self._services.line.tell_released(case))
        return self._to_queue("released")

    async def transfer(self, visit: Visit) -> Response:
        """Another person holds the case, or it waits for a team; the patient is told."""
        case_id = _case_id(visit)
        kind, _, name = visit.form.get("to", "").partition(":")
        person = await self._services.staff.get(name) if kind == "staff" and name else None
        team = self._services.hours.team(name) if kind == "team" else None
        if (person is None or person.disabled) and team is None:
            return await self._case_page(visit, case_id, problem=t("Choose to whom you pass it on."))
        try:
            case = await self._queue.transfer(
                case_id,
                visit.staff.id,
                to_staff=person.id if person else None,
                to_team=team.id if team else None,
                any_holder=visit.staff.role in _FOR_OTHERS,
            )
        except NotHolderError as error:
            problem = t("Only its holder or a lead can pass it on.")
            return await self._case_page(visit, error.case_id, problem=problem)
        except (CaseClosedError, CaseNotFoundError) as error:
            return await self._gone(visit, error)
        line = self._services.line
        telling = line.tell_claimed(case, person.name) if person else line.tell_released(case)
        told = await self._told(case, telling)
        return self._to_queue("transferred" if told else "transferred_untold")

    async def resolve(self, visit: Visit) -> Response:
        """The case is closed with an outcome, what was written leaves first, and the bot is back with the patient."""
        case_id = _case_id(visit)
        outcome = visit.form.get("outcome", "")
        if outcome not in CHOSEN_OUTCOMES:
            return await self._case_page(visit, case_id, problem=t("Choose how the case ended."))
        day, problem = self._follow_up_day(visit)
        if problem:
            return await self._case_page(visit, case_id, problem=problem)
        try:
            if (await self._queue.get(case_id)).claimed_by == visit.staff.id:
                await self._send_at_once(case_id)
            case = await self._queue.resolve(case_id, visit.staff.id, Outcome(outcome))
            if day:
                case = await self._queue.set_follow_up(case_id, visit.staff.id, day)
        except NotHolderError:
            return await self._case_page(visit, case_id, problem=t("Claim the case before you resolve it."))
        except (CaseClosedError, CaseNotFoundError) as error:
            return await self._gone(visit, error)
        told = await self._told(case, self._services.line.tell_resolved(case))
        return self._to_queue("resolved" if told else "resolved_untold")

    # Writing

    async def reply(self, visit: Visit) -> Response:
        """The person's words leave for the patient's chat in a few seconds, unless they are taken back."""
        case_id, text = _case_id(visit), visit.form.get("text", "").strip()
        try:
            case = await self._queue.get(case_id)
        except CaseNotFoundError as error:
            return await self._gone(visit, error, typed=text)
        problem = self._why_no_reply(case, visit, text)
        if problem:
            return await self._case_page(visit, case_id, problem=problem, typed=text)
        try:
            await self._queue.hold_reply(case_id, self._outgoing(case, visit, text))
        except NotHolderError:
            problem = t("Another person holds this case now. Your text was not sent.")
            return await self._case_page(visit, case_id, problem=problem, typed=text)
        except (CaseClosedError, CaseNotFoundError) as error:
            return await self._gone(visit, error, typed=text)
        await self._note_meaning(case, visit.staff, text)
        if self._services.settings.undo_s > 0:
            return self._to_case(case_id, "replied")
        return self._to_case(case_id, "replied" if await self._send_at_once(case_id) else "reply_waits")

    async def undo(self, visit: Visit) -> Response:
        """The reply does not leave; its text is back in the field."""
        try:
            taken = await self._queue.withdraw_reply(_case_id(visit), visit.staff.id, visit.form.get("reply_id", ""))
        except ReplyGoneError as error:
            problem = t("The reply has already left and cannot be taken back.")
            return await self._case_page(visit, error.case_id, problem=problem)
        except CaseNotFoundError as error:
            return await self._gone(visit, error)
        done = DONE["undone"]
        return await self._case_page(visit, _case_id(visit), status=200, done=done, typed=taken.text)

    async def suggest(self, visit: Visit) -> Response:
        """The answering line proposes a reply; the person reads and changes it before anything is sent."""
        case_id = _case_id(visit)
        try:
            case = await self._queue.get(case_id)
            if case.claimed_by != visit.staff.id:
                raise NotHolderError(case.id, case.claimed_by)
            suggestion = await self._services.line.suggest_reply(case)
            if suggestion is None:
                problem = t("The bot has nothing reviewed to say to the patient's last question.")
                return await self._case_page(visit, case_id, problem=problem)
            await self._queue.keep_suggestion(case_id, visit.staff.id, suggestion)
        except NotHolderError:
            problem = t("Claim the case before you ask for a suggestion.")
            return await self._case_page(visit, case_id, problem=problem)
        except (CaseClosedError, CaseNotFoundError) as error:
            return await self._gone(visit, error)
        except (BedsideError, TimeoutError):
            problem = t("The bot cannot suggest anything right now. Please write yourself.")
            return await self._case_page(visit, case_id, problem=problem)
        return self._to_case(case_id, "suggested")

    async def note(self, visit: Visit) -> Response:
        """The care team finds the note in the case."""
        case_id, text = _case_id(visit), visit.form.get("text", "").strip()
        if not 1 <= len(text) <= LONGEST_TEXT:
            problem = t("A note has 1 to {most} characters.", most=LONGEST_TEXT)
            return await self._case_page(visit, case_id, problem=problem, typed_note=text)
        try:
            await self._queue.add_note(case_id, visit.staff.id, text)
        except CaseNotFoundError as error:
            return await self._gone(visit, error, typed=text)
        return self._to_case(case_id, "noted")

    async def tags(self, visit: Visit) -> Response:
        """The case has these tags."""
        case_id = _case_id(visit)
        tags = visit.form.get("tags", "").lower().replace(",", " ").split()
        if len(tags) > MOST_TAGS or not all(_TAG.fullmatch(tag) for tag in tags):
            problem = t(
                "At most {most} tags, each of small letters, digits, - and _. No names of patients.", most=MOST_TAGS
            )
            return await self._case_page(visit, case_id, problem=problem)
        try:
            await self._queue.set_tags(case_id, visit.staff.id, tags)
        except CaseNotFoundError as error:
            return await self._gone(visit, error)
        return self._to_case(case_id, "tagged")

    async def follow_up(self, visit: Visit) -> Response:
        """Somebody is reminded of the case on a day, or on none."""
        case_id = _case_id(visit)
        day, problem = self._follow_up_day(visit)
        if problem:
            return await self._case_page(visit, case_id, problem=problem)
        try:
            await self._queue.set_follow_up(case_id, visit.staff.id, day)
        except CaseNotFoundError as error:
            return await self._gone(visit, error)
        return self._to_case(case_id, "follow_up")

    async def present(self, _: Visit) -> Response:
        """The person is still there: the access check has kept the session alive."""
        return Response(status_code=204)

    # Parts

    async def _case_page(
        self,
        visit: Visit,
        case_id: str,
        *,
        status: int = 0,
        done: str = "",
        problem: str = "",
        typed: str = "",
        typed_note: str = "",
    ) -> Response:
        try:
            case = await self._queue.get(case_id)
        except CaseNotFoundError as error:
            return await self._gone(visit, error, typed=typed or typed_note)
        entries, unreadable = await self._entries(case)
        accounts = await self._services.staff.list()
        names = {staff.id: staff.name for staff in accounts}
        now = self._services.clock()
        is_mine = case.is_open and case.claimed_by == visit.staff.id
        may_for_others = visit.staff.role in _FOR_OTHERS
        return self._renderer.page(
            "case.html",
            status or (409 if problem else 200),
            **visit.for_every_page,
            case=case,
            entries=entries,
            unreadable=unreadable,
            deliveries=await self._deliveries(case, entries),
            earlier=[each for each in await self._queue.cases_of(case.conversation_id) if each.id != case.id],
            names=names,
            holder=names.get(case.claimed_by or ""),
            is_mine=is_mine,
            may_release=case.claimed_by is not None and may_for_others,
            may_transfer=case.is_open and (case.claimed_by in (None, visit.staff.id) or may_for_others),
            colleagues=[each for each in accounts if not each.disabled and each.id != case.claimed_by],
            teams=self._services.hours.teams,
            speakers=[each.name for each in accounts if not each.disabled and case.language in each.languages],
            presence=await self._board.all(),
            canned=self._canned(case, visit.staff) if is_mine else (),
            outcomes=CHOSEN_OUTCOMES,
            reply_token=secrets.token_urlsafe(12),
            longest_text=LONGEST_TEXT,
            now=now,
            today=utc_day(now),
            latest_follow_up=_days_after(now, LONGEST_FOLLOW_UP_DAYS),
            target_s=self._services.target_s,
            idle_s=self._services.settings.session_idle_s,
            done=done,
            problem=problem,
            typed=typed,
            typed_note=typed_note,
            patient=EntryAuthor.PATIENT,
            team_languages=[],
        )

    async def _entries(self, case: Case) -> tuple[list[TranscriptEntry], str]:
        """Return the transcript, or none and why it cannot be read; the case is shown all the same."""
        try:
            return await self._services.transcript.read(case.conversation_id), ""
        except VaultError:
            _log.error("case %s: its transcript cannot be opened with the vault keys at hand", case.id)
            return [], t("The messages cannot be opened with the keys that this installation has.")

    async def _deliveries(self, case: Case, entries: list[TranscriptEntry]) -> dict[str, Delivery]:
        """Return how far each of the care team's messages came, by the id of its entry.

        A message that the patient wrote after is taken as read: no channel tells more.
        """
        if not case.outgoing:
            return {}
        try:
            by_reply = await self._services.line.deliveries(case)
        except (BedsideError, VaultError) as error:
            _log.warning("case %s: nobody knows how far its replies came: %s", case.id, type(error).__name__)
            return {}
        wrote_at = max((entry.at for entry in entries if entry.author is EntryAuthor.PATIENT), default=0.0)
        found = {}
        for entry in entries:
            delivery = next((by_reply[reply_id] for reply_id in by_reply if entry.id.endswith(reply_id)), None)
            if delivery is not None:
                was_read = delivery.state == "sent" and wrote_at > entry.at
                found[entry.id] = Delivery("read") if was_read else delivery
        return found

    def _canned(self, case: Case, staff: Staff) -> tuple[ShownReply, ...]:
        places = {**self._services.places(case), "staff_name": staff.name}
        return self._services.canned.shown(case.language, staff.languages, places)

    async def _note_meaning(self, case: Case, staff: Staff, text: str) -> None:
        """Keep what a phrase says in a language of its sender, and that it was needed."""
        phrase = next((each for each in self._canned(case, staff) if each.meaning and each.text.strip() == text), None)
        if phrase is None:
            return
        try:
            await self._queue.add_note(case.id, staff.id, t("Sent a phrase that says: {text}", text=phrase.meaning))
            tags = (await self._queue.get(case.id)).tags
            await self._queue.set_tags(case.id, staff.id, (*tags, HELPED_WITH_LANGUAGE))
        except (CaseNotFoundError, RedisError):
            _log.warning("case %s: the meaning of a phrase is not among its notes", case.id)

    async def _send_at_once(self, case_id: str) -> bool:
        case = await self._queue.let_replies_go(case_id)
        return await send_leaving(self._queue, self._services.line, case)

    def _outgoing(self, case: Case, visit: Visit, text: str) -> OutgoingReply:
        now = self._services.clock()
        suggestion = case.suggestion
        unchanged = suggestion is not None and suggestion.text.strip() == text
        return OutgoingReply(
            id=_reply_token(visit),
            staff_id=visit.staff.id,
            staff_name=visit.staff.name,
            text=text,
            written_at=now,
            leaves_at=now + self._services.settings.undo_s,
            suggested=unchanged,
            sources=suggestion.sources if suggestion is not None and unchanged else (),
        )

    def _follow_up_day(self, visit: Visit) -> tuple[str | None, str]:
        """Return the day of the form, or none, and what is wrong with it."""
        text = visit.form.get("follow_up_on", "").strip()
        if not text:
            return None, ""
        now = self._services.clock()
        try:
            day = date.fromisoformat(text).isoformat()
        except ValueError:
            return None, t("Choose a day for the follow-up.")
        if not utc_day(now) <= day <= _days_after(now, LONGEST_FOLLOW_UP_DAYS):
            return None, t("A follow-up is at most {most} days ahead.", most=LONGEST_FOLLOW_UP_DAYS)
        return day, ""

    async def _gone(self, visit: Visit, error: CaseClosedError | CaseNotFoundError, typed: str = "") -> Response:
        if isinstance(error, CaseClosedError):
            return await self._case_page(visit, error.case_id, problem=t("This case is already resolved."), typed=typed)
        return self._renderer.page("trouble.html", 404, problem="no_case", typed=typed)

    def _why_no_reply(self, case: Case, visit: Visit, text: str) -> str:
        if not case.is_open:
            return t("This case is resolved; the bot is with the patient again. Your text was not sent.")
        if case.claimed_by is None:
            return t("Claim the case before you reply. Your text was not sent.")
        if case.claimed_by != visit.staff.id:
            return t("Another person holds this case now. Your text was not sent.")
        if not 1 <= len(text) <= LONGEST_TEXT:
            return t("A reply has 1 to {most} characters.", most=LONGEST_TEXT)
        return ""

    async def _told(self, case: Case, telling: Awaitable[None]) -> bool:
        """Return whether the patient was told. What went wrong is logged by its kind only: it may hold their words."""
        try:
            await telling
        except Exception as error:  # the case has changed by now; the person must learn that the patient was not told
            _log.error("case %s: the patient could not be told: %s", case.id, type(error).__name__)
            return False
        return True

    async def _name(self, staff_id: str) -> str:
        staff = await self._services.staff.get(staff_id)
        return staff.name if staff else t("a colleague")

    def _to_case(self, case_id: str, done: str) -> Response:
        return RedirectResponse(f"{self._base}/cases/{case_id}?done={done}", status_code=303)

    def _to_queue(self, done: str) -> Response:
        return RedirectResponse(f"{self._base}/?done={done}", status_code=303)


def _case_id(visit: Visit) -> str:
    return str(visit.request.path_params["case_id"])


def _reply_token(visit: Visit) -> str:
    """Return the token of the shown form: sending the same form twice sends one reply."""
    token = visit.form.get("reply_token", "")
    return token if _REPLY_TOKEN.fullmatch(token) else secrets.token_urlsafe(12)


def _days_after(now: float, days: int) -> str:
    return (date.fromisoformat(utc_day(now)) + timedelta(days=days)).isoformat()
