"""Colours that can be read at 3 a.m., in both schemes."""

from __future__ import annotations

import re

import pytest

from bot.desk.render import FOLDER

STYLE = (FOLDER / "static" / "desk.css").read_text(encoding="utf-8")

TEXT_PAIRS = [
    ("ink", "page"),
    ("ink", "sheet"),
    ("ink", "raised"),
    ("ink", "bot"),
    ("ink", "human"),
    ("ink", "patient"),
    ("ink", "emergency-soft"),
    ("ink", "good-soft"),
    ("ink-soft", "page"),
    ("ink-soft", "sheet"),
    ("ink-soft", "raised"),
    ("ink-soft", "bot"),
    ("ink-soft", "human"),
    ("ink-soft", "emergency-soft"),
    ("accent", "sheet"),
    ("accent", "page"),
    ("accent", "bot"),
    ("accent", "human"),
    ("accent", "emergency-soft"),
    ("accent-ink", "accent"),
    ("bar-ink", "bar"),
    ("bar-soft", "bar"),
    ("emergency", "sheet"),
    ("emergency", "emergency-soft"),
    ("emergency", "human"),
    ("emergency", "page"),
    ("emergency-ink", "emergency"),
    ("urgent-ink", "urgent"),
    ("ink", "urgent-soft"),
    ("routine-ink", "routine"),
    ("good", "sheet"),
    ("mark-ink", "mark"),
]
EDGE_PAIRS = [("line-strong", "sheet"), ("line-strong", "page"), ("focus", "sheet"), ("focus", "page")]


def colours(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, flags=re.DOTALL)[:2]
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", light))
    return found | (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", dark)) if scheme == "dark" else {})


def luminance(colour: str) -> float:
    """Relative luminance. Source: WCAG 2.2, definition of relative luminance."""
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT_PAIRS)
def test_text_stands_out_from_its_ground(scheme: str, ink: str, ground: str) -> None:
    """Source: WCAG 2.2, success criterion 1.4.3: at least 4.5 to 1."""
    found = colours(scheme)
    assert contrast(found[ink], found[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("edge", "ground"), EDGE_PAIRS)
def test_edges_of_fields_and_focus_stand_out(scheme: str, edge: str, ground: str) -> None:
    """Source: WCAG 2.2, success criterion 1.4.11: at least 3 to 1."""
    found = colours(scheme)
    assert contrast(found[edge], found[ground]) >= 3


def test_who_asks_for_less_motion_sees_none() -> None:
    """Everything that moves stands where only those who did not ask for less see it. Source: WCAG 2.2, 2.3.3."""
    moving = re.compile(r"\b(?:transition|animation|scroll-behavior)\s*:")
    for name in ("desk.css", "people.css"):
        style = (FOLDER / "static" / name).read_text(encoding="utf-8")
        still = re.sub(r"@media \(prefers-reduced-motion: no-preference\) \{.*?\n\}", "", style, flags=re.DOTALL)
        assert not moving.search(still), name
    assert "smooth" not in (FOLDER / "static" / "desk.js").read_text(encoding="utf-8")


def test_nothing_comes_from_elsewhere() -> None:
    """The desk loads no font, picture or script from another host."""
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    script = (FOLDER / "static" / "desk.js").read_text(encoding="utf-8")
    assert "http://" not in script
    assert "https://" not in script
