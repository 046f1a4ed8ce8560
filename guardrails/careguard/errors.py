"""The errors of careguard.

CareguardError
├── DataFileError          a rule, locale or content file is wrong; names file, line and remedy
└── EmbedderUnavailable    the embedding model cannot be loaded
"""

from __future__ import annotations

from pathlib import Path


class CareguardError(Exception):
    """Base of every error that careguard raises."""


class DataFileError(CareguardError):
    """A file that a clinician or translator owns is wrong; the start must stop.

    The message is one sentence with the file, the line where it is known, what is wrong and how to mend it.
    """

    def __init__(self, path: Path, problem: str, *, line: int | None = None) -> None:
        self.path = path
        self.line = line
        self.problem = problem
        place = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{place}: {problem}")


class EmbedderUnavailable(CareguardError):  # noqa: N818  (reads as a state)
    """The embedding model cannot be loaded; the message says what to do."""
