"""What the desk needs, handed to it by the gateway that mounts it.

The desk reads and changes cases itself; everything that reaches a patient goes through `PatientLine`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from redis.asyncio import Redis

from actions.handoff.case import Case, OutgoingReply, Suggestion
from actions.handoff.hours import ALWAYS, Hours
from actions.handoff.queue import CaseQueue
from actions.transcript import Transcript
from actions.vault import Vault
from bot.desk.audit import AuditLog
from bot.desk.canned import PLACES, CannedReplies
from bot.desk.open_id import OpenIdSettings
from bot.desk.staff import StaffRegistry
from careguard.rulebook import Rulebook
from careguard.verdict import Level


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a reply of the care team came: `stored`, `sent`, or `failed` with the kind of refusal."""

    state: str
    reason: str = ""


class PatientLine(Protocol):
    """The way from the desk to the patient; the gateway implements it.

    Each call puts the message into the patient's outbox and into the transcript, and may be made twice with the same
    arguments without a second message.
    """

    async def send_outgoing(self, case: Case, reply: OutgoingReply) -> None:
        """The patient will read a reply that may no longer be taken back; the same one is sent once."""

    async def suggest_reply(self, case: Case) -> Suggestion | None:
        """Return what the answering line would say to the patient's last question; None when it has nothing."""

    async def deliveries(self, case: Case) -> Mapping[str, Delivery]:
        """Return how far each reply of the case came, by its id, as far as the channel tells."""

    async def tell_claimed(self, case: Case, staff_name: str) -> None:
        """The patient will read that a person is here now; the bot is silent from here on."""

    async def tell_released(self, case: Case) -> None:
        """The patient will read that the case waits for a person again."""

    async def tell_resolved(self, case: Case) -> None:
        """The patient will read that the case is closed and the bot is back."""


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """How the desk behaves."""

    base_path: str = "/desk"
    """Where the gateway mounts it, without a slash at the end."""
    session_idle_s: float = 15 * 60.0
    """A session ends this long after its person last did something."""
    session_longest_s: float = 12 * 3600.0
    """A session ends this long after signing in, whatever happens: one long shift."""
    secure_cookies: bool = False
    """True when people reach the desk by https."""
    targets_s: dict[Level, float] = field(
        default_factory=lambda: {Level.EMERGENCY: 2 * 60.0, Level.URGENT: 15 * 60.0, Level.NONE: 4 * 3600.0}
    )
    """How long a case of each level may wait before the desk shows it as late."""
    undo_s: float = 10.0
    """For how long a reply can be taken back before it leaves the desk."""
    second_factor_required: bool = False
    """Whether everyone must set up a second factor before anything else."""
    open_id: OpenIdSettings | None = None
    """The organisation's own sign-in beside the password, if there is one."""


@dataclass(frozen=True, slots=True)
class DeskServices:
    """Everything that the desk's pages are made of."""

    queue: CaseQueue
    transcript: Transcript
    staff: StaffRegistry
    line: PatientLine
    redis: Redis
    audit: AuditLog
    vault: Vault
    """Seals what must not be read in the store: second factors, and why somebody broke the glass."""
    settings: DeskSettings = DeskSettings()
    rulebook: Rulebook | None = None
    """What the bot screens with; the test box uses the same."""
    guardrails: Path | None = None
    locales: Path | None = None
    """Where the safety pages read when rules and topics were reviewed."""
    languages: tuple[str, ...] = ()
    hours: Hours = ALWAYS
    """The teams to which a case can be passed on, and when they are there."""
    canned: CannedReplies = field(default_factory=CannedReplies)
    places: Callable[[Case], Mapping[str, str]] = lambda case: dict.fromkeys(PLACES, "") | {"case_id": case.id}
    """What stands in the places of a ready-made reply to that patient, but for the writer's name."""
    clock: Callable[[], float] = time.time

    def target_s(self, case: Case) -> float:
        """Return how long the case may wait before it is late; without a level only the time of the teams counts."""
        seconds = self.settings.targets_s[case.level]
        if case.level is not Level.NONE:
            return seconds
        late_at = self.hours.when_passed(case.waiting_since, seconds, country=case.country, team_id=case.team)
        return late_at - case.waiting_since
