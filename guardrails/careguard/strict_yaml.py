"""Reads the YAML that clinicians and translators write, and refuses what YAML would silently bend.

The rules of YAML 1.2 hold (``no`` is a word, not False; 010 is ten), a key given twice is an error, and every error
names file and line. libyaml does the reading: the rulebook alone is ten thousand lines, read at every start.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from careguard.errors import DataFileError

PLAIN_WORDS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": (r"~|null|Null|NULL|", ("~", "n", "N", "")),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    "timestamp": (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "0123456789"),
}
"""What a word without quotes means, and the characters it can begin with; everything else is text.

Source: YAML 1.2.2, section 10.3.2 (core schema); dates besides, which our files need.
"""


class _StrictLoader(yaml.CSafeLoader):
    """libyaml with the core schema of YAML 1.2 instead of the words of YAML 1.1, and no key twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as the parent names it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            self._refuse_key_given_twice(node)
        return mapping

    def _refuse_key_given_twice(self, node: yaml.MappingNode) -> None:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'the key "{key}" is given twice', key_node.start_mark
                )
            seen.add(key)


def _whole_number(loader: _StrictLoader, node: yaml.ScalarNode) -> int:
    written = loader.construct_scalar(node)
    return int(written, 0) if written[:2] in {"0o", "0x"} else int(written)


_StrictLoader.add_constructor("tag:yaml.org,2002:int", _whole_number)
for _meaning, (_form, _beginnings) in PLAIN_WORDS.items():
    _StrictLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_meaning}", re.compile(rf"(?:{_form})\Z"), list(_beginnings)
    )


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
    try:
        loaded = yaml.load(text, _StrictLoader)  # noqa: S506 - built on the safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + first_line if mark is not None else None
        raise DataFileError(
            path, f"this is not valid YAML: {error.problem or error.context}; correct it", line=line
        ) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that no calendar has
        raise DataFileError(path, f"this is not valid YAML: {type(error).__name__}; correct it") from None
    if loaded is None:
        raise DataFileError(path, "the file is empty; fill it or remove it")
    return loaded
