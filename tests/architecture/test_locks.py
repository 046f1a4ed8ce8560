"""What is installed is pinned, names no host, and pulls in nothing that a clinic's machine should not have."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = REPOSITORY / "deploy" / "locks"
DIALOGUE = REPOSITORY / "bot" / "dialogue" / "requirements.txt"
ALL = [*sorted(LOCKS.glob("*.txt")), DIALOGUE]

MALICIOUS = {"guardrails-ai": {"0.10.1"}}
"""Releases that were published with harmful code."""


def requirements(lock: Path) -> list[Requirement]:
    lines = (line.strip() for line in lock.read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def pins(lock: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for requirement in requirements(lock):
        (specifier,) = requirement.specifier
        found.setdefault(requirement.name, set()).add(specifier.version)
    return found


@pytest.mark.parametrize("lock", ALL, ids=lambda lock: lock.name)
def test_every_line_of_a_lock_pins_one_version(lock: Path) -> None:
    """The same lock gives the same environment on every machine."""
    for requirement in requirements(lock):
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], requirement
        assert requirement.url is None
    assert requirements(lock)


@pytest.mark.parametrize("lock", [*ALL, *sorted(LOCKS.glob("*.in"))], ids=lambda lock: lock.name)
def test_a_lock_names_no_host_and_no_option(lock: Path) -> None:
    """Where packages come from is the machine's business, not the repository's."""
    for line in lock.read_text(encoding="utf-8").splitlines():
        assert "://" not in line
        assert not line.strip().startswith("-")


@pytest.mark.parametrize("lock", ALL, ids=lambda lock: lock.name)
def test_no_lock_brings_cuda(lock: Path) -> None:
    """A GPU's libraries come with torch, and only on a machine that has one."""
    for name in pins(lock):
        assert not re.match(r"nvidia-|cuda-|triton", name), name


def test_the_application_s_lock_leaves_torch_to_the_set_up() -> None:
    """Which build of torch fits is known on the machine, so its pin stands alone."""
    assert "torch" not in pins(LOCKS / "application.txt")
    assert "torch" not in pins(LOCKS / "development.txt")
    assert list(pins(LOCKS / "torch.txt")) == ["torch"]


def test_the_dialogue_runs_without_tensorflow() -> None:
    """It takes 1.8 GB and twice the time to start, for nothing that we use."""
    names = pins(DIALOGUE)
    assert not [name for name in names if name.startswith(("tensorflow", "keras", "jax"))]
    assert names["rasa"] == {"3.6.21"}


@pytest.mark.parametrize("lock", ALL, ids=lambda lock: lock.name)
def test_no_harmful_release_is_locked(lock: Path) -> None:
    """What is known to be bad must not come back with a new lock."""
    for name, versions in MALICIOUS.items():
        assert not pins(lock).get(name, set()) & versions


def test_the_project_itself_refuses_the_harmful_releases() -> None:
    """Also whoever installs without a lock is safe."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {Requirement(line).name: Requirement(line) for line in project["dependencies"]}
    for name, versions in MALICIOUS.items():
        for version in versions:
            assert not wanted[name].specifier.contains(Version(version))


def test_every_dependency_of_the_project_is_locked_in_a_version_it_allows() -> None:
    """A lock that was forgotten after a change of pyproject.toml is found."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    locked = pins(LOCKS / "application.txt") | pins(LOCKS / "torch.txt")
    tools = locked | pins(LOCKS / "development.txt")
    for lines, known in ((project["project"]["dependencies"], locked), (project["dependency-groups"]["dev"], tools)):
        for requirement in map(Requirement, lines):
            name = canonicalize_name(requirement.name)
            assert name in known, f"{name} is not locked: run `make lock`"
            for version in known[name]:
                assert requirement.specifier.contains(Version(version)), f"{requirement}: run `make lock`"


def test_tools_of_development_are_not_in_the_application() -> None:
    """What a clinic runs is no larger than it must be."""
    assert not pins(LOCKS / "application.txt").keys() & pins(LOCKS / "development.txt").keys()
