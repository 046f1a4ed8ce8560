"""When somebody is there for the patient."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from actions.handoff.hours import ALWAYS, Hours, Team, read_hours
from careguard.errors import DataFileError

EXAMPLE = Path(__file__).resolve().parents[3] / "deploy" / "hours.example.yaml"
NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()


@pytest.fixture
def hours() -> Hours:
    return read_hours(EXAMPLE)


@pytest.mark.parametrize(
    ("moment", "there"),
    [
        ("2026-11-23 08:00", True),
        ("2026-11-23 07:59", False),
        ("2026-11-23 12:30", False),
        ("2026-11-23 17:30", False),
        ("2026-11-26 10:00", False),  # a holiday
        ("2026-11-28 05:59", True),  # the shift that began on Friday evening
        ("2026-11-28 06:00", False),
        ("2026-11-29 10:00", False),
    ],
)
def test_somebody_is_there_in_the_hours_of_the_file_and_not_on_its_holidays(
    hours: Hours, moment: str, there: bool
) -> None:
    """Lunch, evenings, holidays and nights that pass midnight are as the clinic wrote them."""
    assert hours.is_staffed(at(moment), country="US") is there


def test_it_is_known_when_somebody_is_back(hours: Hours) -> None:
    """The day before a holiday leads to the day after it, in the team's own time."""
    back = hours.staffed_again(at("2026-11-25 18:00"), country="US", team_id="nurses")
    assert back is not None
    assert back.isoformat() == "2026-11-27T08:00:00-05:00"
    never = Hours((Team("x", {}, NEW_YORK, ((),) * 7),))
    assert never.staffed_again(at("2026-11-25 18:00"), country=None) is None


def test_a_team_looks_after_its_countries_and_a_named_team_goes_first(hours: Hours) -> None:
    """A patient from elsewhere is left to the team for everybody; when there is none, to all."""
    assert [team.id for team in hours.teams_for("MX")] == ["night_line"]
    assert [team.id for team in hours.teams_for("MX", "nurses")] == ["nurses"]
    assert [team.id for team in Hours(hours.teams[:1]).teams_for("MX")] == ["nurses"]
    assert hours.teams[0].name("es") == "Enfermería"
    assert hours.teams[0].name("fr") == "Nurses"


@pytest.mark.parametrize(
    ("since", "hours_long", "until"),
    [
        ("2026-11-23 08:00", 4, "2026-11-23 12:00"),
        ("2026-11-23 10:00", 4, "2026-11-23 15:00"),  # lunch does not count
        ("2026-11-24 17:00", 4, "2026-11-25 11:30"),
        ("2026-11-25 16:30", 4, "2026-11-27 11:00"),  # neither does Thanksgiving
        ("2026-11-28 12:00", 1, "2026-11-28 21:00"),  # the night line is there on Saturday
    ],
)
def test_only_the_time_in_which_somebody_is_there_counts(hours: Hours, since: str, hours_long: int, until: str) -> None:
    """Nobody is late over a plain question because the night passed."""
    assert hours.when_passed(at(since), hours_long * 3600, country="US") == at(until)


def test_where_nobody_ever_comes_the_clock_counts() -> None:
    """A file that names no hours does not make a case wait for ever."""
    never = Hours((Team("x", {}, NEW_YORK, ((),) * 7),))
    assert never.when_passed(100.0, 60.0, country=None) == 160.0
    assert ALWAYS.when_passed(100.0, 60.0, country=None) == 160.0


def test_without_a_file_somebody_is_always_there() -> None:
    """A clinic that states no hours is not taken for closed."""
    assert ALWAYS.is_staffed(0.0, country=None)
    assert ALWAYS.staffed_again(0.0, country=None) is None


GOOD = "teams:\n  - {id: a, name: {en: A}, timezone: America/New_York, hours: {monday: ['08:00-17:00']}}\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (GOOD, "teams: []", "at least one team"),
        ("id: a", "id: A team", "needs an `id`"),
        ("America/New_York", "Mars/Olympus", "needs a `timezone`"),
        ("monday", "moonday", "moonday is no day"),
        ("08:00-17:00", "8-17", "no span of time"),
        ("08:00-17:00", "08:60-17:00", "no span of time"),
        ("name: {en: A}", "name: A", "needs a `name`"),
        ("id: a", "id: a, holidays: x", "not in `holidays`"),
        (GOOD, GOOD + GOOD.removeprefix("teams:\n"), "same `id`"),
        (GOOD, GOOD + "holidays: {x: [tomorrow]}", "a date like"),
        (GOOD, GOOD + "holidays: [x]", "a mapping"),
    ],
)
def test_wrong_hours_stop_the_start_with_one_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Nobody finds out on Christmas Eve that the file was never read."""
    path = tmp_path / "hours.yaml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(DataFileError, match=said):
        read_hours(path)
