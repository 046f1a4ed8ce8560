"""Shares, intervals and targets."""

from __future__ import annotations

import pytest

from bot.evaluation.measure import (
    Finding,
    Interval,
    Measure,
    Miss,
    Quantity,
    alarms,
    at_least,
    at_most,
    middle,
    percentile,
    recall,
    share,
    wilson,
)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_the_interval_is_wilsons(hits: int, n: int, low: float, high: float) -> None:
    """The first four are those that R. G. Newcombe published (Statistics in Medicine 17, 1998, table I, method 3).

    The last is n / (n + z²), by hand.
    """
    interval = wilson(hits, n)
    assert interval.low == pytest.approx(low, abs=5e-5)
    assert interval.high == pytest.approx(high, abs=5e-5)


def test_without_rows_everything_is_possible_and_nothing_is_met() -> None:
    """A set that is absent neither reaches its target nor misses it."""
    measure = Measure("none", 0, 0, at_least(0.98))
    assert measure.interval == Interval(0.0, 1.0)
    assert measure.rate is None
    assert measure.met is None


def test_a_share_on_its_bound_reaches_the_target() -> None:
    """98 of 100 is at least 98 %, 3 of 100 is at most 3 %, and one row further is not."""
    assert Measure("recall", 100, 98, at_least(0.98)).met is True
    assert Measure("recall", 100, 97, at_least(0.98)).met is False
    assert Measure("alarms", 100, 3, at_most(0.03)).met is True
    assert Measure("alarms", 100, 4, at_most(0.03)).met is False
    assert Measure("share", 100, 4).met is None


def test_misses_are_the_rows_that_count_against_the_target() -> None:
    """Where hits are good the rows not hit are misses; where hits are bad the rows hit are."""
    findings = [Finding("a", True, "fired"), Finding("b", False, "silent")]
    assert recall("seen", findings).misses == (Miss("b", "silent"),)
    assert alarms("false", findings).misses == (Miss("a", "fired"),)
    assert share("neutral", findings).misses == ()
    assert {measure.hits for measure in (recall("x", findings), alarms("x", findings), share("x", findings))} == {1}


def test_a_quantity_knows_whether_it_is_fast_enough() -> None:
    """Milliseconds are held against their bound; no value meets nothing."""
    assert Quantity("p99", 4.9, "ms", at_most(5)).met is True
    assert Quantity("p99", 5.1, "ms", at_most(5)).met is False
    assert Quantity("p99", None, "ms", at_most(5)).met is None
    assert Quantity("p50", 1.0, "ms").met is None


def test_percentiles_of_few_values() -> None:
    """No value has no percentile, one value is every percentile, more are put in order."""
    assert percentile([], 50) is None
    assert percentile([7.0], 99) == 7.0
    assert percentile([float(value) for value in range(101)], 99) == pytest.approx(99.0)
    assert middle([]) is None
    assert middle([3.0, 1.0, 2.0]) == 2.0
