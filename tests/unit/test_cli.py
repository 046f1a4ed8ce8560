"""The `bedside` command: files of lines, errors as one sentence, and a help that is there at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from bot.cli import WORDS, bedside, read_word
from bot.commands.jsonl import BadLineError, read_text_line, work_on_lines
from bot.commands.language import language
from bot.commands.redact import redact
from bot.commands.screen import screen
from bot.commands.show import shown
from bot.errors import StartError


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command as an operator does, without settings of this machine."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BEDSIDE_")}
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", *arguments],
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def write_lines(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_help_names_every_word_and_reads_none_of_their_modules() -> None:
    """The help is there at once, because nothing heavy is imported for it."""
    code = (
        "import sys; from bot.cli import bedside\n"
        "bedside(['--help'], standalone_mode=False)\n"
        "heavy = {'redis', 'httpx', 'numpy', 'guardrails', 'torch', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for word, about in WORDS.items():
        assert word in done.stdout
        assert about.does.endswith(".")


@pytest.mark.parametrize("word", list(WORDS))
def test_every_word_can_be_read_and_has_a_help(word: str) -> None:
    """No word of the help leads nowhere."""
    assert read_word(word).get_help(typer.Context(read_word(word), info_name=word))


def test_the_words_of_the_contract_are_there() -> None:
    """Tools and people rely on these names."""
    contract = [
        "up",
        "chat",
        "ask",
        "screen",
        "answer",
        "redact",
        "language",
        "converse",
        "evaluate",
        "knowledge",
        "staff",
        "doctor",
    ]
    assert set(contract) <= set(bedside.list_commands(typer.Context(bedside)))


def test_a_wrong_setting_is_one_sentence_and_exit_code_2() -> None:
    """No traceback, only the variable and the remedy."""
    done = run("status", BEDSIDE_PORT="eighty")
    assert done.returncode == 2
    assert done.stderr.startswith("BEDSIDE_PORT is wrong")
    assert done.stderr.count("\n") == 1


def test_up_on_an_unwritable_folder_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    """The first thing that `up` needs is a place to write."""
    (tmp_path / "file").touch()
    done = run("up", BEDSIDE_DATA_DIR=str(tmp_path / "file" / "data"))
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_stack_that_is_not_there_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    """Whoever asks before starting reads how to start."""
    done = run("ask", "hello", BEDSIDE_DATA_DIR=str(tmp_path), BEDSIDE_PORT="1")
    assert done.returncode == 2
    assert done.stderr == "Bedside does not answer at http://127.0.0.1:1: start it with `bedside up`.\n"


def test_status_and_down_say_that_nothing_runs(tmp_path: Path) -> None:
    """`status` ends with 1, so that a script can wait for it; `down` has nothing to do and is content."""
    assert run("status", BEDSIDE_DATA_DIR=str(tmp_path)).returncode == 1
    down = run("down", BEDSIDE_DATA_DIR=str(tmp_path))
    assert (down.returncode, down.stdout) == (0, "Bedside is not running.\n")


def test_an_unknown_word_is_refused() -> None:
    """A slip of the pen does nothing."""
    done = run("statsu")
    assert done.returncode == 2
    assert "statsu" in done.stderr


def test_a_missing_input_file_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    """The sentence names the file."""
    done = run("redact", "--input", str(tmp_path / "none.jsonl"))
    assert done.returncode == 2
    assert "none.jsonl cannot be opened" in done.stderr


@pytest.mark.parametrize("at_once", [1, 3])
def test_each_line_becomes_one_with_the_same_id_in_the_same_order(tmp_path: Path, at_once: int) -> None:
    """Ids may be any JSON value, empty lines are passed over, and what went wrong stands in its line's place."""
    source = write_lines(
        tmp_path / "in.jsonl",
        {"id": 7, "text": "a"},
        "",
        "not json",
        [1],
        {"text": "no id"},
        {"id": "x", "text": 5},
        {"id": "y", "text": "b", "language": 3},
        {"id": None, "text": "boom"},
        {"id": "last", "text": "c"},
    )

    def shout(line: dict[str, Any]) -> dict[str, Any]:
        text = read_text_line(line).text
        if text == "boom":
            raise RuntimeError("the patient's words")
        return {"loud": text.upper()}

    target = tmp_path / "out.jsonl"
    with pytest.raises(typer.Exit) as ended:
        work_on_lines(source, target, shout, at_once=at_once)
    assert ended.value.exit_code == 1
    assert read_lines(target) == [
        {"id": 7, "loud": "A"},
        {"id": None, "error": "line 3 is not JSON"},
        {"id": None, "error": "line 4 is not a JSON object"},
        {"id": None, "error": 'line 5 has no "id"'},
        {"id": "x", "error": '"text" is missing or is not a text'},
        {"id": "y", "error": '"language" is not a text'},
        {"id": None, "error": "it could not be worked on (RuntimeError)"},
        {"id": "last", "loud": "C"},
    ]


