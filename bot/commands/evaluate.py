"""`bedside evaluate`: the evaluation report, measured through the same functions that patients reach."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.errors import StartError
from bot.evaluation.progress import ShownWatch
from bot.evaluation.report import Evaluation, as_json, as_page, show
from bot.evaluation.rows import DATA_VARIABLE, DEFAULT_FOLDER, EvaluationRows
from bot.evaluation.suites import ALIASES, ALL, CARD, SUITES, run_suite, suite_names
from bot.settings import StackSettings, load_settings

_NARROWEST = 110
"""Columns of the tables where no terminal says how wide it is."""

SuiteName = Annotated[str, typer.Argument(help=f"{', '.join((*SUITES, *ALIASES))}, or {ALL}.")]
DataPath = Annotated[Path, typer.Option("--data", envvar=DATA_VARIABLE, help="The folder with the labelled sets.")]
SampleSize = Annotated[
    int | None, typer.Option("--sample", min=1, help="At most so many rows of each set, always the same ones.")
]
JsonPath = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]
PagePath = Annotated[Path | None, typer.Option("--html", help="Write the report to this file, as one page.")]
WithMisses = Annotated[bool, typer.Option("--misses", help="Also print the causes of misses with their row ids.")]


def evaluate(
    suite: SuiteName = ALL,
    data: DataPath = DEFAULT_FOLDER,
    sample: SampleSize = None,
    json_file: JsonPath = None,
    html_file: PagePath = None,
    misses: WithMisses = False,
) -> None:
    """Print the evaluation report; files get numbers and row ids, never a text of the sets.

    The safety card is also written where nothing says otherwise: as a page and as JSON, into the data folder.
    """
    names = suite_names(suite)
    if not names:
        raise StartError(f"There is no suite {suite}: name one of {', '.join((*SUITES, *ALIASES, ALL))}.")
    rows = EvaluationRows(data if any(SUITES[name].reads_sets for name in names) else None, sample)
    for path in (json_file, html_file):
        _check_writable(path)
    if names == (CARD,) and json_file is None and html_file is None:
        json_file, html_file = _places_of_the_card()
    watch = ShownWatch(Console(stderr=True))
    evaluation = Evaluation(datetime.now(UTC), sample, tuple(run_suite(name, rows, watch) for name in names))
    show(evaluation, _paper(), with_misses=misses)
    if json_file is not None:
        _write(json_file, json.dumps(as_json(evaluation), ensure_ascii=False, indent=1) + "\n")
    if html_file is not None:
        _write(html_file, as_page(evaluation))


def _places_of_the_card() -> tuple[Path, Path]:
    folder = load_settings(StackSettings).data_dir / "reports"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"{folder} cannot be made ({error.strerror}): name files with --json and --html.") from None
    return folder / "safety.json", folder / "safety.html"


def _paper() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=max(_NARROWEST, console.width))


def _check_writable(path: Path | None) -> None:
    """Say before the work, not after it, that its report has nowhere to go."""
    if path is not None and not path.absolute().parent.is_dir():
        raise StartError(f"{path} cannot be written: {path.absolute().parent} is not a folder; name another file.")


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
        typer.echo(f"Written: {path}", err=True)
    except OSError as error:
        raise StartError(f"{path} cannot be written ({error.strerror}): name another file.") from None
