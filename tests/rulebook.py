"""The shipped rulebook, read once for all tests of a process: it takes seconds, and it never changes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from careguard.rulebook import Rulebook, load_rulebook

ROOT = Path(__file__).resolve().parents[1]


@cache
def shipped_rulebook() -> Rulebook:
    """Return the rules and wordings of every shipped language."""
    return load_rulebook(ROOT / "guardrails", ROOT / "locales")
