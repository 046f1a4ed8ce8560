"""`bedside answer` says to each verdict what a conversation says to it."""

from __future__ import annotations

import pytest

from bot.commands.answer import GENERAL, REFUSED, REFUSED_AS, reply_to
from bot.gateway.wording import Wording, load_wording
from bot.settings import REPOSITORY
from careguard.strict_yaml import read_yaml
from careguard.verdict import ALLOWED, Decision, Level, Verdict, failed_verdict


@pytest.fixture(scope="module")
def wording() -> Wording:
    return load_wording(REPOSITORY / "locales", ["en", "es"])


def test_what_is_allowed_is_answered(wording: Wording) -> None:
    assert reply_to(ALLOWED, wording) is None


def test_a_refusal_is_told_in_the_words_of_its_category_as_dialogue_tells_it(wording: Wording) -> None:
    variations = read_yaml(REPOSITORY / "bot" / "dialogue" / "domain" / "responses.yml")["responses"]["utter_refusal"]
    told = {one["condition"][0]["value"]: one["custom"]["reply"] for one in variations if "condition" in one}
    assert told == REFUSED_AS
    assert variations[-1]["custom"]["reply"] == REFUSED
    for category, reply_id in told.items():
        assert reply_id in wording.entries
        assert reply_to(Verdict(Decision.REFUSE, category=category), wording) == reply_id
    assert reply_to(failed_verdict(), wording) == REFUSED


def test_an_emergency_has_its_own_words_or_those_of_its_level(wording: Wording) -> None:
    stroke = Verdict(Decision.ESCALATE, Level.EMERGENCY, "stroke", say="emergency_stroke")
    assert reply_to(stroke, wording) == "emergency_stroke"
    unknown = Verdict(Decision.ESCALATE, Level.URGENT, "stroke", say="nothing_of_this_name")
    assert reply_to(unknown, wording) == GENERAL[Level.URGENT]


def test_where_one_fact_decides_it_is_asked_and_nothing_is_answered(wording: Wording) -> None:
    if_yes = Verdict(Decision.ESCALATE, Level.EMERGENCY, "stroke", say="emergency_stroke")
    doubtful = Verdict(Decision.ALLOW, ask="ask_happening_now", if_yes=if_yes)
    assert reply_to(doubtful, wording) == "ask_happening_now"
