"""What is shown of an evaluation, and what never is."""

from __future__ import annotations

import io
import json
import sys
import warnings
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from bot.errors import StartError
from bot.evaluation.measure import (
    Finding,
    Measure,
    Plot,
    Quantity,
    Section,
    SuiteReport,
    Table,
    alarms,
    at_least,
    at_most,
    recall,
)
from bot.evaluation.progress import ShownWatch
from bot.evaluation.report import Evaluation, as_json, as_page, causes, drawn, show, unmet
from tests.unit.evaluation.sets import CANARY, write_all_sets


@pytest.fixture
def evaluation() -> Evaluation:
    seen = recall("chest: seen", [Finding("l<1>", False, "no rule fired"), Finding("l2", True, "")], at_least(0.98))
    false = alarms("plain: alarm", [Finding("q1", False, "")], at_most(0.03))
    section = Section(
        "What must be seen",
        (seen, false, Measure("absent", 0, 0, at_least(0.5))),
        (Quantity("p99", 7.25, "ms", at_most(5)), Quantity("p50", None, "ms")),
        note="A hit is & means a hit.",
    )
    report = SuiteReport("screening", "Safety card", (section,), 1.25, absent=("clinc150",))
    return Evaluation(datetime(2026, 11, 24, 12, 30, tzinfo=UTC), 30, (report,))


@pytest.fixture
def bedside() -> click.Command:
    """The command; typer, loaded here for the first time, uses names that this click calls outdated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from bot import cli
    return cli.bedside


def shown(evaluation: Evaluation, *, with_misses: bool = False) -> str:
    paper = io.StringIO()
    show(evaluation, Console(file=paper, width=160), with_misses=with_misses)
    return paper.getvalue()


def test_the_terminal_shows_each_share_with_interval_and_target(evaluation: Evaluation) -> None:
    """Share, interval, target, met; the set that was absent; what misses its target at the end."""
    text = shown(evaluation)
    for words in ("50.0 %", "9.5 to 90.5", "≥ 98 %", "NO", "7.25 ms", "≤ 5 ms", "clinc150 is not in the folder"):
        assert words in text
    assert "2 figures miss their target." in text
    assert "no rule fired" not in text
    assert "chest: seen · no rule fired (1): l<1>" in shown(evaluation, with_misses=True)


def test_the_json_holds_everything_that_was_measured(evaluation: Evaluation) -> None:
    """Counts, rate, interval, target, met and misses by id, ready for another program."""
    data = json.loads(json.dumps(as_json(evaluation)))
    assert data["made_at"] == "2026-11-24T12:30:00+00:00"
    assert data["sample"] == 30
    section = data["suites"][0]["sections"][0]
    assert section["measures"][0] == {
        "name": "chest: seen",
        "n": 2,
        "hits": 1,
        "rate": 0.5,
        "interval": [0.0945, 0.9055],
        "target": {"side": "at least", "bound": 0.98},
        "met": False,
        "misses": [{"id": "l<1>", "cause": "no rule fired"}],
    }
    assert section["measures"][2]["rate"] is None
    assert section["quantities"][0]["met"] is False
    assert section["quantities"][1]["value"] is None


class Page(HTMLParser):
    """Collects what a page loads and the tags it is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]


def test_the_page_needs_nothing_beside_it(evaluation: Evaluation) -> None:
    """No script, no request; its only links lead inside it; ids are escaped."""
    html = as_page(evaluation)
    page = Page()
    page.feed(html)
    assert "script" not in page.tags
    assert {"table", "details", "svg", "style"} <= page.tags
    assert page.loads
    assert all(link.startswith("#") for link in page.loads)
    assert "url(" not in html
    assert "l&lt;1&gt;" in html
    assert '<td class="no">NO</td>' in html
    assert "Targets that are missed: 2" in html


def test_causes_come_with_the_commonest_first() -> None:
    """Rows of one cause stand together."""
    findings = [Finding("1", False, "a"), Finding("2", False, "b"), Finding("3", False, "b")]
    assert causes(recall("x", findings).misses) == [("b", ["2", "3"]), ("a", ["1"])]


def test_figures_without_a_value_miss_nothing() -> None:
    """An absent set is not a failure of the bot."""
    section = Section("s", (Measure("m", 0, 0, at_least(1)),), (Quantity("q", None, "ms", at_most(1)),))
    assert unmet(Evaluation(datetime.now(UTC), None, (SuiteReport("s", "s", (section,), 0.0),))) == []


