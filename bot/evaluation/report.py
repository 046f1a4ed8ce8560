"""Shows what was measured: tables on the terminal, one JSON object, one page that works without a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.evaluation.measure import Measure, Miss, Plot, Quantity, Section, Side, SuiteReport, Target

_TEMPLATES = Path(__file__).with_name("templates")
_MET = {True: "yes", False: "NO", None: ""}
_COMMONEST_CAUSES = 12


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one call of `bedside evaluate` measured."""

    made_at: datetime
    sample: int | None
    """The most rows of a set that were used; None for all."""
    suites: tuple[SuiteReport, ...]


# ── words for figures ────────────────────────────────────────────────────────────────────────────────────────


def per_cent(rate: float | None) -> str:
    """Return a share as `97.3 %`."""
    return "" if rate is None else f"{rate * 100:.1f} %"


def interval_words(measure: Measure) -> str:
    """Return the interval as `95.1 to 98.8`, in per cent."""
    if measure.rate is None:
        return ""
    return f"{measure.interval.low * 100:.1f} to {measure.interval.high * 100:.1f}"


def target_words(figure: Measure | Quantity) -> str:
    """Return the target as `≥ 98 %` or `≤ 5 ms`; empty without one."""
    if figure.target is None:
        return ""
    sign = "≥" if figure.target.side is Side.AT_LEAST else "≤"
    if isinstance(figure, Measure):
        return f"{sign} {figure.target.bound * 100:g} %"
    return f"{sign} {figure.target.bound:g} {figure.unit}".rstrip()


def value_words(quantity: Quantity) -> str:
    """Return the value with its unit; empty when nothing was measured."""
    if quantity.value is None:
        return ""
    return f"{quantity.value:.2f} {quantity.unit}".rstrip()


def met_words(figure: Measure | Quantity) -> str:
    """Return `yes`, `NO`, or nothing without a target."""
    return _MET[figure.met]


def causes(misses: Sequence[Miss]) -> list[tuple[str, list[str]]]:
    """Return the causes with the ids of their rows, the commonest first."""
    counted = Counter(miss.cause for miss in misses)
    return [(cause, [miss.id for miss in misses if miss.cause == cause]) for cause, _ in counted.most_common()]


@dataclass(frozen=True, slots=True)
class DrawnPart:
    """One part of a lying bar, in per cent of the whole width."""

    name: str
    number: int
    """Which of the plot's parts it is, from 0."""
    left: float
    width: float
    says: str


def drawn(plot: Plot) -> list[tuple[str, list[DrawnPart]]]:
    """Return the bars of the rows that have anything to show."""
    longest = max((sum(values) for _, values in plot.rows), default=0.0)
    bars = []
    for label, values in plot.rows:
        whole = longest if plot.unit else sum(values)
        if whole <= 0:
            continue
        parts, left = [], 0.0
        for number, (name, value) in enumerate(zip(plot.parts, values, strict=True)):
            width = value / whole * 100
            says = f"{value:.1f} {plot.unit}" if plot.unit else per_cent(value / whole)
            parts.append(DrawnPart(name, number, round(left, 2), round(width, 2), says))
            left += width
        bars.append((label, parts))
    return bars


def unmet(evaluation: Evaluation) -> list[tuple[str, str, Measure | Quantity]]:
    """Return every figure that misses its target, with its suite and section."""
    missed: list[tuple[str, str, Measure | Quantity]] = []
    for report in evaluation.suites:
        for section in report.sections:
            figures: tuple[Measure | Quantity, ...] = (*section.measures, *section.quantities)
            missed += [(report.suite, section.title, figure) for figure in figures if figure.met is False]
    return missed


# ── the terminal ─────────────────────────────────────────────────────────────────────────────────────────────


def show(evaluation: Evaluation, console: Console, *, with_misses: bool = False) -> None:
    """Print a table for each section and what misses its target.

    Args:
        with_misses: Also print the causes of misses with their row ids.
    """
    for report in evaluation.suites:
        console.rule(f"{report.title} ({report.seconds:.0f} s)")
        for absent in report.absent:
            console.print(f"The set {absent} is not in the folder and was left out.", markup=False)
        for section in report.sections:
            _show_section(section, console)
            if with_misses:
                _show_misses(section, console)
    missed = unmet(evaluation)
    console.print(f"{len(missed)} figures miss their target.", markup=False, highlight=False)
    for suite, title, figure in missed:
        value = per_cent(figure.rate) if isinstance(figure, Measure) else value_words(figure)
        line = f"  {suite} · {title} · {figure.name}: {value}, target {target_words(figure)}"
        console.print(line, markup=False, highlight=False)


