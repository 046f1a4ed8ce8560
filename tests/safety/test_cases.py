"""Every sentence in guardrails/cases gets the verdict that stands beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from careguard.rulebook import Rulebook
from careguard.screen import screen
from careguard.strict_yaml import read_yaml
from careguard.verdict import Decision, Level
from tests.rulebook import shipped_rulebook

ROOT = Path(__file__).resolve().parents[2]
CASE_FILES = sorted((ROOT / "guardrails" / "cases").glob("*.yaml"))
CASES = [case for path in CASE_FILES for case in read_yaml(path)["cases"]]
KEYS = {"name", "says", "earlier", "expect"}
EXPECTED_KEYS = {"level", "category", "decision", "ask"}


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return shipped_rulebook()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_sentence_gets_the_verdict_that_stands_beside_it(case: dict[str, Any], rulebook: Rulebook) -> None:
    verdict = screen(case["says"], rulebook, earlier=case.get("earlier", ()))
    expected = case["expect"]
    assert not verdict.failed
    assert verdict.level.value == expected["level"], verdict.rules
    if "category" in expected:
        assert verdict.category == expected["category"], verdict.rules
    if "decision" in expected:
        assert verdict.decision.value == expected["decision"], verdict.rules
    if "ask" in expected:
        assert verdict.ask == expected["ask"], verdict.rules


@pytest.mark.parametrize("path", CASE_FILES, ids=[path.name for path in CASE_FILES])
def test_case_files_use_only_the_words_that_the_runner_knows(path: Path) -> None:
    """A misspelt key would make a case prove nothing."""
    for case in read_yaml(path)["cases"]:
        assert set(case) <= KEYS, case
        assert set(case["expect"]) <= EXPECTED_KEYS, case
        assert case["expect"]["level"] in {level.value for level in Level}
        assert case["expect"].get("decision", "allow") in {decision.value for decision in Decision}


def test_a_question_is_asked_about_no_more_than_it_would_call() -> None:
    """What is asked about must be worth asking: yes always calls somebody."""
    rules = shipped_rulebook()
    for case in CASES:
        verdict = screen(case["says"], rules, earlier=case.get("earlier", ()))
        if verdict.ask is not None:
            assert verdict.if_yes is not None
            assert verdict.if_yes.level.rank > verdict.level.rank
            assert verdict.if_yes.decision is Decision.ESCALATE


def test_no_two_cases_have_the_same_name() -> None:
    names = [case["name"] for case in CASES]
    assert len(names) == len(set(names))


def test_there_are_at_least_as_many_near_misses_as_hits() -> None:
    """A rule that is only shown what it must catch learns to catch everything."""
    hits = [
        c
        for c in CASES
        if c["expect"]["level"] != "none" or c["expect"].get("decision") == "refuse" or c["expect"].get("ask")
    ]
    assert len(CASES) - len(hits) >= len(hits)


def test_the_categories_that_matter_most_have_a_case() -> None:
    shown = {case["expect"].get("category") for case in CASES}
    assert {
        "chest_pain", "stroke", "breathing", "anaphylaxis", "bleeding", "unconscious", "seizure", "sepsis",
        "meningitis", "head_injury", "overdose", "poisoning", "choking", "burns", "pregnancy_bleeding", "preeclampsia",
        "reduced_fetal_movement", "baby_danger_signs", "high_blood_sugar", "suicide_active", "suicide_passive",
        "suicide_attempt", "self_harm", "abuse", "sexual_assault", "psychosis",
    } <= shown  # fmt: skip
