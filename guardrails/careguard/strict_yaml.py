"""Reads the YAML that clinicians and translators write, and refuses what YAML would silently bend.

YAML 1.2 rules hold (``no`` is a word, not False), a key given twice is an error, and every error names file and line.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from careguard.errors import DataFileError


def read_yaml(path: Path) -> Any:
    """Return the plain Python data of one YAML file.

    Raises:
        DataFileError: The file is missing, not UTF-8, not YAML, or empty.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataFileError(path, "the file is missing; restore it or remove what refers to it") from None
    except UnicodeDecodeError as error:
        raise DataFileError(path, f"byte {error.start} is not UTF-8; save the file as UTF-8") from None
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path, *, first_line: int = 1) -> Any:
    """Return the plain Python data of YAML text that stands in `path` from `first_line` on.

    Raises:
        DataFileError: The text is not YAML, or empty.
    """
    reader = YAML(typ="safe", pure=True)
    reader.allow_duplicate_keys = False
    try:
        loaded = reader.load(io.StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + first_line if mark is not None else None
        raise DataFileError(path, f"this is not valid YAML: {error.problem or error.context}", line=line) from None
    except YAMLError as error:
        raise DataFileError(path, f"this is not valid YAML: {type(error).__name__}") from None
    if loaded is None:
        raise DataFileError(path, "the file is empty; fill it or remove it")
    return loaded
