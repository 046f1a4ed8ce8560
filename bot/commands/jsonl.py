"""Files of JSON lines: one object in, one out with the same id, in the same order.

A line that cannot be read or worked on becomes an object with `error` in its place; the others are not touched by it.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TextIO

import typer

from actions.errors import ActionsError
from bot.errors import BedsideError, StartError
from careguard.errors import CareguardError

Work = Callable[[dict[str, Any]], dict[str, Any]]

STANDARD = Path("-")

InputFile = Annotated[Path, typer.Option("--input", "-i", help="JSON lines to read; - is standard input.")]
OutputFile = Annotated[Path, typer.Option("--output", "-o", help="JSON lines to write; - is standard output.")]


class BadLineError(ValueError):
    """A line is not what it must be; the message is the `error` of its output."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line with a text: what `screen`, `answer`, `redact` and `language` read."""

    id: Any
    text: str
    language: str | None


def read_text_line(line: dict[str, Any]) -> TextLine:
    """Return the line's text and language.

    Raises:
        BadLineError: `text` is missing or not a text, or `language` is not one.
    """
    text, language = line.get("text"), line.get("language")
    if not isinstance(text, str):
        raise BadLineError('"text" is missing or is not a text')
    if language is not None and not isinstance(language, str):
        raise BadLineError('"language" is not a text')
    return TextLine(line["id"], text, language)


def work_on_lines(source: Path, target: Path, work: Work, *, at_once: int = 1) -> None:
    """Write one object for each line of `source`, in their order, each as soon as it and those before it are made.

    Args:
        source: The lines to read.
        target: Where to write.
        work: Makes the output of one line; must bear being called from several threads when `at_once` is above 1.
        at_once: How many lines may be worked on at the same time.

    Raises:
        StartError: a file cannot be opened.
        typer.Exit: with code 1 after the last line, when a line was wrong.
    """
    wrong = 0
    with ExitStack() as files:
        lines, output = _open(source, target, files)
        for made in _all_made(lines, work, at_once):
            wrong += "error" in made
            output.write(json.dumps(made, ensure_ascii=False) + "\n")
            output.flush()
    if wrong:
        typer.echo(f'{wrong} of the lines could not be worked on: look for "error" in the output.', err=True)
        raise typer.Exit(1)


def _open(source: Path, target: Path, files: ExitStack) -> tuple[BinaryIO, TextIO]:
    try:
        lines = sys.stdin.buffer if source == STANDARD else files.enter_context(source.open("rb"))
        output = sys.stdout if target == STANDARD else files.enter_context(target.open("w", encoding="utf-8"))
    except OSError as error:
        raise StartError(f"{error.filename} cannot be opened ({error.strerror}): name another file.") from None
    return lines, output


def _numbered(lines: BinaryIO) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line


def _all_made(lines: BinaryIO, work: Work, at_once: int) -> Iterator[dict[str, Any]]:
    if at_once == 1:
        yield from (_made(number, line, work) for number, line in _numbered(lines))
        return
    with ThreadPoolExecutor(at_once) as threads:
        begun: deque[Future[dict[str, Any]]] = deque()
        for number, line in _numbered(lines):
            begun.append(threads.submit(_made, number, line, work))
            if len(begun) > at_once:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def _made(number: int, line: bytes, work: Work) -> dict[str, Any]:
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        return {"id": None, "error": f"line {number} is not JSON"}
    if not isinstance(read, dict):
        return {"id": None, "error": f"line {number} is not a JSON object"}
    if "id" not in read:
        return {"id": None, "error": f'line {number} has no "id"'}
    try:
        return {"id": read["id"], **work(read)}
    except (
        BadLineError,
        BedsideError,
        ActionsError,
        CareguardError,
    ) as error:  # their messages hold no patient's words
        return {"id": read["id"], "error": str(error)}
    except Exception as error:  # one line must not stop the others; its words stay out of the message
        return {"id": read["id"], "error": f"it could not be worked on ({type(error).__name__})"}