def _show_section(section: Section, console: Console) -> None:
    if section.measures:
        console.print(_measures_table(section))
    if section.quantities:
        console.print(_quantities_table(section))
    if section.table is not None:
        console.print(_plain_table(section))
    if section.note:
        console.print(f"{section.note}\n", style="dim", markup=False, highlight=False)


def _measures_table(section: Section) -> Table:
    table = _table(section.title, "what", ("rows", "hits", "share", "95 %", "target", "met"))
    for measure in section.measures:
        table.add_row(
            measure.name,
            str(measure.n),
            str(measure.hits),
            per_cent(measure.rate),
            interval_words(measure),
            target_words(measure),
            met_words(measure),
            style=_style(measure.met),
        )
    return table


def _quantities_table(section: Section) -> Table:
    table = _table("" if section.measures else section.title, "what", ("value", "target", "met"))
    for quantity in section.quantities:
        table.add_row(
            quantity.name,
            value_words(quantity),
            target_words(quantity),
            met_words(quantity),
            style=_style(quantity.met),
        )
    return table


def _plain_table(section: Section) -> Table:
    assert section.table is not None
    table = Table(title=section.title if not section.measures else None, title_justify="left", title_style="bold")
    for header in section.table.headers:
        table.add_column(header, overflow="fold")
    for row in section.table.rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def _table(title: str, first: str, others: Sequence[str]) -> Table:
    table = Table(title=title or None, title_justify="left", title_style="bold")
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _style(met: bool | None) -> str:
    return "red" if met is False else ""


def _show_misses(section: Section, console: Console) -> None:
    for measure in section.measures:
        for cause, ids in causes(measure.misses)[:_COMMONEST_CAUSES]:
            line = f"  {measure.name} · {cause} ({len(ids)}): {' '.join(ids)}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything that was measured as plain JSON data: numbers, rule ids and row ids."""
    return {
        "made_at": evaluation.made_at.isoformat(timespec="seconds"),
        "sample": evaluation.sample,
        "suites": [
            {
                "suite": report.suite,
                "title": report.title,
                "seconds": round(report.seconds, 2),
                "absent": list(report.absent),
                "sections": [_section_json(section) for section in report.sections],
            }
            for report in evaluation.suites
        ],
    }


def _section_json(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "note": section.note,
        "measures": [_measure_json(measure) for measure in section.measures],
        "quantities": [
            {
                "name": quantity.name,
                "value": _rounded(quantity.value),
                "unit": quantity.unit,
                "target": _target_json(quantity.target),
                "met": quantity.met,
            }
            for quantity in section.quantities
        ],
        "table": None
        if section.table is None
        else {"headers": list(section.table.headers), "rows": [list(row) for row in section.table.rows]},
        "plots": [
            {
                "title": plot.title,
                "unit": plot.unit,
                "parts": list(plot.parts),
                "rows": [
                    {"label": label, "values": [round(value, 4) for value in values]} for label, values in plot.rows
                ],
            }
            for plot in section.plots
        ],
    }


def _measure_json(measure: Measure) -> dict[str, Any]:
    return {
        "name": measure.name,
        "n": measure.n,
        "hits": measure.hits,
        "rate": _rounded(measure.rate),
        "interval": [_rounded(measure.interval.low), _rounded(measure.interval.high)],
        "target": _target_json(measure.target),
        "met": measure.met,
        "misses": [{"id": miss.id, "cause": miss.cause} for miss in measure.misses],
    }


def _target_json(target: Target | None) -> dict[str, Any] | None:
    return None if target is None else {"side": target.side.value, "bound": target.bound}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────


def as_page(evaluation: Evaluation) -> str:
    """Return one HTML page that needs nothing beside it: no script, no request, readable in print and in the dark."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        per_cent=per_cent,
        interval=interval_words,
        target=target_words,
        value=value_words,
        met=met_words,
        causes=causes,
        drawn=drawn,
    )
    return environment.get_template("report.html").render(evaluation=evaluation, unmet=unmet(evaluation))
