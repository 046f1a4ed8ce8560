"""A rulebook that is not whole stops the start, with the file, the line and the remedy."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from careguard.errors import DataFileError
from careguard.rulebook import load_rulebook, overdue_reviews
from careguard.verdict import Decision, Level
from tests.rulebook import shipped_rulebook

ROOT = Path(__file__).resolve().parents[3]

RULES = """\
rules:
  - id: chest_pain
    meaning: "Pain in the chest"
    level: emergency
    category: chest_pain
    say: emergency_chest_pain
    tell: care_team
    source:
      publisher: "NHS"
      document: "When to call 999"
      section: "Chest pain"
      url: https://www.nhs.uk/
    in_force: 2026-11-24
    review_due: 2027-11-24
    reviewed_by: null
"""
WORDINGS = """\
language: en
groups:
  pain: ["pain*"]
context:
  negation: {after: ["no"], sentence: [], unless: []}
rules:
  chest_pain:
    says:
      - "chest <pain>"
"""


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    guardrails, locales = tmp_path / "guardrails", tmp_path / "locales"
    (guardrails / "rules").mkdir(parents=True)
    (locales / "languages" / "en").mkdir(parents=True)
    (guardrails / "rules" / "categories.yaml").write_text('categories:\n  chest_pain: "Chest pain"\n')
    (guardrails / "rules" / "red_flags.yaml").write_text(RULES)
    (locales / "emergency_replies.yaml").write_text("replies:\n  emergency_chest_pain: {kind: emergency}\n")
    (locales / "languages" / "en" / "red_flags.yaml").write_text(WORDINGS)
    return guardrails, locales


def test_a_whole_rulebook_loads(folders: tuple[Path, Path]) -> None:
    rulebook = load_rulebook(*folders)
    rule = rulebook.rules["chest_pain"]
    assert (rule.level, rule.decision, rule.line) == (Level.EMERGENCY, Decision.ESCALATE, 2)
    assert [language.language for language in rulebook.languages] == ["en"]


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint", "has_line"),
    [
        ("rules", "category: chest_pain", "category: chest_ache", "category 'chest_ache' is unknown", True),
        ("rules", "level: emergency", "level: high", "write emergency, urgent or none", True),
        ("rules", "say: emergency_chest_pain", "say: call_us", "reply 'call_us' is unknown", True),
        ("rules", "    say: emergency_chest_pain\n", "", "`say` is missing", True),
        ("rules", "in_force: 2026-11-24", "in_force: soon", "write a date", True),
        ("rules", "review_due: 2027-11-24", "review_due: 2020-01-01", "not after `in_force`", True),
        ("rules", "review_due: 2027-11-24", "review_due:", "`review_due` is missing", True),
        ("rules", '      publisher: "NHS"\n', "", "no publisher", True),
        ("rules", "url: https://www.nhs.uk/", "url: nhs", "https://", True),
        ("rules", "meaning:", "meening:", "unknown key meening", True),
        ("rules", "tell: care_team", "tell: police", "tell 'police' is unknown", True),
        ("rules", "- id: chest_pain", "- name: chest_pain", "needs an `id:`", False),
        ("rules", "rules:", "rule:", "write `rules:`", False),
        ("rules", "    tell: care_team", "    tell: care_team\n    cancelled_by: [doubt]", "`cancelled_by`", True),
        ("rules", "    tell: care_team", "    tell: care_team\n    decision: allow", "means decision escalate", True),
        ("rules", "rules:", "rules: [", "not valid YAML", True),
        ("rules", "    tell: care_team", "    tell: care_team\n    ask: me", "the question 'me' is unknown", True),
        ("wordings", "    says:", "    possible: [\"chest\"]\n    says:", "`possible` wordings and no `ask`", True),
        ("wordings", "groups:", "respelt: [nite]\ngroups:", "`respelt` must be", True),
        ("wordings", "context:\n", "context:\n  doubt: {soon: []}\n", "doubt may have", True),
        ("wordings", "  chest_pain:\n    says:\n      - \"chest <pain>\"\n", "  {}\n", "has no wording", False),
        ("wordings", "language: en", "language: fr", "write `language: en`", False),
        ("wordings", '"chest <pain>"', '"chest <ache>"', "no group <ache>", True),
        ("wordings", '"chest <pain>"', '"chest .."', "begin and end with a word", True),
        ("wordings", "  chest_pain:\n", "  chest_pains:\n", "no rule chest_pains", True),
        ("wordings", "says:", "say:", "no wording", True),
        ("wordings", '["pain*"]', "[1]", "list of wordings", True),
        ("wordings", "negation:", "negations:", "`context` may have", True),
        ("wordings", '["pain*"]', '["pa*"]', "too short", True),
        ("categories", "categories:", "category:", "write `categories:`", False),
        ("replies", "replies:", "reply:", "write `replies:`", False),
    ],
)  # fmt: skip
def test_a_broken_file_is_named_with_its_line_and_remedy(
    folders: tuple[Path, Path], file: str, old: str, new: str, complaint: str, has_line: bool
) -> None:
    guardrails, locales = folders
    path = {
        "rules": guardrails / "rules" / "red_flags.yaml",
        "wordings": locales / "languages" / "en" / "red_flags.yaml",
        "categories": guardrails / "rules" / "categories.yaml",
        "replies": locales / "emergency_replies.yaml",
    }[file]
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DataFileError) as caught:
        load_rulebook(guardrails, locales)
    assert complaint in str(caught.value)
    assert path.name in str(caught.value)
    assert (caught.value.line is not None) is has_line


def test_a_language_that_is_enabled_must_have_wordings(folders: tuple[Path, Path]) -> None:
    with pytest.raises(DataFileError, match=r"fr/red_flags\.yaml"):
        load_rulebook(*folders, languages=["en", "fr"])


def test_the_same_rule_twice_is_an_error(folders: tuple[Path, Path]) -> None:
    shutil.copy(folders[0] / "rules" / "red_flags.yaml", folders[0] / "rules" / "second.yaml")
    with pytest.raises(DataFileError, match="is also in"):
        load_rulebook(*folders)


def test_an_empty_rules_folder_is_an_error(folders: tuple[Path, Path]) -> None:
    (folders[0] / "rules" / "red_flags.yaml").unlink()
    with pytest.raises(DataFileError, match="no rules"):
        load_rulebook(*folders)


def test_a_rule_that_ended_needs_no_wording(folders: tuple[Path, Path]) -> None:
    path = folders[0] / "rules" / "red_flags.yaml"
    path.write_text(path.read_text().replace("reviewed_by: null", "reviewed_by: null\n    ended: 2027-01-01"))
    words = folders[1] / "languages" / "en" / "red_flags.yaml"
    words.write_text(words.read_text().replace('  chest_pain:\n    says:\n      - "chest <pain>"\n', "  {}\n"))
    assert load_rulebook(*folders).languages[0].wordings == ()


def test_an_overdue_review_is_listed() -> None:
    rulebook = shipped_rulebook()
    assert overdue_reviews(rulebook, date(2026, 12, 1)) == []
    assert len(overdue_reviews(rulebook, date(2030, 1, 1))) == len(rulebook.rules)


def test_the_shipped_rulebook_covers_at_least_45_categories_of_red_flags() -> None:
    rulebook = shipped_rulebook()
    assert len({rule.category for rule in rulebook.rules.values() if rule.level is not Level.NONE}) >= 45
    assert {rule.category for rule in rulebook.rules.values()} == set(rulebook.categories)
