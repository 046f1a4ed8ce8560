"""The house: where things stand, what they may be called, and what must never be written down."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOT = {
    ".ci",
    ".dockerignore",
    ".editorconfig",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "actions",
    "bot",
    "deploy",
    "docs",
    "guardrails",
    "locales",
    "pyproject.toml",
    "tests",
}
NAMES_THAT_SAY_NOTHING = re.compile(r"(^|_)(utils?|helpers?|common|misc|managers?|handlers?|stuff)(_|$)")
PACKAGE_INDEX_HOSTS = re.compile(r"https?://[\w.-]*(pypi|pythonhosted|pytorch|anaconda|conda)[\w.-]*/", re.IGNORECASE)


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    return [Path(name) for name in listed.stdout.split("\0") if name and (REPOSITORY / name).is_file()]


def test_the_root_holds_only_what_it_is_known_to_hold() -> None:
    """Whoever opens the repository sees the house at once."""
    assert {path.parts[0] for path in tracked_files()} <= ROOT


def test_no_module_has_a_name_that_says_nothing() -> None:
    """A module is named after a thing or a step, or everything ends up in it."""
    named = [path for path in tracked_files() if path.suffix == ".py" and NAMES_THAT_SAY_NOTHING.search(path.stem)]
    assert named == []


def test_locales_hold_data_only() -> None:
    """Clinicians and translators own that folder; no code hides in it."""
    kinds = {path.suffix for path in tracked_files() if path.parts[0] == "locales"}
    assert kinds <= {".yaml", ".md", ".json"}


def test_no_file_names_a_package_index() -> None:
    """Where packages come from is the machine's business; a clinic may have its own."""
    here = Path(__file__).relative_to(REPOSITORY)
    naming = [
        path.as_posix()
        for path in tracked_files()
        if path != here and PACKAGE_INDEX_HOSTS.search((REPOSITORY / path).read_bytes().decode("utf-8", "replace"))
    ]
    assert naming == []


def test_every_module_says_where_it_stands() -> None:
    """A module's docstring is the first thing a reader needs."""
    for path in tracked_files():
        if path.suffix == ".py" and path.parts[0] in {"bot", "actions", "guardrails", "deploy"}:
            module = ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))
            assert not module.body or ast.get_docstring(module), path


def test_nothing_but_the_command_writes_to_the_screen_with_print() -> None:
    """What is printed by chance may hold a patient's words."""
    for path in tracked_files():
        if path.suffix == ".py" and path.parts[0] in {"bot", "actions", "guardrails"}:
            assert not re.search(r"^\s*print\(", (REPOSITORY / path).read_text(encoding="utf-8"), re.MULTILINE), path
