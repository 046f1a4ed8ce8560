"""`bedside knowledge import` and `remove`: a clinic's own leaflets and public health topics become knowledge.

Beside the line. What was taken, split and refused is told file by file; a running stack takes the new index up itself.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from actions.answering.embed import Embedder, PackagedEmbedder
from actions.answering.importing.collection import ContentFolder
from actions.answering.importing.errors import ContentError
from actions.answering.importing.guard import Guard
from actions.answering.importing.published import ImportedVectors, Publishing, as_object, imported_texts, publish
from actions.answering.importing.take_in import NO_LICENCE, FileReport, ImportReport, Options, Outcome, take_in
from actions.answering.question import read_question_words
from bot.embed_together import EmbeddersTogether
from bot.errors import StartError
from bot.settings import StackSettings, load_settings
from careguard.review_words import load_review_policy
from careguard.rulebook import load_rulebook

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended."""
_FEW_PASSAGES = 64
"""Passages that one embedder has done before several have started."""
_NARROWEST = 110
_STEPS_TOLD = 10
_TITLE_WIDTH = 40

SourcePath = Annotated[
    Path,
    typer.Argument(
        help="MedlinePlus XML, .jsonl or .jsonl.gz; a Markdown, HTML, PDF, DOCX or CSV file; or a folder of these.",
        metavar="PATH",
    ),
]
PublisherOption = Annotated[str | None, typer.Option("--publisher", help="Who is cited for it, such as your clinic.")]
LicenceOption = Annotated[str | None, typer.Option("--licence", help="Under which licence it may be used.")]
LanguageOption = Annotated[str | None, typer.Option("--language", help="The language it is in, such as en.")]
AudienceOption = Annotated[
    list[str] | None,
    typer.Option("--audience", help="For whom: adult, child, pregnancy or older_adult; may be said several times."),
]
NameOption = Annotated[str | None, typer.Option("--name", help="The collection's name; without it, the path's own.")]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write the report to this file.")]


def import_content(
    path: SourcePath,
    publisher: PublisherOption = None,
    licence: LicenceOption = None,
    language: LanguageOption = None,
    audience: AudienceOption = None,
    name: NameOption = None,
    json_file: JsonOption = None,
) -> None:
    """Take content in, or take it in again: only what has changed is worked on.

    Exit code 0: everything was taken; 1: a file, a document or a hidden instruction was refused, the rest was taken;
    2: nothing was done.
    """
    settings = load_settings(StackSettings)
    _check_writable(json_file)
    if language is not None and language not in settings.languages:
        raise ContentError(
            f"{language} is none of the languages that answers are given in ({', '.join(settings.languages)}): add it"
            " to BEDSIDE_LANGUAGES first."
        )
    options = Options(name, publisher, licence, language, tuple(audience) if audience else None)
    console = Console(stderr=True)
    folder = ContentFolder(settings.data_dir)
    with folder.held():
        report = _take(path, options, folder, settings, console)
        _show(report, _paper())
        published = _publish(settings.data_dir, console)
    _say_published(published)
    if json_file is not None:
        data = report.as_json() | {"index": as_object(published)}
        json_file.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    raise typer.Exit(1 if report.is_refusal else 0)


def remove_content(
    name: Annotated[str, typer.Argument(help="The collection, as `bedside knowledge list` names it.")],
) -> None:
    """Remove a collection with its originals from the knowledge."""
    settings = load_settings(StackSettings)
    folder = ContentFolder(settings.data_dir)
    if name not in folder.names():
        known = ", ".join(folder.names()) or "none"
        raise ContentError(f"There is no collection {name}: there are {known}.")
    with folder.held():
        folder.remove(name)
        published = _publish(settings.data_dir, Console(stderr=True))
    _say_published(published)


def build_guard(settings: StackSettings) -> Guard:
    """Return what judges imported passages, by the rules as they are now.

    Raises:
        DataFileError: A rule or content file is wrong.
    """
    return Guard(
        load_rulebook(settings.guardrails, settings.locales, settings.languages),
        load_review_policy(settings.guardrails, settings.locales, settings.languages),
        settings.locales,
    )


def _take(
    path: Path, options: Options, folder: ContentFolder, settings: StackSettings, console: Console
) -> ImportReport:
    guard = build_guard(settings)
    asked = {tag: read_question_words(settings.locales, tag) for tag in settings.languages}
    with _Bar(console, "Reading") as bar:
        return take_in(path, options, folder, guard, asked, dt.datetime.now(dt.UTC).date(), bar.at)


