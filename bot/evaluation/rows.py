"""Reads the labelled sets: folders of JSON lines, named as their authors named them.

Nothing of them is ever written anywhere. A set that is absent is noted and left out; a folder that is absent stops.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.errors import StartError
from bot.settings import REPOSITORY

DATA_VARIABLE = "BEDSIDE_EVALUATION_DATA"
DEFAULT_FOLDER = REPOSITORY.parent / "shared" / "data"
SEED = 20240601
_ENDINGS = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a set."""

    id: str
    fields: dict[str, Any] = field(repr=False)

    def text(self, *names: str) -> str:
        """Return the first of the fields that holds words; empty when none does."""
        for name in names:
            value = self.fields.get(name)
            if isinstance(value, str) and value.strip():
                return value
        return ""

    def __getitem__(self, name: str) -> Any:
        return self.fields.get(name)


class EvaluationRows:
    """The sets of one folder, or none; with `sample`, at most so many rows of each, always the same ones."""

    def __init__(self, folder: Path | None, sample: int | None = None) -> None:
        if folder is not None and not folder.is_dir():
            raise StartError(f"The evaluation data is not at {folder}: name its folder with --data or {DATA_VARIABLE}.")
        self._folder = folder
        self._sample = sample
        self._absent: list[str] = []

    def read(
        self, set_name: str, stem: str, keep: Callable[[Row], object] = lambda row: True, *, at_most: int | None = None
    ) -> list[Row]:
        """Return the rows of every file of this stem in the set's folder that `keep` holds for; none when it is absent.

        Raises:
            StartError: A file cannot be read as JSON lines.
        """
        found = [] if self._folder is None else (self._folder / set_name).glob(f"{stem}.*")
        files = sorted(path for path in found if path.name.endswith(_ENDINGS))
        if not files and set_name not in self._absent:
            self._absent.append(set_name)
        rows = [row for path in files for row in _read_file(path) if keep(row)]
        bounds = [bound for bound in (self._sample, at_most) if bound is not None]
        return _sampled(rows, f"{set_name}/{stem}", min(bounds, default=len(rows)))

    def take_absent(self) -> tuple[str, ...]:
        """Return the sets that were asked for in vain since the last call."""
        absent, self._absent = tuple(self._absent), []
        return absent


def _sampled(rows: list[Row], name: str, at_most: int) -> list[Row]:
    """Return at most so many of the rows, in their order, the same ones every time."""
    if len(rows) <= at_most:
        return rows
    draw = random.Random(f"{SEED}:{name}")  # noqa: S311 - a sample that must be the same every time
    return [rows[index] for index in sorted(draw.sample(range(len(rows)), at_most))]


def _read_file(path: Path) -> list[Row]:
    rows: list[Row] = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    rows.append(_read_line(json.loads(line), path, number))
    except (OSError, ValueError, TypeError) as error:
        raise StartError(
            f"{path} cannot be read as JSON lines ({type(error).__name__}): restore the file, or move it away."
        ) from None
    return rows


def _read_line(read: Any, path: Path, number: int) -> Row:
    if not isinstance(read, dict):
        raise TypeError
    given = read.get("id")
    if given is None:
        return Row(f"{path.name.partition('.')[0]}-{number}", read)
    collection = read.get("collection")
    return Row(f"{collection}:{given}" if collection else str(given), read)


def without_repeats(rows: Sequence[Row], *fields: str) -> list[Row]:
    """Return the rows whose text has not come before, whatever its case and spaces."""
    seen: set[str] = set()
    kept = []
    for row in rows:
        key = " ".join(row.text(*fields).casefold().split())
        if key and key not in seen:
            seen.add(key)
            kept.append(row)
    return kept
