"""What holds for every test."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    # guardrails-ai keeps typer below 0.20, which asks the newer click for names that are about to go.
    config.addinivalue_line("filterwarnings", r"ignore:'click\..*' is deprecated:DeprecationWarning")
