"""The hazard log: what can go wrong, what is done against it, and whether each control still has its proof.

Read from guardrails/hazards.yaml. A control is in place when its rules, its modules and its tests exist.
"""

from __future__ import annotations

import ast
import importlib.util
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from bot.evaluation.measure import Finding, Section, Table, alarms, at_least, at_most, recall
from careguard.errors import DataFileError
from careguard.rulebook import Rulebook
from careguard.strict_yaml import read_yaml

_HAZARD_KEYS = {"id", "hazard", "causes", "effect", "before", "after", "controls", "remains", "accepted_by"}
_REQUIRED = _HAZARD_KEYS - {"accepted_by"}
_CONTROL_KEYS = {"does", "rules", "modules", "proved_by"}
_SEVERITIES = ("minor", "significant", "considerable", "major", "catastrophic")
_LIKELIHOODS = ("very_low", "low", "medium", "high", "very_high")
_RISK = (
    (1, 1, 2, 2, 3),
    (1, 2, 2, 3, 4),
    (2, 2, 3, 3, 4),
    (2, 3, 3, 4, 5),
    (3, 4, 4, 5, 5),
)
"""Risk from 1 (acceptable) to 5 (unacceptable): a row for each severity, a column for each likelihood.

Source: NHS England, DCB0129 Implementation Guidance, clinical risk matrix.
"""


class ProofState(StrEnum):
    """What is known of a test that proves a control."""

    PASSED = "no failure known"
    FAILED = "failed when last run"
    NOT_RUN = "not run on this machine"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Risk:
    """How bad and how likely."""

    severity: str
    likelihood: str

    @property
    def level(self) -> int:
        """The risk from 1 to 5."""
        return _RISK[_SEVERITIES.index(self.severity)][_LIKELIHOODS.index(self.likelihood)]


@dataclass(frozen=True, slots=True)
class Control:
    """One thing done against a hazard, where it is done, and the tests that prove it."""

    does: str
    rules: tuple[str, ...]
    modules: tuple[str, ...]
    proved_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hazard:
    """One way in which the product may harm a patient."""

    id: str
    hazard: str
    causes: tuple[str, ...]
    effect: str
    before: Risk
    after: Risk
    controls: tuple[Control, ...]
    remains: str
    accepted_by: str | None


def load_hazards(guardrails: Path) -> tuple[Hazard, ...]:
    """Return the hazard log.

    Raises:
        DataFileError: A hazard is not whole: a key is missing or unknown, a risk is no risk, a control has no proof.
    """
    path = guardrails / "hazards.yaml"
    data = read_yaml(path)
    entries = data.get("hazards") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not entries:
        raise DataFileError(path, "write `hazards:` with a list of hazards below it")
    hazards = tuple(_hazard(entry, path) for entry in entries)
    ids = [hazard.id for hazard in hazards]
    for repeated in {name for name in ids if ids.count(name) > 1}:
        raise DataFileError(path, f"the hazard {repeated} is there twice; rename one")
    return hazards


def _hazard(entry: Any, path: Path) -> Hazard:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise DataFileError(path, "every hazard needs an `id:`")
    name = entry["id"]
    if set(entry) - _HAZARD_KEYS or any(not entry.get(key) for key in _REQUIRED):
        raise DataFileError(path, f"hazard {name}: it needs {', '.join(sorted(_REQUIRED))} and nothing else")
    return Hazard(
        id=name,
        hazard=str(entry["hazard"]),
        causes=tuple(map(str, entry["causes"])),
        effect=str(entry["effect"]),
        before=_risk(entry["before"], name, path),
        after=_risk(entry["after"], name, path),
        controls=tuple(_control(control, name, path) for control in entry["controls"]),
        remains=str(entry["remains"]),
        accepted_by=entry.get("accepted_by"),
    )


def _risk(value: Any, name: str, path: Path) -> Risk:
    if (
        not isinstance(value, dict)
        or value.get("severity") not in _SEVERITIES
        or value.get("likelihood") not in _LIKELIHOODS
    ):
        raise DataFileError(
            path,
            f"hazard {name}: a risk has severity ({', '.join(_SEVERITIES)}) and likelihood ({', '.join(_LIKELIHOODS)})",
        )
    return Risk(value["severity"], value["likelihood"])


