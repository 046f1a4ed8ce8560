"""What clinicians write in YAML means what it says."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from careguard.errors import DataFileError
from careguard.strict_yaml import parse_yaml, read_yaml

FILE = Path("rules.yaml")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"),
        ("off", "off"),
        ("Yes", "Yes"),
        ("true", True),
        ("010", 10),
        ("-3", -3),
        ("0x1f", 31),
        ("3_000", "3_000"),
        ("1:30", "1:30"),
        ("39.5", 39.5),
        ("1e3", 1000.0),
        ("~", None),
        ("911", 911),
        ('"911"', "911"),
        ("2026-11-24", datetime.date(2026, 11, 24)),
        ("<<", "<<"),
        ("=", "="),
    ],
)
def test_a_word_means_what_yaml_1_2_says(written: str, meant: Any) -> None:
    """`no` is Spanish and English before it is False."""
    read = parse_yaml(f"value: {written}\n", FILE)["value"]
    assert read == meant
    assert type(read) is type(meant)


def test_a_key_given_twice_is_refused_with_its_line() -> None:
    """The second would silently replace the first: a rule would be lost."""
    with pytest.raises(DataFileError, match='the key "stroke" is given twice') as refused:
        parse_yaml("rules:\n  stroke: 1\n  seizure: 2\n  stroke: 3\n", FILE)
    assert refused.value.line == 4


def test_an_error_names_the_line_in_the_file_it_stands_in() -> None:
    """Front matter begins further down."""
    with pytest.raises(DataFileError, match="not valid YAML") as refused:
        parse_yaml("title: [unclosed\n", FILE, first_line=10)
    assert refused.value.line == 11


@pytest.mark.parametrize("text", ["", "# a remark only\n"])
def test_an_empty_file_is_refused(text: str) -> None:
    """Nothing is not a rulebook."""
    with pytest.raises(DataFileError, match="empty"):
        parse_yaml(text, FILE)


@pytest.mark.parametrize("text", ["at: 2026-02-31\n", "a: !!python/object:os.system {}\n", "a: \x00\n", "? [a]\n: 1\n"])
def test_what_is_no_plain_data_is_refused(text: str) -> None:
    """A date that no calendar has, an object, a null byte, a list for a key."""
    with pytest.raises(DataFileError, match="not valid YAML"):
        parse_yaml(text, FILE)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    """With the remedy."""
    with pytest.raises(DataFileError, match="missing"):
        read_yaml(tmp_path / "absent.yaml")
    broken = tmp_path / "latin.yaml"
    broken.write_bytes("palabra: dolor agudo \xe9".encode("latin-1"))
    with pytest.raises(DataFileError, match="UTF-8"):
        read_yaml(broken)
