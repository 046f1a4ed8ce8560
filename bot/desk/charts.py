"""Where the bars of a chart stand: numbers for the SVG that the lead's page draws without a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 640
HEIGHT = 180
_FOOT = 20
_TOP = 14
_ROW = 26
_LABELS = 190
_VALUES = 84
_EDGE = 20
"""Half of a label's width: the first and the last stand a little further in."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle of a chart, in its units."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    """What it stands for; part of its class."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Everything that stands over one place of the axis."""

    label: str
    bars: tuple[Bar, ...]
    middle: float
    total: int
    shows_label: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One lying bar with its words."""

    label: str
    value: str
    bar: Bar
    middle: float


@dataclass(frozen=True, slots=True)
class Stacked:
    """Standing bars in stacks, the first kind at the bottom."""

    stacks: tuple[Stack, ...]
    most: int
    width: int = WIDTH
    height: int = HEIGHT
    foot: int = HEIGHT - _FOOT


@dataclass(frozen=True, slots=True)
class Lying:
    """Lying bars under each other."""

    rows: tuple[Row, ...]
    height: int
    width: int = WIDTH
    labels: int = _LABELS


def stacked(columns: Sequence[tuple[str, Sequence[tuple[str, int]]]], *, label_every: int = 1) -> Stacked:
    """Return the stacks for columns of (label, (kind, number)...)."""
    most = max((sum(number for _, number in parts) for _, parts in columns), default=0)
    step = WIDTH / max(1, len(columns))
    room = HEIGHT - _FOOT - _TOP
    stacks = []
    for place, (label, parts) in enumerate(columns):
        bars, foot = [], float(HEIGHT - _FOOT)
        for kind, number in parts:
            height = room * number / most if most else 0.0
            foot -= height
            if number:
                bars.append(Bar(round(place * step + 1, 1), round(foot, 1), round(step - 2, 1), round(height, 1), kind))
        total = sum(number for _, number in parts)
        middle = round(min(max(place * step + step / 2, _EDGE), WIDTH - _EDGE), 1)
        stacks.append(Stack(label, tuple(bars), middle, total, place % label_every == 0))
    return Stacked(tuple(stacks), most)


def lying(rows: Sequence[tuple[str, str, float, str]]) -> Lying:
    """Return the bars for rows of (label, value in words, number, kind)."""
    most = max((number for _, _, number, _ in rows), default=0.0)
    room = WIDTH - _LABELS - _VALUES
    drawn = [
        Row(
            label,
            value,
            Bar(_LABELS, place * _ROW + 4, round(room * number / most, 1) if most else 0.0, _ROW - 8, kind),
            place * _ROW + _ROW / 2 + 4,
        )
        for place, (label, value, number, kind) in enumerate(rows)
    ]
    return Lying(tuple(drawn), max(1, len(drawn)) * _ROW)
