"""Every control of the hazard log is there, and the tests that prove it are found by pytest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.evaluation.hazards import Control, ProofState, load_hazards, missing_parts, proof_state
from careguard.errors import DataFileError
from careguard.rulebook import Rulebook
from tests.rulebook import shipped_rulebook

ROOT = Path(__file__).resolve().parents[2]
HAZARDS = load_hazards(ROOT / "guardrails")
CONTROLS = [(hazard.id, control) for hazard in HAZARDS for control in hazard.controls]


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return shipped_rulebook()


@pytest.mark.parametrize(
    ("hazard", "control"), CONTROLS, ids=[f"{hazard}: {control.does}" for hazard, control in CONTROLS]
)
def test_a_control_has_its_rules_its_modules_and_its_proof(hazard: str, control: Control, rulebook: Rulebook) -> None:
    assert missing_parts(control, rulebook, ROOT) == [], f"{hazard}: put it back, or change guardrails/hazards.yaml"


@pytest.mark.timeout(240)
def test_pytest_finds_every_test_that_proves_a_control() -> None:
    """A test that is there but is not collected proves nothing."""
    wanted = {node for _, control in CONTROLS for node in control.proved_by}
    files = sorted({node.partition("::")[0] for node in wanted} - {"tests/safety/test_hazards.py"})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    collected = {line.partition("[")[0].strip() for line in done.stdout.splitlines() if "::" in line}
    assert wanted - collected == set(), done.stdout[-2000:]


def test_the_log_covers_what_can_go_wrong_and_no_control_makes_it_worse() -> None:
    assert len(HAZARDS) >= 25
    for hazard in HAZARDS:
        assert hazard.after.level <= hazard.before.level, hazard.id
        assert hazard.controls and hazard.causes and hazard.remains, hazard.id


def test_a_control_that_loses_its_test_its_rule_or_its_module_is_found(rulebook: Rulebook) -> None:
    control = Control(
        does="nothing", rules=("no_such_rule",), modules=("bot.no_such_module",), proved_by=("tests/none.py::test_x",)
    )
    assert missing_parts(control, rulebook, ROOT) == [
        "rule no_such_rule",
        "module bot.no_such_module",
        "test tests/none.py::test_x",
    ]


def test_what_pytest_remembers_of_a_test_is_told(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text("def test_one(): ...\ndef test_two(): ...\ndef test_three(): ...\n")
    memory = tmp_path / ".pytest_cache" / "v" / "cache"
    memory.mkdir(parents=True)
    (memory / "nodeids").write_text('["tests/test_a.py::test_one", "tests/test_a.py::test_two[x]"]')
    (memory / "lastfailed").write_text('{"tests/test_a.py::test_two[x]": true}')
    told = [proof_state(f"tests/test_a.py::test_{name}", tmp_path) for name in ("one", "two", "three", "four")]
    assert told == [ProofState.PASSED, ProofState.FAILED, ProofState.NOT_RUN, ProofState.GONE]


@pytest.mark.parametrize(
    "log",
    [
        "hazards: []",
        "hazards: [{id: x}]",
        "hazards: [{id: x, hazard: h, causes: [c], effect: e, before: {severity: bad, likelihood: low}, "
        "after: {severity: minor, likelihood: low}, controls: [{does: d}], remains: r}]",
        "hazards: [{id: x, hazard: h, causes: [c], effect: e, before: {severity: minor, likelihood: low}, "
        "after: {severity: minor, likelihood: low}, controls: [{does: d, modules: [m]}], remains: r}]",
    ],
)
def test_a_log_that_is_not_whole_is_refused(log: str, tmp_path: Path) -> None:
    (tmp_path / "hazards.yaml").write_text(log)
    with pytest.raises(DataFileError):
        load_hazards(tmp_path)
