"""`bedside doctor` says what is wrong and what to do, and the knowledge check finds what a translator forgot."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import typer

from actions.answering.topic import Topic, read_topic
from bot.commands.doctor import doctor, unknown_settings
from bot.commands.knowledge import check, find_faults, find_notes
from bot.settings import REPOSITORY

TOPIC = """---
id: salt
title: Salt
synonyms: [sodium]
audience: [adult]
sources:
  - {publisher: NIH, title: Salt, url: https://nih.example/salt, accessed: null}
written_on: 2026-01-01
reviewed_by: null
review_due: 2027-01-01
related: []
---
## In short {#in_short}
- Salt can raise blood pressure. [1]
## What it is {#what_it_is}
- Salt is in most food. [1]
## What you can do {#what_you_can_do}
- Eat less than 5 grams of salt a day. [1]
## What doctors may do {#what_doctors_may_do}
- Doctors may ask how much salt you eat. [1]
## When to get help now {#get_help_now}
- Call {emergency_number} if you pass out. [1]
## When to see someone {#see_someone}
- See a doctor if your feet swell. [1]
## Questions to ask {#questions_to_ask}
- How much salt is right for me?
"""


@pytest.fixture
def locales(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A content folder with one topic in two languages."""
    for language in ("en", "es"):
        folder = tmp_path / "locales" / "languages" / language / "topics"
        folder.mkdir(parents=True)
        (folder / "salt.md").write_text(TOPIC)
    monkeypatch.setenv("BEDSIDE_LOCALES", str(tmp_path / "locales"))
    return tmp_path / "locales"


def topic(locales: Path, language: str) -> Topic:
    return read_topic(locales / "languages" / language / "topics" / "salt.md", language)


def test_a_slip_in_a_variable_s_name_is_found() -> None:
    """A setting with a wrong name changes nothing, and nobody would notice."""
    (finding,) = unknown_settings(["BEDSIDE_PROT", "BEDSIDE_PORT", "BEDSIDE_SECRETS_DIR", "HOME"])
    assert finding.what == "BEDSIDE_PROT"
    assert finding.trouble == "it is no setting; did you mean BEDSIDE_PORT?"


def test_the_doctor_names_the_file_that_is_wrong(
    locales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each thing is looked at although another is wrong, and the exit code tells a script."""
    monkeypatch.setenv("BEDSIDE_DATA_DIR", str(tmp_path / "data"))
    with pytest.raises(typer.Exit) as ended:
        doctor()
    said = capsys.readouterr().out
    assert ended.value.exit_code == 1
    assert "WRONG  a check: " in said
    assert str(locales) in said
    assert "well   settings" in said
    assert "things are wrong." in said


def test_content_with_nothing_wrong_passes(locales: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0 means that the content may be used."""
    with pytest.raises(typer.Exit) as ended:
        check()
    assert ended.value.exit_code == 0
    assert "2 topic files read; 0 wrong" in capsys.readouterr().out


def test_a_wrong_topic_file_is_named_with_its_line(locales: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All files are read, so that everything wrong is told at once."""
    for language in ("en", "es"):
        path = locales / "languages" / language / "topics" / "salt.md"
        path.write_text(TOPIC.replace("most food. [1]", "most food."))
    with pytest.raises(typer.Exit) as ended:
        check()
    said = capsys.readouterr().out
    assert ended.value.exit_code == 1
    assert said.count("must end with the number of its source") == 2
    assert "salt.md:" in said


def test_a_topic_that_one_language_lacks_is_found(locales: Path) -> None:
    """Patients of every language get the same topics."""
    (locales / "languages" / "es" / "topics" / "salt.md").unlink()
    faults = find_faults({"salt": {"en": topic(locales, "en")}}, ("en", "es"), locales)
    assert len(faults) == 1
    assert "es/topics/salt.md is missing" in faults[0]


def test_a_related_topic_that_does_not_exist_is_found(locales: Path) -> None:
    """A related topic leads somewhere."""
    path = locales / "languages" / "en" / "topics" / "salt.md"
    path.write_text(TOPIC.replace("related: []", "related: [pepper]"))
    (fault,) = find_faults({"salt": {"en": topic(locales, "en")}}, ("en",), locales)
    assert "related topic 'pepper' does not exist" in fault


def test_numbers_that_differ_between_languages_are_found(locales: Path) -> None:
    """A number that changed in one language only may harm whoever reads the other."""
    path = locales / "languages" / "es" / "topics" / "salt.md"
    path.write_text(TOPIC.replace("5 grams", "6 grams"))
    notes = find_notes({"salt": {"en": topic(locales, "en"), "es": topic(locales, "es")}}, dt.date(2026, 6, 1))
    assert notes == ["salt, what_you_can_do: numbers differ between en and es: 5, 6"]


def test_a_decimal_comma_is_the_same_number(locales: Path) -> None:
    """Spanish writes 1,5 where English writes 1.5."""
    for language, number in (("en", "1.5"), ("es", "1,5")):
        path = locales / "languages" / language / "topics" / "salt.md"
        path.write_text(TOPIC.replace("5 grams", f"{number} grams"))
    assert find_notes({"salt": {tag: topic(locales, tag) for tag in ("en", "es")}}, dt.date(2026, 6, 1)) == []


def test_an_overdue_review_is_found(locales: Path) -> None:
    """Content does not grow old in silence."""
    (note,) = find_notes({"salt": {"en": topic(locales, "en")}}, dt.date(2027, 1, 2))
    assert note == "salt (en): its review was due on 2027-01-01"


def test_the_shipped_content_has_nothing_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """What we ship passes our own check."""
    assert (REPOSITORY / "locales").is_dir()
    with pytest.raises(typer.Exit) as ended:
        check()
    assert ended.value.exit_code == 0, capsys.readouterr().out
