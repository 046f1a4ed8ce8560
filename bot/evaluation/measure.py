"""What an evaluation says: counts with their interval, quantities with their unit, both beside a target.

Every suite returns these values and nothing else, so every report can show every suite.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median, quantiles

_Z_95 = 1.959963984540054
"""The two-sided 95 % point of the normal distribution."""
_EXACT = 1e-9


class Side(StrEnum):
    """On which side of its bound a figure must lie."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure must reach; of a share the bound is a share too (0-1)."""

    side: Side
    bound: float

    def is_met_by(self, figure: float) -> bool:
        """Return whether the figure lies on the right side; the bound itself does."""
        return figure >= self.bound - _EXACT if self.side is Side.AT_LEAST else figure <= self.bound + _EXACT


def at_least(bound: float) -> Target:
    """Return the target of a figure that must not be lower."""
    return Target(Side.AT_LEAST, bound)


def at_most(bound: float) -> Target:
    """Return the target of a figure that must not be higher."""
    return Target(Side.AT_MOST, bound)


@dataclass(frozen=True, slots=True)
class Miss:
    """One row that counts against the target: its id, and what our side did with it (levels, rule ids, outcomes)."""

    id: str
    cause: str


@dataclass(frozen=True, slots=True)
class Interval:
    """The range in which the true share lies with 95 % confidence."""

    low: float
    high: float


def wilson(hits: int, n: int) -> Interval:
    """Return the Wilson score interval of a share; everything is possible when there are no rows.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927), 209-212.
    """
    if n == 0:
        return Interval(0.0, 1.0)
    share, z2 = hits / n, _Z_95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Interval(0.0 if hits == 0 else middle - half, 1.0 if hits == n else middle + half)


@dataclass(frozen=True, slots=True)
class Measure:
    """How many of the rows of one set did what the name says."""

    name: str
    n: int
    hits: int
    target: Target | None = None
    misses: tuple[Miss, ...] = ()
    """The rows behind the distance to a perfect score: those not hit, or, where hits are bad, those hit."""

    @property
    def rate(self) -> float | None:
        """The share of rows, 0-1; None without rows."""
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the share."""
        return wilson(self.hits, self.n)

    @property
    def met(self) -> bool | None:
        """Whether the share reaches the target; None when there is no target or no row."""
        if self.target is None or self.rate is None:
            return None
        return self.target.is_met_by(self.rate)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One figure that is no share: a time, a grade, a mean."""

    name: str
    value: float | None
    """None when nothing was there to measure."""
    unit: str
    target: Target | None = None

    @property
    def met(self) -> bool | None:
        """Whether the value reaches the target; None when there is no target or no value."""
        if self.target is None or self.value is None:
            return None
        return self.target.is_met_by(self.value)


@dataclass(frozen=True, slots=True)
class Table:
    """What is read in rows and is no figure with a target: the hazard log, a share for each category and language."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """Lying bars, one a row, each of parts that stand end to end: what became of a set, where the time went."""

    title: str
    parts: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]
    """A label, and a number for each part."""
    unit: str = ""
    """Without a unit the parts are counts and every bar is as long as the others."""


@dataclass(frozen=True, slots=True)
class Section:
    """Measures that are read together."""

    title: str
    measures: tuple[Measure, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    note: str = ""
    """How a hit is counted, and what the figures cannot say."""
    table: Table | None = None
    plots: tuple[Plot, ...] = ()


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """Everything one suite measured."""

    suite: str
    title: str
    sections: tuple[Section, ...]
    seconds: float
    absent: tuple[str, ...] = ()
    """Sets that were not in the folder."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one row came to: whether it is a hit, and the cause to note when it counts as a miss."""

    id: str
    hit: bool
    cause: str


def recall(name: str, findings: Iterable[Finding], target: Target | None = None) -> Measure:
    """Return a measure whose hits are good; the rows not hit are its misses."""
    return _measure(name, list(findings), target, missed_when=False)


def alarms(name: str, findings: Iterable[Finding], target: Target | None = None) -> Measure:
    """Return a measure whose hits are bad; the rows hit are its misses."""
    return _measure(name, list(findings), target, missed_when=True)


def share(name: str, findings: Iterable[Finding]) -> Measure:
    """Return a measure that is neither good nor bad; it has no misses."""
    found = list(findings)
    return Measure(name, len(found), sum(finding.hit for finding in found))


def _measure(name: str, findings: Sequence[Finding], target: Target | None, *, missed_when: bool) -> Measure:
    misses = tuple(Miss(finding.id, finding.cause) for finding in findings if finding.hit is missed_when)
    return Measure(name, len(findings), sum(finding.hit for finding in findings), target, misses)


def middle(values: Sequence[float]) -> float | None:
    """Return the median, or None without values."""
    return median(values) if values else None


def percentile(values: Sequence[float], percent: int) -> float | None:
    """Return the value that `percent` per cent of the values do not exceed, or None without values."""
    if len(values) < 2:
        return values[0] if values else None
    return quantiles(values, n=100, method="inclusive")[percent - 1]
