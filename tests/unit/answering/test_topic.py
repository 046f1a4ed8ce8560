"""A topic file is read strictly: what bends the format stops the start, with the line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from actions.answering.topic import load_topics, read_topic
from careguard.errors import DataFileError

from .conftest import FRONT, HIGH_BLOOD_PRESSURE, ROOT, SUNBURN, write_topic


def test_every_bullet_is_a_passage_with_its_source_and_its_place(tmp_path: Path) -> None:
    path = write_topic(tmp_path, "en", "sunburn", "Sunburn", "sun burn", SUNBURN)
    topic = read_topic(path, "en")
    passage = topic.section("what_it_is")[1]
    assert (passage.id, passage.text) == ("sunburn/what_it_is/2", "Sunburn is not contagious.")
    assert passage.source_url == "https://example.org/sunburn"
    assert passage.reviewed_on is None
    assert passage.number == 2


def test_a_placeholder_is_filled_and_anything_else_left_alone(tmp_path: Path) -> None:
    topic = read_topic(write_topic(tmp_path, "en", "sunburn", "Sunburn", "sun burn", SUNBURN), "en")
    (now,) = topic.section("get_help_now")
    assert now.filled({"emergency_number": "999"}).text == "Call 999 if sunburn comes with fainting or confusion."
    assert now.filled({}).text == now.text


def test_a_bullet_may_run_over_two_lines(tmp_path: Path) -> None:
    body = SUNBURN.replace("- Sunburn is not contagious. [1]", "- Sunburn is not\n  contagious. [1]")
    topic = read_topic(write_topic(tmp_path, "en", "sunburn", "Sunburn", "sun burn", body), "en")
    assert topic.section("what_it_is")[1].text == "Sunburn is not contagious."


BROKEN: dict[str, tuple[Callable[[str], str], str, int | None]] = {
    "no front matter": (lambda t: t.removeprefix("---\n"), "must begin with a line of three dashes", 1),
    "front matter never closed": (lambda t: t.replace("related: []\n---", "related: []"), "never closed", 1),
    "key missing": (lambda t: t.replace("related: []\n", ""), "lacks: related", 2),
    "unknown key": (lambda t: t.replace("related: []", "related: []\ncolour: red"), "'colour' is not a key", 12),
    "id unlike the file's name": (lambda t: t.replace("id: sunburn", "id: moonburn"), "must equal the file's name", 2),
    "unknown audience": (lambda t: t.replace("[adult]", "[martian]"), "'martian' is no audience", 5),
    "no source": (lambda t: t.replace("sources:\n  - {", "sources: []\nold:\n  - {"), "is not a key", 7),
    "a source without https": (lambda t: t.replace("https://example.org", "http://example.org"), "https://", 6),
    "a word for a date": (lambda t: t.replace("written_on: 2026-11-24", "written_on: soon"), "must be a date", 8),
    "reviewed by nobody knows when": (
        lambda t: t.replace("reviewed_by: null", "reviewed_by: 'RN, AB'"), "needs both", 9,
    ),
    "unknown section": (lambda t: t.replace("{#what_it_is}", "{#what_is_it}"), "is no section", 16),
    "heading without anchor": (lambda t: t.replace(" {#what_it_is}", ""), "must look like", 16),
    "section twice": (lambda t: t.replace("{#what_it_is}", "{#in_short}"), "a second time", 16),
    "section missing": (lambda t: t.replace("## Questions to ask {#questions_to_ask}\n", ""), "is missing", None),
    "section without bullet": (
        lambda t: t.replace("- Doctors may treat bad sunburn with a cream. [1]\n", ""), "has no bullet", None,
    ),
    "text outside a bullet": (lambda t: t.replace("- Sunburn is not", "\nSunburn is not"), "must be a bullet", None),
    "no source number": (lambda t: t.replace("contagious. [1]", "contagious."), "number of its source", 18),
    "source number too high": (lambda t: t.replace("contagious. [1]", "contagious. [7]"), "no source [7]", 18),
    "a link": (lambda t: t.replace("not contagious", "[not](https://x.org) contagious"), "plain words", 18),
    "an unknown placeholder": (lambda t: t.replace("not contagious", "{dose}"), "{dose} is not a placeholder", 18),
    "a table of its own": (lambda t: t + "\n```\ncode\n```\n", "only headings and bullets", None),
    "a bullet in a bullet": (
        lambda t: t.replace("- Sunburn is not", "- One. [1]\n  - Sunburn is not"), "inside a", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_bent_file_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    bend, problem, line = BROKEN[name]
    path = tmp_path / "sunburn.md"
    text = FRONT.format(id="sunburn", title="Sunburn", synonyms="sun burn") + SUNBURN
    bent = bend(text)
    assert bent != text
    path.write_text(bent, encoding="utf-8")
    with pytest.raises(DataFileError) as refused:
        read_topic(path, "en")
    assert problem in str(refused.value)
    if line is not None:
        assert refused.value.line == line


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sunburn.md"
    path.write_bytes(b"---\nid: \xff\n---\n")
    with pytest.raises(DataFileError, match="UTF-8"):
        read_topic(path, "en")


def test_a_language_without_topics_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="missing"):
        load_topics(tmp_path, ["en"])


def test_every_shipped_topic_is_read_and_stands_in_every_language() -> None:
    topics = load_topics(ROOT / "locales", ["en", "es"])
    english = {topic.id for topic in topics if topic.language == "en"}
    assert english == {topic.id for topic in topics if topic.language == "es"}
    assert len(english) >= 30
    assert HIGH_BLOOD_PRESSURE  # the fixture stays apart from the shipped topic of the same name