def _publish(data_dir: Path, console: Console) -> Publishing:
    """Compute the vectors that are missing and put the new index in place; Ctrl-C keeps what is computed."""
    texts = imported_texts(data_dir)
    missing = len(ImportedVectors(ContentFolder(data_dir).path / "vectors", EmbeddersTogether.name).missing(texts))
    try:
        with _embedder(missing) as embedder, _Bar(console, "Embedding") as bar:
            return publish(data_dir, embedder, lambda done, total: bar.at("", done, total))
    except KeyboardInterrupt:
        typer.echo("Stopped. The passages embedded so far are kept: the same command goes on from there.", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextlib.contextmanager
def _embedder(missing: int) -> Iterator[Embedder]:
    if missing <= _FEW_PASSAGES:
        yield PackagedEmbedder()
        return
    with EmbeddersTogether() as together:
        yield together


class _Bar:
    """Shows how far a part of the work has come: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._told = -1
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(title, total=None)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def at(self, what: str, done: int, total: int) -> None:
        """Show that so much is done."""
        shown = f"{self._title} {what[-_TITLE_WIDTH:]}".strip()
        self._progress.update(self._task, completed=done, total=total, description=shown)
        step = _STEPS_TOLD * done // total if total else _STEPS_TOLD
        if not self._console.is_terminal and step > self._told:
            self._told = step
            self._console.print(f"{self._title}: {done} of {total}", highlight=False, markup=False)


def _paper() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=max(_NARROWEST, console.width))


def _show(report: ImportReport, console: Console) -> None:
    table = Table(title=f"Collection {report.collection}", title_justify="left")
    for column in ("file", "what became of it"):
        table.add_column(column, overflow="fold")
    for column in ("topics", "passages", "left out"):
        table.add_column(column, justify="right")
    table.add_column("why", overflow="fold")
    for file in report.files:
        left_out = len(file.refused_passages)
        table.add_row(
            file.file,
            _outcome(file),
            str(file.topics),
            str(file.passages),
            str(left_out),
            _why(file),
        )
    console.print(table, markup=False, highlight=False)
    for file in report.files:
        for title, refused in file.refused_passages:
            if refused.is_instruction:
                typer.echo(f"{file.file}, {title}: an instruction hidden in it was left out ({refused.rule}).")
    typer.echo(
        f"{report.topics} topics in {report.passages} passages from {report.publisher}; licence: {report.licence}."
        + (f" {report.removed} topics that the source no longer has are gone." if report.removed else "")
    )
    if report.publisher == report.collection:
        typer.echo(f"No publisher was named, so “{report.publisher}” is cited: name one with --publisher.")
    if report.licence == NO_LICENCE:
        typer.echo("No licence was named: say with --licence under which it may be used.")


def _outcome(file: FileReport) -> str:
    parts = [(file.new, "new"), (file.changed, "changed")]
    counted = ", ".join(f"{count} {word}" for count, word in parts if count)
    return f"{file.outcome.value}: {counted}" if counted and file.outcome is Outcome.TAKEN else file.outcome.value


def _why(file: FileReport) -> str:
    reasons = [file.problem] if file.problem else []
    if file.outcome is not Outcome.REFUSED:
        for problem, count in Counter(one.problem for one in file.refused_documents).most_common(3):
            first = next(one.key for one in file.refused_documents if one.problem == problem)
            reasons.append(f"{first}{f' and {count - 1} more' if count > 1 else ''}: {problem}")
    rules = Counter(refused.rule for _, refused in file.refused_passages)
    reasons += [f"{rule} {count}" for rule, count in rules.most_common()]
    for count, word in ((file.fragments, "no sentence"), (file.too_long, "too long")):
        if count:
            reasons.append(f"{word} {count}")
    return "; ".join(reasons)


def _say_published(published: Publishing) -> None:
    typer.echo(
        f"The index holds {published.topics} imported topics in {published.passages} passages;"
        f" {published.embedded} were embedded now. A running Bedside takes it up by itself."
    )


def _check_writable(path: Path | None) -> None:
    """Say before the work, not after it, that its report has nowhere to go."""
    if path is not None and not path.absolute().parent.is_dir():
        raise StartError(f"{path} cannot be written: {path.absolute().parent} is not a folder; name another file.")
