"""What the lead's page tells: volume, waits, breaches, reasons, outcomes and load, computed from the cases themselves.

Pure: cases in, numbers out. Nothing here names a patient; erased cases are not counted: nothing is left of them.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil
from statistics import median

from actions.handoff.case import Case, CaseAct, CaseReason, CaseState, Outcome
from bot.desk.staff import Staff
from careguard.verdict import Level

DAYS = 30
_DAY_S = 86_400.0
LEVELS = tuple(sorted(Level, key=lambda level: -level.rank))

CSV_COLUMNS = (
    "opened_on",
    "level",
    "category",
    "reasons",
    "language",
    "channel",
    "country",
    "state",
    "waited_s",
    "late",
    "outcome",
    "open_for_s",
)


@dataclass(frozen=True, slots=True)
class Waits:
    """How long cases of one kind waited for a person."""

    cases: int
    claimed: int
    median_s: float | None
    p90_s: float | None
    late: int
    """Waited longer than the target of their level, whether claimed in the end or not."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one person did."""

    staff_id: str
    name: str
    claimed: int
    replies: int
    resolved: int
    held: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the lead's page shows of one stretch of time."""

    cases: int
    by_day: tuple[tuple[date, Mapping[Level, int]], ...]
    by_level: tuple[tuple[Level, Waits], ...]
    by_language: tuple[tuple[str, Waits], ...]
    reasons: tuple[tuple[CaseReason, int], ...]
    outcomes: tuple[tuple[Outcome, int], ...]
    resolved: int
    for_nothing: tuple[tuple[CaseReason, int, int], ...]
    """For each reason: resolved cases in which nothing was needed, and all resolved ones."""
    load: tuple[Load, ...]
    not_their_language: tuple[tuple[str, int], ...]
    """Cases by language that were taken by somebody who does not write it."""

    @property
    def late(self) -> int:
        """How many cases waited longer than their target."""
        return sum(waits.late for _, waits in self.by_level)

    @property
    def nothing_needed(self) -> int:
        """How many resolved cases needed nothing."""
        return sum(count for outcome, count in self.outcomes if outcome is Outcome.NOTHING_NEEDED)


def beginning(now: float, days: int) -> float:
    """Return when the first of so many days began, today being the last of them, by UTC."""
    return now - now % _DAY_S - (days - 1) * _DAY_S


def make_report(
    cases: Iterable[Case], staff: Sequence[Staff], targets_s: Mapping[Level, float], *, since: float, now: float
) -> Report:
    """Return the report on the cases that were opened since then."""
    told = [case for case in cases if case.opened_at >= since]
    resolved = [case for case in told if case.outcome is not None]

    def waits(some: Sequence[Case]) -> Waits:
        claimed = [wait for wait in map(waited_s, some) if wait is not None]
        return Waits(
            cases=len(some),
            claimed=len(claimed),
            median_s=median(claimed) if claimed else None,
            p90_s=percentile(claimed, 0.9) if claimed else None,
            late=sum(is_late(case, targets_s, now) for case in some),
        )

    languages = Counter(case.language for case in told)
    nothing = Counter(case.reason for case in resolved if case.outcome is Outcome.NOTHING_NEEDED)
    ended = Counter(case.reason for case in resolved)
    return Report(
        cases=len(told),
        by_day=_by_day(told, since, now),
        by_level=tuple((level, waits([case for case in told if case.level is level])) for level in LEVELS),
        by_language=tuple(
            (language, waits([case for case in told if case.language == language]))
            for language, _ in languages.most_common()
        ),
        reasons=tuple(Counter(reason for case in told for reason in case.reasons).most_common()),
        outcomes=tuple(Counter(case.outcome for case in resolved if case.outcome is not None).most_common()),
        resolved=len(resolved),
        for_nothing=tuple((reason, nothing[reason], count) for reason, count in ended.most_common()),
        load=_loads(told, staff),
        not_their_language=_not_their_language(told, staff),
    )


def waited_s(case: Case) -> float | None:
    """Return how long the case waited for its first holder; None when nobody claimed it."""
    first = next((event.at for event in case.events if event.act is CaseAct.CLAIMED), None)
    return None if first is None else max(0.0, first - case.opened_at)


def is_late(case: Case, targets_s: Mapping[Level, float], now: float) -> bool:
    """Return whether the case waited longer than its level may, or still does."""
    wait = waited_s(case)
    if wait is None:
        wait = (now if case.resolved_at is None else case.resolved_at) - case.opened_at
    return wait > targets_s[case.level]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of the values that at least that share of them does not exceed."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def as_csv(cases: Iterable[Case], targets_s: Mapping[Level, float], *, since: float, now: float) -> str:
    """Return the cases opened since then, one a line: no id of a case, conversation, person or message, no words."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(CSV_COLUMNS)
    for case in cases:
        if case.opened_at < since:
            continue
        wait = waited_s(case)
        table.writerow(
            (
                _day(case.opened_at).isoformat(),
                case.level.value,
                _cell(case.category or ""),
                " ".join(reason.value for reason in case.reasons),
                _cell(case.language),
                _cell(case.channel),
                _cell(case.country or ""),
                case.state.value,
                "" if wait is None else round(wait),
                "yes" if is_late(case, targets_s, now) else "no",
                case.outcome.value if case.outcome is not None else "",
                "" if case.resolved_at is None else round(case.resolved_at - case.opened_at),
            )
        )
    return written.getvalue()


def _by_day(cases: Sequence[Case], since: float, now: float) -> tuple[tuple[date, Mapping[Level, int]], ...]:
    counts = Counter((_day(case.opened_at), case.level) for case in cases)
    first, last = _day(since), _day(now)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return tuple((day, {level: counts[day, level] for level in LEVELS}) for day in days)


def _loads(cases: Sequence[Case], staff: Sequence[Staff]) -> tuple[Load, ...]:
    claimed, replies, resolved = (
        _by_person(cases, act) for act in (CaseAct.CLAIMED, CaseAct.REPLIED, CaseAct.RESOLVED)
    )
    held = Counter(case.claimed_by for case in cases if case.state is CaseState.CLAIMED)
    names = {person.id: person.name for person in staff}
    ids = {*claimed, *replies, *resolved, *(staff_id for staff_id in held if staff_id)}
    loads = [Load(each, names.get(each, ""), claimed[each], replies[each], resolved[each], held[each]) for each in ids]
    return tuple(sorted(loads, key=lambda load: (-load.claimed, load.name)))


def _by_person(cases: Sequence[Case], act: CaseAct) -> Counter[str]:
    return Counter(event.by for case in cases for event in case.events if event.act is act and event.by)


def _not_their_language(cases: Sequence[Case], staff: Sequence[Staff]) -> tuple[tuple[str, int], ...]:
    writes: Mapping[str, tuple[str, ...]] = {person.id: person.languages for person in staff}
    missed = [
        case.language
        for case in cases
        if case.claimed_by in writes and case.language not in writes[case.claimed_by or ""]
    ]
    return tuple(Counter(missed).most_common())


def _day(at: float) -> date:
    return datetime.fromtimestamp(at, UTC).date()


def _cell(text: str) -> str:
    """Return the text so that a spreadsheet never takes it for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
