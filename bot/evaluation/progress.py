"""Shows how far an evaluation has come: a bar on a terminal, a line a set elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Item = TypeVar("Item")


class Watch(Protocol):
    """Sees every row that is worked on."""

    def each(self, title: str, items: Sequence[Item]) -> Iterator[Item]:
        """Yield the items, one after the other, under this title."""
        ...


class SilentWatch:
    """Shows nothing."""

    def each(self, title: str, items: Sequence[Item]) -> Iterator[Item]:
        """Yield the items."""
        yield from items


class ShownWatch:
    """Shows the set that is worked on."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def each(self, title: str, items: Sequence[Item]) -> Iterator[Item]:
        """Yield the items; a bar moves, or one line says what begins."""
        if not self._console.is_terminal:
            self._console.print(f"{title}: {len(items)} rows", highlight=False, markup=False)
            yield from items
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as shown:
            yield from shown.track(items, description=title)
