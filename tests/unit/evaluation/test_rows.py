"""How labelled sets are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import StartError
from bot.evaluation.rows import EvaluationRows, Row, without_repeats
from tests.unit.evaluation.sets import write_packed_set, write_set


def test_a_folder_that_is_absent_is_said_in_one_sentence(tmp_path: Path) -> None:
    """The sentence names the folder and both ways of naming another."""
    with pytest.raises(StartError, match=r"^The evaluation data is not at .*nowhere: name its folder with --data or"):
        EvaluationRows(tmp_path / "nowhere")


def test_every_part_of_a_set_is_read_in_order_plain_or_packed(tmp_path: Path) -> None:
    """Halves lie in files of their own; a row without an id is known by its file and line.

    One of several collections is known by its collection and id.
    """
    write_set(tmp_path, "birds", "birds", [{"id": 7, "text": "wren"}, {"text": "owl"}])
    write_set(tmp_path, "birds", "birds", [{"id": "h", "text": "jay"}], part="heldout")
    write_set(tmp_path, "birds", "birdsong", [{"id": "other"}])
    write_packed_set(tmp_path, "fish", "fish", [{"id": "cod"}, {"id": "1", "collection": "sea"}])
    rows = EvaluationRows(tmp_path)
    assert [row.id for row in rows.read("birds", "birds")] == ["7", "birds-2", "h"]
    assert [row.id for row in rows.read("fish", "fish")] == ["cod", "sea:1"]
    assert rows.take_absent() == ()


def test_a_set_that_is_absent_is_noted_once(tmp_path: Path) -> None:
    """The report says which sets it is without."""
    rows = EvaluationRows(tmp_path)
    assert rows.read("birds", "birds") == []
    assert rows.read("birds", "birds") == []
    assert rows.take_absent() == ("birds",)
    assert rows.take_absent() == ()


def test_a_sample_is_drawn_after_choosing_and_is_always_the_same(tmp_path: Path) -> None:
    """Ten of the even rows means ten, in their order, also on another day."""
    write_set(tmp_path, "n", "n", [{"id": str(number), "number": number} for number in range(100)])
    drawn = [EvaluationRows(tmp_path, 10).read("n", "n", lambda row: row["number"] % 2 == 0) for _ in range(2)]
    assert len(drawn[0]) == 10
    assert drawn[0] == drawn[1]
    assert [row["number"] for row in drawn[0]] == sorted(row["number"] for row in drawn[0])
    assert len(EvaluationRows(tmp_path, 10).read("n", "n", at_most=3)) == 3
    assert len(EvaluationRows(tmp_path).read("n", "n")) == 100


@pytest.mark.parametrize("line", ["not json", "[1]"])
def test_a_broken_file_is_named_without_its_words(tmp_path: Path, line: str) -> None:
    """The sentence names the file and never a text."""
    (tmp_path / "n").mkdir()
    (tmp_path / "n" / "n.dev.jsonl").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(StartError, match=r"n\.dev\.jsonl cannot be read as JSON lines") as raised:
        EvaluationRows(tmp_path).read("n", "n")
    assert line not in str(raised.value)


def test_the_same_question_counts_once(tmp_path: Path) -> None:
    """Case and spaces make no other question; an empty one is none."""
    write_set(tmp_path, "n", "n", [{"text": "What is  flu?"}, {"text": "what is flu?"}, {"text": " "}, {"text": "x"}])
    assert [row.id for row in without_repeats(EvaluationRows(tmp_path).read("n", "n"), "text")] == ["n-1", "n-4"]


def test_a_row_shows_none_of_its_words() -> None:
    """What ends up in a log by accident holds an id only."""
    assert "secret" not in repr(Row("7", {"text": "secret"}))
