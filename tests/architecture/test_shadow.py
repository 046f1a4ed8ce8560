"""Our folder `guardrails/` and the library guardrails-ai live side by side, and neither hides the other."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import careguard

REPOSITORY = Path(__file__).resolve().parents[2]


def test_our_folder_is_no_package() -> None:
    """With an `__init__.py` it would hide the library for whoever starts Python in the repository's root."""
    assert not (REPOSITORY / "guardrails" / "__init__.py").exists()


def test_the_library_is_found_from_the_repository_s_root() -> None:
    """Started in the root, `guardrails` is the library in the environment, not our folder."""
    code = "import importlib.util; print(importlib.util.find_spec('guardrails').origin)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(Path(sys.prefix))
    assert "site-packages" in done.stdout


def test_careguard_is_ours_and_goes_by_its_own_name() -> None:
    """It is never reached as `guardrails.careguard`."""
    assert Path(careguard.__file__ or "").is_relative_to(REPOSITORY / "guardrails" / "careguard")
    spec = importlib.util.find_spec("guardrails")
    assert spec is not None
    assert not any(
        Path(place).is_relative_to(REPOSITORY / "guardrails") for place in spec.submodule_search_locations or ()
    )
