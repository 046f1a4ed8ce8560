"""The emergency, crisis and urgent words: whole in every language, filled with the numbers of every country."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from careguard.strict_yaml import read_yaml
from careguard.verdict import Level
from tests.rulebook import shipped_rulebook

ROOT = Path(__file__).resolve().parents[2]
LOCALES = ROOT / "locales"
LANGUAGES = ("en", "es")
COUNTRIES = ("US", "GB", "ES", "MX", "ZZ")
CATALOGUE = read_yaml(LOCALES / "emergency_replies.yaml")["replies"]
PURPOSES = {"crisis", "poison", "abuse", "child", "non_emergency"}


def words(language: str) -> dict[str, str]:
    return dict(read_yaml(LOCALES / "languages" / language / "emergency_replies.yaml")["replies"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_emergency_reply_has_words_in_every_language(language: str) -> None:
    assert set(words(language)) == set(CATALOGUE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reply_id", [reply for reply in CATALOGUE if not reply.startswith("urgent")])
def test_an_emergency_or_crisis_reply_says_whom_to_call_in_its_first_line(language: str, reply_id: str) -> None:
    first_line = words(language)[reply_id].splitlines()[0]
    assert "{emergency_number}" in first_line


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reply_id", [reply for reply in CATALOGUE if reply.startswith("crisis")])
def test_a_crisis_reply_names_a_line_to_talk_to(language: str, reply_id: str) -> None:
    text = words(language)[reply_id]
    assert "{crisis_lines}" in text or "{abuse_line}" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reply_says_that_the_care_team_is_told(language: str) -> None:
    told = {"en": "the care team will be told", "es": "equipo de salud"}[language]
    assert [reply for reply, text in words(language).items() if told not in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_reply_holds_a_number_of_its_own(language: str) -> None:
    """Numbers to call differ by country and stand in locales/countries only."""
    for reply, text in words(language).items():
        assert not re.search(r"\d{3,}", text), reply


def test_crisis_words_name_no_method_and_blame_nobody() -> None:
    """Source: WHO, Preventing suicide: a resource for media professionals; Samaritans, safe messaging."""
    forbidden = {
        "en": r"\b(pills|gun|rope|hang|jump|cut|blade|commit|selfish|attention|weak)\b",
        "es": r"\b(pastillas|pistola|cuerda|colgar|saltar|navaja|cometer|ego[íi]sta|llamar la atenci[óo]n)\b",
    }
    for language, expression in forbidden.items():
        for reply, text in words(language).items():
            if reply.startswith("crisis_suicide"):
                assert not re.search(expression, text, re.IGNORECASE), (language, reply)


@pytest.mark.parametrize("code", COUNTRIES)
def test_a_country_has_a_number_and_lines_with_their_source(code: str) -> None:
    country = read_yaml(LOCALES / "countries" / f"{code}.yaml")
    assert country["emergency_number"]["number"]
    assert country["emergency_number"]["source"].startswith("https://")
    assert {"crisis", "poison", "abuse"} <= {line["purpose"] for line in country["lines"]} <= PURPOSES
    for line in country["lines"]:
        assert line["source"].startswith("https://"), line["id"]
        assert "checked_on" in line, line["id"]
        assert any(line.get(way) for way in ("call", "text", "chat")), line["id"]
        assert set(line["name"]) >= set(LANGUAGES) and set(line["hours"]) >= set(LANGUAGES), line["id"]


def test_every_rule_that_escalates_says_an_approved_reply_of_its_kind() -> None:
    """An urgent sign may not say "call now", and an emergency may not say "see a doctor today"."""
    for rule in shipped_rulebook().rules.values():
        if rule.level is Level.NONE:
            continue
        assert rule.say is not None
        kind = CATALOGUE[rule.say]["kind"]
        assert kind in ({"emergency", "crisis"} if rule.level is Level.EMERGENCY else {"urgent", "crisis"}), rule.id