def _control(value: Any, name: str, path: Path) -> Control:
    if not isinstance(value, dict) or set(value) - _CONTROL_KEYS or not value.get("does"):
        raise DataFileError(path, f"hazard {name}: a control has {', '.join(sorted(_CONTROL_KEYS))}")
    control = Control(
        does=str(value["does"]),
        rules=tuple(value.get("rules") or ()),
        modules=tuple(value.get("modules") or ()),
        proved_by=tuple(value.get("proved_by") or ()),
    )
    if not (control.rules or control.modules) or not control.proved_by:
        raise DataFileError(path, f"hazard {name}: a control names rules or modules, and the tests that prove it")
    return control


def missing_parts(control: Control, rulebook: Rulebook, repository: Path) -> list[str]:
    """Return what the control names and is not there: rules, modules, tests."""
    missing = [f"rule {rule}" for rule in control.rules if not _is_in_force(rule, rulebook)]
    missing += [f"module {module}" for module in control.modules if not _is_module(module)]
    missing += [f"test {test}" for test in control.proved_by if not _is_test(test, repository)]
    return missing


def _is_in_force(rule: str, rulebook: Rulebook) -> bool:
    return rule in rulebook.rules and rulebook.rules[rule].ended is None


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _is_test(node: str, repository: Path) -> bool:
    path, _, function = node.partition("::")
    return function in _functions(repository / path)


@cache
def _functions(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def hazard_sections(hazards: Sequence[Hazard], rulebook: Rulebook, repository: Path) -> list[Section]:
    """Return the log as the safety card shows it: each hazard with its risk, each control with its state."""
    controls = [(hazard, control) for hazard in hazards for control in hazard.controls]
    whole = recall(
        "controls whose rules, modules and tests are there",
        (_finding(hazard, control, rulebook, repository) for hazard, control in controls),
        at_least(1.0),
    )
    failing = alarms(
        "controls with a test that failed when last run here",
        (
            Finding(hazard.id, ProofState.FAILED in _states(control, repository), control.does)
            for hazard, control in controls
        ),
        at_most(0.0),
    )
    log = Table(
        ("hazard", "what", "effect", "risk before", "risk after", "what remains", "accepted by"),
        tuple(
            (
                hazard.id,
                hazard.hazard,
                hazard.effect,
                _risk_words(hazard.before),
                _risk_words(hazard.after),
                hazard.remains,
                hazard.accepted_by or "nobody yet",
            )
            for hazard in hazards
        ),
    )
    proofs = Table(
        ("hazard", "control", "rules and modules", "proved by the test", "state"),
        tuple(
            (
                hazard.id,
                control.does,
                ", ".join((*control.rules, *control.modules)),
                "; ".join(map(_test_words, control.proved_by)),
                _state_words(control, rulebook, repository),
            )
            for hazard, control in controls
        ),
    )
    return [
        Section(
            "Hazard log",
            (whole, failing),
            table=log,
            note="In the manner of DCB0129; risk 1 is acceptable, 5 is not. The figures are the authors' estimate.",
        ),
        Section(
            "Controls and their proof",
            table=proofs,
            note="The state is what pytest remembers on this machine; nothing was run for this card.",
        ),
    ]


def _finding(hazard: Hazard, control: Control, rulebook: Rulebook, repository: Path) -> Finding:
    missing = missing_parts(control, rulebook, repository)
    return Finding(hazard.id, not missing, ", ".join(missing))


def _risk_words(risk: Risk) -> str:
    return f"{risk.level} ({risk.severity}, {risk.likelihood.replace('_', ' ')})"


def _test_words(node: str) -> str:
    return node.partition("::")[2].removeprefix("test_").replace("_", " ")


def _states(control: Control, repository: Path) -> set[ProofState]:
    return {proof_state(node, repository) for node in control.proved_by}


def _state_words(control: Control, rulebook: Rulebook, repository: Path) -> str:
    missing = missing_parts(control, rulebook, repository)
    if missing:
        return f"missing: {', '.join(missing)}"
    return f"in place; {', '.join(sorted(_states(control, repository)))}"


def proof_state(node: str, repository: Path) -> ProofState:
    """Return what pytest remembers of the test on this machine; nothing is run."""
    if not _is_test(node, repository):
        return ProofState.GONE
    remembered = repository / ".pytest_cache" / "v" / "cache"
    if _names(_read_json(remembered / "lastfailed"), node):
        return ProofState.FAILED
    return ProofState.PASSED if _names(_read_json(remembered / "nodeids"), node) else ProofState.NOT_RUN


def _names(nodes: Iterable[str], node: str) -> bool:
    return any(known == node or known.startswith(f"{node}[") for known in nodes)


@cache
def _read_json(path: Path) -> Sequence[str]:
    try:
        return tuple(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return ()