def test_an_error_with_a_remedy_stands_in_words_in_its_line(tmp_path: Path) -> None:
    """Our own errors hold no patient's words, so they may be read."""
    source, target = write_lines(tmp_path / "in.jsonl", {"id": 1}, {"id": 2}), tmp_path / "out.jsonl"

    def fail(line: dict[str, Any]) -> dict[str, Any]:
        raise StartError("start it") if line["id"] == 1 else BadLineError("mend it")

    with pytest.raises(typer.Exit):
        work_on_lines(source, target, fail)
    assert [line["error"] for line in read_lines(target)] == ["start it", "mend it"]


def test_files_with_nothing_wrong_end_well(tmp_path: Path) -> None:
    """Exit code 0 means that every line was worked on."""
    target = tmp_path / "out.jsonl"
    work_on_lines(write_lines(tmp_path / "in.jsonl", {"id": 1}), target, lambda line: {"got": line["id"]})
    assert read_lines(target) == [{"id": 1, "got": 1}]


def test_screen_writes_the_verdict(tmp_path: Path) -> None:
    """The fields are those of the contract, the span is of the input's characters."""
    text = "I have crushing chest pain"
    source, target = write_lines(tmp_path / "in.jsonl", {"id": "a", "text": text}), tmp_path / "out.jsonl"
    screen(source, target)
    (verdict,) = read_lines(target)
    assert verdict["id"] == "a"
    assert (verdict["decision"], verdict["level"], verdict["category"]) == ("escalate", "emergency", "chest_pain")
    assert verdict["failed"] is False
    start, end = verdict["rules"][0]["span"]
    assert "chest pain" in text[start:end]


def test_redact_writes_the_text_and_where_the_identifiers_were(tmp_path: Path) -> None:
    """Offsets are characters of the input, so that a reader can find what was removed."""
    text = "Llámeme al 555-201-3344 por favor"
    source, target = write_lines(tmp_path / "in.jsonl", {"id": 1, "text": text}), tmp_path / "out.jsonl"
    redact(source, target)
    (line,) = read_lines(target)
    assert "3344" not in line["text"]
    (span,) = line["spans"]
    assert text[span["start"] : span["end"]] == "555-201-3344"
    assert span["type"]


def test_language_writes_the_tag_and_keeps_the_last_one_in_doubt(tmp_path: Path) -> None:
    """A text without words keeps the conversation's language, else it is undetermined."""
    source = write_lines(
        tmp_path / "in.jsonl",
        {"id": 1, "text": "¿Cuáles son los síntomas de la diabetes?"},
        {"id": 2, "text": "What are the signs of a stroke in older people?"},
        {"id": 3, "text": "???", "language": "es"},
        {"id": 4, "text": "???"},
    )
    language(source, tmp_path / "out.jsonl")
    assert [line["language"] for line in read_lines(tmp_path / "out.jsonl")] == ["es", "en", "es", "und"]


def test_a_reply_is_shown_with_its_sources_and_buttons() -> None:
    """In a terminal too, an answer is never without its sources."""
    reply = {
        "text": "Salt matters.",
        "citations": [{"publisher": "NIH", "title": "Salt", "url": "https://nih.example"}],
        "quick_replies": [{"title": "Simpler", "payload": "simpler"}],
    }
    assert shown(reply).splitlines() == ["Salt matters.", "  [1] NIH - Salt - https://nih.example", "  (1) Simpler"]