def test_progress_is_a_line_a_set_where_no_terminal_is() -> None:
    """A log gets one line for each set, a terminal a bar that goes away."""
    for is_terminal in (False, True):
        paper = io.StringIO()
        watch = ShownWatch(Console(file=paper, width=80, force_terminal=is_terminal))
        assert list(watch.each("birds", ["wren", "owl"])) == ["wren", "owl"]
        assert ("birds: 2 rows\n" in paper.getvalue()) is not is_terminal


def test_the_command_writes_both_files_and_none_of_the_words(bedside: click.Command, tmp_path: Path) -> None:
    """The terminal and both files hold ids and numbers; no word of a message is in any of them."""
    write_all_sets(tmp_path / "sets")
    files = [tmp_path / "figures.json", tmp_path / "page.html"]
    for suite in ("safety", "redaction", "language"):
        arguments = ["evaluate", suite, "--data", str(tmp_path / "sets"), "--misses"]
        done = CliRunner().invoke(bedside, [*arguments, "--json", str(files[0]), "--html", str(files[1])])
        assert done.exit_code == 0, done.output
        assert "figures miss their target" in done.stdout
        for text in (done.output, *(file.read_text(encoding="utf-8") for file in files)):
            assert CANARY not in text
            assert "chest pain" not in text
    assert json.loads(files[0].read_text(encoding="utf-8"))["suites"][0]["suite"] == "language"


def test_what_cannot_be_done_is_said_before_the_work(
    bedside: click.Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such data, no such suite, nowhere to write: one sentence each, before anything runs."""
    monkeypatch.setenv("BEDSIDE_EVALUATION_DATA", str(tmp_path / "nowhere"))
    assert "evaluation data is not at" in refused(bedside, "evaluate")
    monkeypatch.setenv("BEDSIDE_EVALUATION_DATA", str(tmp_path))
    assert "no suite weather" in refused(bedside, "evaluate", "weather")
    assert "is not a folder" in refused(bedside, "evaluate", "language", "--json", str(tmp_path / "no" / "file.json"))
    assert "cannot be written" in refused(bedside, "evaluate", "language", "--html", str(tmp_path))


def refused(bedside: click.Command, *arguments: str) -> str:
    done = CliRunner().invoke(bedside, list(arguments))
    assert isinstance(done.exception, StartError)
    return str(done.exception)


@pytest.mark.usefixtures("bedside")
def test_the_exit_code_is_2_without_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator who has no data reads one clear sentence."""
    from bot.cli import main

    monkeypatch.setattr(sys, "argv", ["bedside", "evaluate", "--data", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_table_of_words_stands_in_every_report() -> None:
    """The hazard log is no figure; it is printed, written as JSON and shown on the page, with its signs as text."""
    section = Section("Hazard log", table=Table(("hazard", "state"), (("case [lost]", "<in place>"),)))
    evaluation = Evaluation(datetime.now(UTC), None, (SuiteReport("safety", "Safety card", (section,), 1.0),))
    console = Console(width=100, record=True, file=io.StringIO())
    show(evaluation, console)
    assert "case [lost]" in console.export_text()
    written = as_json(evaluation)["suites"][0]["sections"][0]["table"]
    assert written == {"headers": ["hazard", "state"], "rows": [["case [lost]", "<in place>"]]}
    assert "&lt;in place&gt;" in as_page(evaluation)


def test_a_plot_is_drawn_without_a_script_and_says_its_numbers_in_words() -> None:
    """Counts fill the whole width, times are as long as they lasted; a row with nothing is left out."""
    shares = Plot("Outcomes", ("answered", "abstained"), (("k-qa", (3.0, 1.0)), ("empty", (0.0, 0.0))))
    times = Plot("Times", ("retrieve", "review"), (("fast", (10.0, 10.0)), ("slow", (30.0, 10.0))), "ms")
    ((label, bar),) = drawn(shares)
    assert (label, [(part.left, part.width, part.says) for part in bar]) == (
        "k-qa", [(0.0, 75.0, "75.0 %"), (75.0, 25.0, "25.0 %")],
    )  # fmt: skip
    assert [sum(part.width for part in bar) for _, bar in drawn(times)] == [50.0, 100.0]
    section = Section("Both", plots=(shares, times))
    evaluation = Evaluation(datetime(2026, 1, 1, tzinfo=UTC), None, (SuiteReport("s", "S", (section,), 1.0),))
    page = as_page(evaluation)
    assert "k-qa: answered 75.0 %, abstained 25.0 %" in page
    assert "<script" not in page
    assert as_json(evaluation)["suites"][0]["sections"][0]["plots"][1]["rows"][0] == {
        "label": "fast", "values": [10.0, 10.0],
    }  # fmt: skip
