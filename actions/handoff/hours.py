"""When the care teams are there: business hours per team and country, and the holidays on which nobody is.

Read once at start from a file that the clinic owns (`deploy/hours.example.yaml` shows one). Without a file somebody is
always there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from careguard.errors import DataFileError
from careguard.strict_yaml import read_yaml

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LONGEST_CLOSED_DAYS = 31
"""Further ahead nobody is told when a team is back."""

_TEAM_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SPAN = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")
_MINUTES_A_DAY = 24 * 60

Span = tuple[int, int]
"""Minutes after midnight, from and until; until may lie on the next day."""


@dataclass(frozen=True, slots=True)
class Team:
    """A care team and when it is there."""

    id: str
    names: Mapping[str, str]
    """Its name by language."""
    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...]
    """The spans of each day, Monday first."""
    countries: frozenset[str] = frozenset()
    """Whose patients it looks after; empty means everybody's."""
    holidays: frozenset[date] = frozenset()

    def name(self, language: str) -> str:
        """Return the team's name in the language, else in English, else its id."""
        return self.names.get(language) or self.names.get("en") or self.id

    def is_there(self, at: float) -> bool:
        """Return whether somebody of the team is on shift."""
        now = datetime.fromtimestamp(at, self.zone)
        return any(begins <= now < ends for begins, ends in self._shifts(now.date() - timedelta(days=1), days=2))

    def is_back_at(self, at: float) -> datetime | None:
        """Return when the next shift begins, in the team's own time; None when none does within a month."""
        now = datetime.fromtimestamp(at, self.zone)
        later = (begins for begins, _ in self._shifts(now.date(), days=LONGEST_CLOSED_DAYS) if begins > now)
        return min(later, default=None)

    def shifts_of(self, day: date) -> list[tuple[float, float]]:
        """Return the shifts that begin on a day, as Unix seconds."""
        return [(begins.timestamp(), ends.timestamp()) for begins, ends in self._shifts(day, days=1)]

    def _shifts(self, first: date, *, days: int) -> Iterator[tuple[datetime, datetime]]:
        for number in range(days):
            day = first + timedelta(days=number)
            if day in self.holidays:
                continue
            for begins, ends in self.week[day.weekday()]:
                yield self._moment(day, begins), self._moment(day, ends)

    def _moment(self, day: date, minutes: int) -> datetime:
        days, rest = divmod(minutes, _MINUTES_A_DAY)
        return datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), self.zone)


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of all teams; without teams somebody is always there."""

    teams: tuple[Team, ...] = field(default=())

    def team(self, team_id: str | None) -> Team | None:
        """Return the team of that id."""
        return next((team for team in self.teams if team.id == team_id), None)

    def teams_for(self, country: str | None, team_id: str | None = None) -> tuple[Team, ...]:
        """Return the teams that look after such a patient: the named one, else the country's, else all."""
        named = self.team(team_id)
        if named is not None:
            return (named,)
        fitting = tuple(team for team in self.teams if not team.countries or country in team.countries)
        return fitting or self.teams

    def is_staffed(self, at: float, *, country: str | None, team_id: str | None = None) -> bool:
        """Return whether somebody is on shift for such a patient."""
        teams = self.teams_for(country, team_id)
        return not teams or any(team.is_there(at) for team in teams)

    def staffed_again(self, at: float, *, country: str | None, team_id: str | None = None) -> datetime | None:
        """Return when somebody will next come on shift, in that team's own time; None when nobody knows."""
        times = (team.is_back_at(at) for team in self.teams_for(country, team_id))
        return min((time for time in times if time is not None), default=None)

    def when_passed(self, since: float, seconds: float, *, country: str | None, team_id: str | None = None) -> float:
        """Return when so many seconds with somebody on shift have passed; the clock's when nobody ever comes."""
        teams = self.teams_for(country, team_id)
        if not teams:
            return since + seconds
        left, reached = seconds, since
        for number in range(-1, LONGEST_CLOSED_DAYS):
            for begins, ends in sorted(
                shift
                for team in teams
                for shift in team.shifts_of(datetime.fromtimestamp(since, team.zone).date() + timedelta(days=number))
            ):
                begins = max(begins, reached)
                if ends <= begins:
                    continue
                if ends - begins >= left:
                    return begins + left
                left -= ends - begins
                reached = ends
        return since + seconds


ALWAYS = Hours()


def read_hours(path: Path) -> Hours:
    """Return the hours that the file states.

    Raises:
        DataFileError: The file is missing or wrong; names what and how to mend it.
    """
    data = read_yaml(path)
    if not isinstance(data, dict) or not isinstance(data.get("teams"), list) or not data["teams"]:
        raise DataFileError(path, "`teams` must be a list with at least one team")
    calendars = data.get("holidays") or {}
    if not isinstance(calendars, dict):
        raise DataFileError(path, "`holidays` must be a mapping of names to lists of dates")
    holidays = {str(name): _dates(path, str(name), days) for name, days in calendars.items()}
    teams = tuple(_team(path, team, holidays) for team in data["teams"])
    if len({team.id for team in teams}) != len(teams):
        raise DataFileError(path, "two teams have the same `id`")
    return Hours(teams)


def _team(path: Path, data: Any, holidays: Mapping[str, frozenset[date]]) -> Team:
    if not isinstance(data, dict) or not _TEAM_ID.fullmatch(str(data.get("id", ""))):
        raise DataFileError(path, "every team needs an `id` of small letters, digits and underscores")
    team_id = str(data["id"])
    try:
        zone = ZoneInfo(str(data["timezone"]))
    except (KeyError, ValueError, OSError, ZoneInfoNotFoundError):
        raise DataFileError(path, f"team {team_id} needs a `timezone` such as America/New_York") from None
    calendar = data.get("holidays")
    if calendar is not None and calendar not in holidays:
        raise DataFileError(path, f"team {team_id} names the holidays {calendar}, which are not in `holidays`")
    names = data.get("name")
    hours = data.get("hours")
    if not isinstance(names, dict) or not isinstance(hours, dict):
        raise DataFileError(path, f"team {team_id} needs a `name` by language and `hours` by day")
    if unknown := sorted(set(hours) - set(DAYS)):
        raise DataFileError(path, f"team {team_id}: {unknown[0]} is no day; days are {', '.join(DAYS)}")
    return Team(
        id=team_id,
        names={str(tag): str(name) for tag, name in names.items()},
        zone=zone,
        week=tuple(tuple(_span(path, team_id, span) for span in hours.get(day) or ()) for day in DAYS),
        countries=frozenset(str(code) for code in data.get("countries") or ()),
        holidays=holidays[calendar] if calendar is not None else frozenset(),
    )


def _span(path: Path, team_id: str, text: Any) -> Span:
    found = _SPAN.fullmatch(str(text))
    if found is not None:
        first_hour, first_minute, last_hour, last_minute = map(int, found.groups())
        begins, ends = first_hour * 60 + first_minute, last_hour * 60 + last_minute
        if begins < _MINUTES_A_DAY and ends <= _MINUTES_A_DAY and max(first_minute, last_minute) < 60:
            return begins, ends if ends > begins else ends + _MINUTES_A_DAY
    raise DataFileError(path, f"team {team_id}: {text} is no span of time; write it like 08:00-17:30")


def _dates(path: Path, name: str, days: Any) -> frozenset[date]:
    try:
        return frozenset(day if isinstance(day, date) else date.fromisoformat(str(day)) for day in days)
    except (TypeError, ValueError):
        raise DataFileError(path, f"holidays {name}: every entry must be a date like 2026-12-25") from None


def utc_day(at: float) -> str:
    """Return the day of a moment as an ISO date, in UTC."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()
